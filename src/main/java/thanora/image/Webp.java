package thanora.image;

import java.nio.IntBuffer;
import java.util.Optional;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.leptonica.PIX;
import org.bytedeco.leptonica.global.leptonica;

/** WebP files read by libwebp itself, as Leptonica has it, which Pillow does too: bit by bit the same. */
final class Webp {
  private static final boolean THERE = load();

  private Webp() {}

  private static boolean load() {
    try {
      leptonica.setMsgSeverity(leptonica.L_SEVERITY_NONE);
      return true;
    } catch (LinkageError e) { // no library for this system: Java's reader takes its place
      return false;
    }
  }

  /** The image; empty where it moves or is broken, or where there is no library for this system. */
  static Optional<Rgb> decode(byte[] file) {
    if (!THERE) {
      return Optional.empty();
    }
    try (BytePointer bytes = new BytePointer(file)) {
      PIX pix = leptonica.pixReadMemWebP(bytes, file.length);
      if (pix == null) {
        return Optional.empty();
      }
      try {
        return Optional.of(rgb(pix));
      } finally {
        leptonica.pixDestroy(pix);
      }
    }
  }

  /** A pixel is an int: red, green, blue, alpha. */
  private static Rgb rgb(PIX pix) {
    Rgb image = Rgb.black(leptonica.pixGetWidth(pix), leptonica.pixGetHeight(pix));
    int line = leptonica.pixGetWpl(pix);
    IntBuffer pixels = leptonica.pixGetData(pix).capacity((long) line * image.height()).asBuffer();
    for (int y = 0; y < image.height(); y++) {
      for (int x = 0; x < image.width(); x++) {
        int pixel = pixels.get(y * line + x);
        int at = image.at(x, y);
        image.values()[at] = (byte) (pixel >>> 24);
        image.values()[at + 1] = (byte) (pixel >>> 16);
        image.values()[at + 2] = (byte) (pixel >>> 8);
      }
    }
    return image;
  }
}
