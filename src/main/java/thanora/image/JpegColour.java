package thanora.image;

import java.awt.image.Raster;

/** What the values of a JPEG file stand for, and how Pillow makes RGB of them, bit by bit. */
enum JpegColour {
  GREY,
  RGB,
  YCC,
  CMYK,
  YCCK,
  OTHER;

  /**
   * As libjpeg guesses it, since no JPEG file says.
   *
   * @param ids of the components
   * @param jfif whether there is a JFIF segment
   * @param adobe the transform of an Adobe segment; -1 without one
   */
  static JpegColour of(int[] ids, boolean jfif, int adobe) {
    switch (ids.length) {
      case 1:
        return GREY;
      case 3:
        boolean named = ids[0] == 'R' && ids[1] == 'G' && ids[2] == 'B';
        return !jfif && (adobe == 0 || adobe < 0 && named) ? RGB : YCC;
      case 4:
        return adobe == 2 ? YCCK : CMYK;
      default:
        return OTHER;
    }
  }

  /** The image of the values as stored. */
  Rgb rgb(Raster stored) {
    int width = stored.getWidth();
    int bands = stored.getNumBands();
    Rgb image = Rgb.black(width, stored.getHeight());
    int[] row = new int[bands * width];
    for (int y = 0; y < stored.getHeight(); y++) {
      stored.getPixels(stored.getMinX(), stored.getMinY() + y, width, 1, row);
      for (int x = 0; x < width; x++) {
        put(row, bands * x, image.values(), image.at(x, y));
      }
    }
    return image;
  }

  private void put(int[] from, int at, byte[] to, int pixel) {
    switch (this) {
      case GREY -> put(to, pixel, from[at], from[at], from[at]);
      case YCC -> ycc(from[at], from[at + 1], from[at + 2], to, pixel);
      case CMYK -> ink(from[at], from[at + 1], from[at + 2], from[at + 3], to, pixel);
      case YCCK -> {
        // The inks' complements are stored as luma and chroma, and once more inverted, as Adobe does.
        ycc(from[at], from[at + 1], from[at + 2], to, pixel);
        ink(255 - (to[pixel] & 0xff), 255 - (to[pixel + 1] & 0xff), 255 - (to[pixel + 2] & 0xff), from[at + 3],
            to, pixel);
      }
      case RGB -> put(to, pixel, from[at], from[at + 1], from[at + 2]);
      case OTHER -> throw new IllegalStateException("neither one, three nor four values a pixel");
    }
  }

  private static void put(byte[] to, int pixel, int red, int green, int blue) {
    to[pixel] = (byte) red;
    to[pixel + 1] = (byte) green;
    to[pixel + 2] = (byte) blue;
  }

  /** libjpeg's sums of 16 fractional bits. */
  private static void ycc(int y, int blueness, int redness, byte[] to, int pixel) {
    int half = 1 << 15;
    int cb = blueness - 128;
    int cr = redness - 128;
    put(to, pixel,
        clipped(y + (91881 * cr + half >> 16)),
        clipped(y + (-22554 * cb - 46802 * cr + half >> 16)),
        clipped(y + (116130 * cb + half >> 16)));
  }

  /** Inverted inks, as Adobe stores them: 255 is none. */
  private static void ink(int cyan, int magenta, int yellow, int white, byte[] to, int pixel) {
    put(to, pixel, inked(cyan, white), inked(magenta, white), inked(yellow, white));
  }

  private static int inked(int none, int white) {
    int product = (255 - none) * white + 128;
    return clipped(white - ((product >> 8) + product >> 8));
  }

  private static int clipped(int value) {
    return Math.max(0, Math.min(255, value));
  }
}
