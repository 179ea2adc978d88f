package thanora.image;

import static thanora.image.ImageFormat.begins;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * What an image file says of itself before its pixels.
 *
 * @param format of the file
 * @param stored size of the image as stored
 * @param orientation of EXIF or XMP: how the stored image must be turned; 0 if it says nothing
 * @param jpegColour how the values of a JPEG file stand for colours; null for others
 */
record ImageHeader(ImageFormat format, Size stored, int orientation, JpegColour jpegColour) {
  private static final String READ = "PNG, JPEG, WebP, GIF and BMP are read";

  /**
   * Reads a file's header.
   *
   * @param name of the image, for messages
   * @throws ImageException naming the image, if it is none or too large
   */
  static ImageHeader of(String name, byte[] file) {
    if (file.length == 0) {
      throw new ImageException(name + " is an empty file; get it again");
    }
    ImageFormat format = ImageFormat.of(file)
        .orElseThrow(() -> new ImageException(name + " is no image of a known format; " + READ));
    Finder found = new Finder(ByteBuffer.wrap(file));
    try {
      switch (format) {
        case PNG -> found.png();
        case JPEG -> found.jpeg();
        case WEBP -> found.webp();
        case GIF -> found.gif();
        case BMP -> found.bmp();
      }
    } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
      throw new ImageException(name + " ends too early for a " + format + " file; get it again", e);
    }
    if (found.width <= 0 || found.height <= 0) {
      throw new ImageException(name + " has no size in its " + format + " header: it is broken; get it again");
    }
    Size stored = new Size(found.width, found.height);
    if (stored.isTooLarge()) {
      throw new ImageException(
          name + " is " + stored + " pixels, more than " + Size.MAX_PIXELS + "; make it smaller");
    }
    return new ImageHeader(format, stored, found.exif > 0 ? found.exif : found.xmp, found.colour);
  }

  /** Size of the upright image. */
  Size upright() {
    boolean turned = orientation >= 5 && orientation <= 8;
    return turned ? new Size(stored.height(), stored.width()) : stored;
  }

  /** Walks through the chunks or segments of a file. */
  private static final class Finder {
    private final ByteBuffer file;
    private int width;
    private int height;
    private int exif;
    private int xmp;
    private JpegColour colour;

    Finder(ByteBuffer file) {
      this.file = file;
    }

    private int unsigned16(int at) {
      return file.getShort(at) & 0xffff;
    }

    void png() {
      width = file.getInt(16);
      height = file.getInt(20);
      for (long at = 8; at + 12 <= file.limit();) {
        int chunk = (int) at;
        long length = file.getInt(chunk) & 0xffffffffL;
        if (begins(file.array(), chunk + 4, "eXIf") && at + 8 + length <= file.limit()) {
          exif = Exif.orientation(file.array(), chunk + 8, (int) length);
        }
        at += 12 + length;
      }
    }

    void jpeg() {
      boolean jfif = false;
      int adobe = -1;
      int at = 2;
      while (true) {
        while (file.get(at) != (byte) 0xff || (file.get(at + 1) & 0xff) == 0xff) {
          at++;
        }
        int marker = file.get(at + 1) & 0xff;
        if (marker == 0 || marker == 1 || marker >= 0xd0 && marker <= 0xd8) {
          at += 2;
          continue;
        }
        if (marker == 0xd9 || marker == 0xda) {
          return;
        }
        int data = at + 4;
        int length = unsigned16(at + 2) - 2;
        jfif |= marker == 0xe0 && begins(file.array(), data, "JFIF\0");
        if (marker == 0xee && begins(file.array(), data, "Adobe") && length >= 12) {
          adobe = file.get(data + 11) & 0xff;
        } else if (marker == 0xe1 && begins(file.array(), data, "Exif\0")) {
          exif = Exif.orientation(file.array(), data, length);
        } else if (marker == 0xe1) {
          xmp = Math.max(xmp, Exif.orientationOfXmp(file.array(), data, length));
        } else if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc) {
          frame(data, jfif, adobe);
        }
        at = data + Math.max(0, length);
      }
    }

    private void frame(int data, boolean jfif, int adobe) {
      height = unsigned16(data + 1);
      width = unsigned16(data + 3);
      int[] ids = new int[file.get(data + 5) & 0xff];
      for (int i = 0; i < ids.length; i++) {
        ids[i] = file.get(data + 6 + 3 * i) & 0xff;
      }
      colour = JpegColour.of(ids, jfif, adobe);
    }

    void webp() {
      file.order(ByteOrder.LITTLE_ENDIAN);
      if ((file.getInt(4) & 0xffffffffL) + 8 > file.limit()) {
        throw new IndexOutOfBoundsException("less than the length at its beginning");
      }
      for (long at = 12; at + 8 <= file.limit();) {
        int data = (int) at + 8;
        long length = file.getInt(data - 4) & 0xffffffffL;
        if (begins(file.array(), data - 8, "VP8 ") && width == 0) {
          width = unsigned16(data + 6) & 0x3fff;
          height = unsigned16(data + 8) & 0x3fff;
        } else if (begins(file.array(), data - 8, "VP8L") && width == 0) {
          int bits = file.getInt(data + 1);
          width = (bits & 0x3fff) + 1;
          height = (bits >> 14 & 0x3fff) + 1;
        } else if (begins(file.array(), data - 8, "VP8X")) {
          width = (file.getInt(data + 4) & 0xffffff) + 1;
          height = (file.getInt(data + 6) >>> 8) + 1;
        } else if (begins(file.array(), data - 8, "EXIF") && data + length <= file.limit()) {
          exif = Exif.orientation(file.array(), data, (int) length);
        }
        at += 8 + length + length % 2;
      }
    }

    /** As in Pillow the image is the whole screen, and as much more as the first frame needs. */
    void gif() {
      file.order(ByteOrder.LITTLE_ENDIAN);
      width = unsigned16(6);
      height = unsigned16(8);
      int at = 13 + colours(file.get(10));
      while (file.get(at) == 0x21) {
        at += 2;
        while (file.get(at) != 0) {
          at += 1 + (file.get(at) & 0xff);
        }
        at++;
      }
      if (file.get(at) == 0x2c) {
        width = Math.max(width, unsigned16(at + 1) + unsigned16(at + 5));
        height = Math.max(height, unsigned16(at + 3) + unsigned16(at + 7));
      }
    }

    private static int colours(byte flags) {
      return (flags & 0x80) == 0 ? 0 : 3 << (flags & 7) + 1;
    }

    void bmp() {
      file.order(ByteOrder.LITTLE_ENDIAN);
      boolean old = file.getInt(14) == 12;
      width = old ? unsigned16(18) : file.getInt(18);
      height = old ? unsigned16(20) : Math.abs(file.getInt(22));
    }
  }
}
