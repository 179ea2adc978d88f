package thanora.demo;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;
import javax.imageio.ImageIO;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/**
 * A picture of the demo. It is filled by this class alone, from {@link Region}s and whole numbers, so that it is the
 * same to the bit on every Java and machine, with or without fonts.
 */
final class Picture {
  static final int SIDE = 64;

  /** Points that are tested in a row of a pixel, and in a column. */
  private static final int FINE = 4;

  private final int[] rgb = new int[SIDE * SIDE];

  Picture(int background) {
    Arrays.fill(rgb, background);
  }

  /**
   * Where a region's square from -1 to 1 comes to lie.
   *
   * @param x of its centre, in pixels
   * @param y of its centre
   * @param across half its width
   * @param down half its height
   * @param angle by which it is turned, clockwise
   */
  record Place(double x, double y, double across, double down, double angle) {
    static Place upright(double x, double y, double half) {
      return new Place(x, y, half, half, 0);
    }

    double reach() {
      return StrictMath.sqrt(across * across + down * down) + 1;
    }
  }

  /** Lays a region over what is there; edges are blended by how much of a pixel they cover. */
  void fill(Region region, Place place, int colour) {
    double cos = StrictMath.cos(place.angle());
    double sin = StrictMath.sin(place.angle());
    int left = (int) Math.max(0, place.x() - place.reach());
    int right = (int) Math.min(SIDE - 1, place.x() + place.reach());
    int top = (int) Math.max(0, place.y() - place.reach());
    int bottom = (int) Math.min(SIDE - 1, place.y() + place.reach());
    for (int row = top; row <= bottom; row++) {
      for (int column = left; column <= right; column++) {
        int covered = 0;
        for (int k = 0; k < FINE * FINE; k++) {
          double dx = column + (k % FINE + 0.5) / FINE - place.x();
          double dy = row + (k / FINE + 0.5) / FINE - place.y();
          double u = (dx * cos + dy * sin) / place.across();
          double v = (dy * cos - dx * sin) / place.down();
          covered += region.contains(u, v) ? 1 : 0;
        }
        int at = row * SIDE + column;
        rgb[at] = blend(rgb[at], colour, covered);
      }
    }
  }

  /** Fills a rectangle given in pixels. */
  void box(double left, double top, double right, double bottom, int colour) {
    fill((x, y) -> Math.abs(x) <= 1 && Math.abs(y) <= 1,
        new Place((left + right) / 2, (top + bottom) / 2, (right - left) / 2, (bottom - top) / 2, 0), colour);
  }

  private static int blend(int below, int above, int covered) {
    int whole = FINE * FINE;
    int mixed = 0;
    for (int shift = 0; shift <= 16; shift += 8) {
      int a = below >> shift & 255;
      int b = above >> shift & 255;
      mixed |= (a * (whole - covered) + b * covered + whole / 2) / whole << shift;
    }
    return mixed;
  }

  /** Red, green and blue of every pixel, row by row. */
  byte[] bytes() {
    byte[] bytes = new byte[3 * rgb.length];
    for (int i = 0; i < rgb.length; i++) {
      bytes[3 * i] = (byte) (rgb[i] >> 16);
      bytes[3 * i + 1] = (byte) (rgb[i] >> 8);
      bytes[3 * i + 2] = (byte) rgb[i];
    }
    return bytes;
  }

  /** A PNG file of it. */
  byte[] png() throws IOException {
    BufferedImage image = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_RGB);
    image.setRGB(0, 0, SIDE, SIDE, rgb, 0, SIDE);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (MemoryCacheImageOutputStream stream = new MemoryCacheImageOutputStream(out)) {
      ImageIO.write(image, "png", stream);
    }
    return out.toByteArray();
  }
}
