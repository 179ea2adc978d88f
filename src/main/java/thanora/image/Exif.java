package thanora.image;

import static thanora.image.ImageFormat.begins;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** How a camera was held: the tag Orientation of EXIF, or of XMP in JPEG files. */
final class Exif {
  private static final int ORIENTATION = 0x0112;
  private static final Pattern OF_XMP = Pattern.compile("tiff:Orientation(?:=\"|>)([0-9])");
  private static final String XMP = "http://ns.adobe.com/xap/1.0/\0";

  private Exif() {}

  /** Of XMP data; 0 if they are something else, or say nothing. */
  static int orientationOfXmp(byte[] file, int at, int length) {
    if (!begins(file, at, XMP) || at + length > file.length) {
      return 0;
    }
    Matcher xmp = OF_XMP.matcher(new String(file, at, length, StandardCharsets.ISO_8859_1));
    return xmp.find() ? xmp.group(1).charAt(0) - '0' : 0;
  }

  /** Of EXIF data; 0 if they say nothing, or are broken: the image is none the worse. */
  static int orientation(byte[] file, int at, int length) {
    int start = begins(file, at, "Exif\0\0") ? at + 6 : at;
    try {
      ByteBuffer exif = ByteBuffer.wrap(file, start, at + length - start).slice();
      exif.order(exif.get(0) == 'I' ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
      int directory = exif.getInt(4);
      int entries = exif.getShort(directory) & 0xffff;
      for (int i = 0; i < entries; i++) {
        int entry = directory + 2 + 12 * i;
        if ((exif.getShort(entry) & 0xffff) == ORIENTATION && exif.getInt(entry + 4) == 1) {
          return value(exif, exif.getShort(entry + 2), entry + 8);
        }
      }
      return 0;
    } catch (IndexOutOfBoundsException e) {
      return 0;
    }
  }

  private static int value(ByteBuffer exif, int type, int at) {
    return switch (type) {
      case 1, 6 -> exif.get(at);
      case 3, 8 -> exif.getShort(at);
      case 4, 9 -> exif.getInt(at);
      default -> 0;
    };
  }
}
