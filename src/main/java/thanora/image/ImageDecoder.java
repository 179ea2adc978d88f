package thanora.image;

import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.DirectColorModel;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Iterator;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.imageio.IIOException;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.metadata.IIOMetadata;
import javax.imageio.metadata.IIOMetadataNode;
import javax.imageio.stream.MemoryCacheImageInputStream;
import org.w3c.dom.NodeList;

/**
 * Image files to upright RGB, as transformers' load_image has them: Pillow's exif_transpose, then its
 * convert("RGB"), which leaves out transparency and colour profiles.
 */
final class ImageDecoder {
  private ImageDecoder() {}

  /**
   * Reads an image.
   *
   * @throws ImageException naming the image, if it is missing, broken or of a format that is not read
   */
  static Rgb decode(ImageSource source) {
    byte[] file = source.bytes();
    ImageHeader header = ImageHeader.of(source.name(), file);
    try {
      return stored(header, file).upright(header.orientation());
    } catch (IOException | RuntimeException e) {
      throw new ImageException(source.name() + " is broken or cut off, or a kind of " + header.format()
          + " that is not read" + reason(e) + "; get it again, or save it anew", e);
    } catch (OutOfMemoryError e) {
      throw new ImageException(
          source.name() + " is " + header.stored() + " pixels, more than fit in memory; make it smaller", e);
    }
  }

  private static String reason(Exception e) {
    String message = e.getMessage();
    return message == null ? "" : " (" + message.lines().findFirst().orElse("").strip() + ")";
  }

  private static Rgb stored(ImageHeader header, byte[] file) throws IOException {
    Optional<Rgb> webp = header.format() == ImageFormat.WEBP ? Webp.decode(file) : Optional.empty();
    return webp.isPresent() ? webp.get() : byJava(header, file);
  }

  private static Rgb byJava(ImageHeader header, byte[] file) throws IOException {
    Iterator<ImageReader> readers = ImageIO.getImageReadersByFormatName(header.format().name());
    if (!readers.hasNext()) {
      throw new IIOException("javax.imageio has no reader of it");
    }
    ImageReader reader = readers.next();
    try (MemoryCacheImageInputStream input = new MemoryCacheImageInputStream(new ByteArrayInputStream(file))) {
      reader.setInput(input);
      AtomicBoolean cutOff = new AtomicBoolean();
      reader.addIIOReadWarningListener((source, warning) -> cutOff.compareAndSet(false, warning.contains("Truncated")));
      Rgb image = header.format() == ImageFormat.JPEG
          ? header.jpegColour().rgb(reader.readRaster(0, null))
          : rgb(header, reader);
      if (cutOff.get()) {
        throw new IIOException("the file ends too early");
      }
      return image;
    } finally {
      reader.dispose();
    }
  }

  private static Rgb rgb(ImageHeader header, ImageReader reader) throws IOException {
    BufferedImage read = reader.read(0);
    Rgb image = rgb(read);
    if (header.format() != ImageFormat.GIF) {
      return image;
    }
    // The first frame may be smaller than the screen; Pillow fills the rest with the transparent colour, or the first.
    IndexColorModel colours = (IndexColorModel) read.getColorModel();
    int fill = colours.getRGB(Math.max(0, colours.getTransparentPixel()));
    Rgb screen = Rgb.black(header.stored().width(), header.stored().height());
    for (int i = 0; i < screen.values().length; i += 3) {
      put(screen.values(), i, fill);
    }
    IIOMetadata frame = reader.getImageMetadata(0);
    NodeList places = ((IIOMetadataNode) frame.getAsTree(frame.getNativeMetadataFormatName()))
        .getElementsByTagName("ImageDescriptor");
    IIOMetadataNode place = (IIOMetadataNode) places.item(0);
    screen.put(image, Integer.parseInt(place.getAttribute("imageLeftPosition")),
        Integer.parseInt(place.getAttribute("imageTopPosition")));
    return screen;
  }

  private static void put(byte[] values, int at, int rgb) {
    values[at] = (byte) (rgb >> 16);
    values[at + 1] = (byte) (rgb >> 8);
    values[at + 2] = (byte) rgb;
  }

  /** The stored values, not those that Java's colour management makes of them. */
  private static Rgb rgb(BufferedImage read) {
    Raster raster = read.getRaster();
    int bands = raster.getNumBands();
    int width = read.getWidth();
    Rgb image = Rgb.black(width, read.getHeight());
    int[] row = new int[bands * width];
    IndexColorModel palette = read.getColorModel() instanceof IndexColorModel model ? model : null;
    int[][] eightBits = palette == null ? eightBits(read.getColorModel(), raster) : null;
    for (int y = 0; y < read.getHeight(); y++) {
      raster.getPixels(0, y, width, 1, row);
      for (int x = 0; x < width; x++) {
        if (palette != null) {
          put(image.values(), image.at(x, y), palette.getRGB(row[x]));
          continue;
        }
        for (int channel = 0; channel < 3; channel++) {
          int band = bands < 3 ? 0 : channel;
          image.values()[image.at(x, y) + channel] = (byte) eightBits[band][row[x * bands + band]];
        }
      }
    }
    return image;
  }

  /** What Pillow makes of each band's values: the high byte of 16 bits, but of 16 bits grey the low ones. */
  private static int[][] eightBits(ColorModel colours, Raster raster) {
    int[][] eightBits = new int[raster.getNumBands()][];
    for (int band = 0; band < eightBits.length; band++) {
      int bits = raster.getSampleModel().getSampleSize(band);
      int[] values = new int[1 << bits];
      for (int i = 0; i < values.length; i++) {
        if (bits == 16) {
          values[i] = eightBits.length == 1 ? Math.min(255, i) : i >> 8;
        } else {
          values[i] = colours instanceof DirectColorModel && bits < 8 ? i * 255 / (values.length - 1) : i;
        }
      }
      eightBits[band] = values;
    }
    return eightBits;
  }
}
