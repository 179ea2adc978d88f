package thanora.image;

/**
 * An image of 8 bits a value.
 *
 * @param width in pixels
 * @param height in pixels
 * @param values (height, width, 3): red, green, blue
 */
record Rgb(int width, int height, byte[] values) {
  Rgb {
    if (values.length != 3 * width * height) {
      throw new IllegalArgumentException(values.length + " values for " + width + " x " + height + " pixels");
    }
  }

  static Rgb black(int width, int height) {
    return new Rgb(width, height, new byte[3 * width * height]);
  }

  Size size() {
    return new Size(width, height);
  }

  /** Where the values of a pixel begin. */
  int at(int x, int y) {
    return 3 * (y * width + x);
  }

  /** Puts another image into this one, with its upper left corner at (left, top); what falls outside is lost. */
  void put(Rgb other, int left, int top) {
    int from = Math.max(0, -left);
    int count = Math.min(other.width, width - left) - from;
    for (int y = Math.max(0, -top); count > 0 && y < Math.min(other.height, height - top); y++) {
      System.arraycopy(other.values, other.at(from, y), values, at(left + from, top + y), 3 * count);
    }
  }

  /** The part of a size around the centre; where the image is smaller it lies on black. */
  Rgb centred(int wide, int high) {
    if (wide == width && high == height) {
      return this;
    }
    Rgb cut = black(wide, high);
    cut.put(this, -Math.floorDiv(width - wide, 2), -Math.floorDiv(height - high, 2));
    return cut;
  }

  /**
   * Upright, of an image that a camera stored turned or mirrored.
   *
   * @param orientation of EXIF, 1 to 8; all else is taken for upright
   */
  Rgb upright(int orientation) {
    if (orientation < 2 || orientation > 8) {
      return this;
    }
    boolean turned = orientation >= 5;
    Rgb upright = turned ? black(height, width) : black(width, height);
    boolean mirrorX = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
    boolean mirrorY = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
    for (int y = 0; y < upright.height; y++) {
      int stepY = mirrorY ? upright.height - 1 - y : y;
      for (int x = 0; x < upright.width; x++) {
        int stepX = mirrorX ? upright.width - 1 - x : x;
        int from = turned ? at(stepY, stepX) : at(stepX, stepY);
        System.arraycopy(values, from, upright.values, upright.at(x, y), 3);
      }
    }
    return upright;
  }
}
