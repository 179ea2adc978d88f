package thanora.image;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import javax.imageio.ImageIO;

/** Small pictures of images, for pages. */
public final class Thumbnail {
  private Thumbnail() {}

  /**
   * A PNG of an image's proportions.
   *
   * @param edge pixels of its longer side at most
   * @throws ImageException naming the image, if it is missing or broken
   */
  public static byte[] png(ImageSource source, int edge) {
    Rgb image = ImageDecoder.decode(source);
    double scale = Math.min(1, (double) edge / Math.max(image.width(), image.height()));
    Rgb small = Resampling.LANCZOS.resize(image, new Size(
        Math.max(1, (int) Math.round(scale * image.width())), Math.max(1, (int) Math.round(scale * image.height()))));
    BufferedImage drawn = new BufferedImage(small.width(), small.height(), BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < small.height(); y++) {
      for (int x = 0; x < small.width(); x++) {
        int at = small.at(x, y);
        drawn.setRGB(x, y, (small.values()[at] & 0xff) << 16 | (small.values()[at + 1] & 0xff) << 8
            | small.values()[at + 2] & 0xff);
      }
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try {
      ImageIO.write(drawn, "png", bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }
}
