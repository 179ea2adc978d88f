package thanora.image;

/** Width and height in pixels. */
record Size(int width, int height) {
  /** Pillow refuses to read more: a small file of so many pixels is most likely made to fill memory. */
  static final long MAX_PIXELS = 178_956_970;

  Size {
    if (width < 1 || height < 1) {
      throw new IllegalArgumentException(width + " x " + height + " is no size");
    }
  }

  boolean isTooLarge() {
    return (long) width * height > MAX_PIXELS;
  }

  @Override
  public String toString() {
    return width + " x " + height;
  }
}
