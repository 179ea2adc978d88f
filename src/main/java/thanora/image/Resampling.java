package thanora.image;

import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;

/**
 * Pillow's filters, in the order of its numbers, with the same values bit by bit.
 *
 * <p>Rows and columns are resized one after the other, each value a sum of weights of 22 fractional bits, rounded and
 * clipped to 8 bits after either; a filter is as much wider as the image gets smaller. Which of them is first is that of
 * Pillow 13; older ones always begin with rows.
 */
enum Resampling {
  NEAREST(0, x -> 0),
  LANCZOS(3, x -> x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0),
  BILINEAR(1, x -> Math.max(0, 1 - Math.abs(x))),
  BICUBIC(2, x -> cubic(Math.abs(x))),
  BOX(0.5, x -> x > -0.5 && x <= 0.5 ? 1 : 0),
  HAMMING(1, x -> Math.abs(x) < 1 ? sinc(x) * (0.54 + 0.46 * Math.cos(Math.PI * x)) : 0);

  private static final int FRACTION_BITS = 22;

  private final double support;
  private final DoubleUnaryOperator filter;

  Resampling(double support, DoubleUnaryOperator filter) {
    this.support = support;
    this.filter = filter;
  }

  private static double sinc(double x) {
    return x == 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
  }

  private static double cubic(double x) {
    double a = -0.5;
    if (x < 1) {
      return ((a + 2) * x - (a + 3)) * x * x + 1;
    }
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
  }

  /** The image in another size. */
  Rgb resize(Rgb image, Size size) {
    if (this == NEAREST) {
      return nearest(image, size);
    }
    // Where that is less work; whichever is first is rounded first.
    boolean columnsFirst = image.height() - size.height() > 2 * Math.max(0, image.width() - size.width());
    return columnsFirst
        ? rows(columns(image, size.height()), size.width())
        : columns(rows(image, size.width()), size.height());
  }

  private Rgb rows(Rgb image, int width) {
    if (width == image.width()) {
      return image;
    }
    Weights weights = weights(image.width(), width);
    Rgb resized = Rgb.black(width, image.height());
    byte[] from = image.values();
    byte[] to = resized.values();
    int at = 0;
    for (int y = 0; y < image.height(); y++) {
      for (int x = 0; x < width; x++) {
        int red = 1 << FRACTION_BITS - 1;
        int green = red;
        int blue = red;
        int pixel = image.at(weights.first[x], y);
        int end = x * weights.size + weights.count[x];
        for (int k = x * weights.size; k < end; k++, pixel += 3) {
          int weight = weights.values[k];
          red += (from[pixel] & 0xff) * weight;
          green += (from[pixel + 1] & 0xff) * weight;
          blue += (from[pixel + 2] & 0xff) * weight;
        }
        to[at++] = clipped(red);
        to[at++] = clipped(green);
        to[at++] = clipped(blue);
      }
    }
    return resized;
  }

  private Rgb columns(Rgb image, int height) {
    if (height == image.height()) {
      return image;
    }
    Weights weights = weights(image.height(), height);
    Rgb resized = Rgb.black(image.width(), height);
    byte[] from = image.values();
    byte[] to = resized.values();
    int[] sums = new int[3 * image.width()];
    for (int y = 0; y < height; y++) {
      Arrays.fill(sums, 1 << FRACTION_BITS - 1);
      for (int k = 0; k < weights.count[y]; k++) {
        int weight = weights.values[y * weights.size + k];
        int row = image.at(0, weights.first[y] + k);
        for (int i = 0; i < sums.length; i++) {
          sums[i] += (from[row + i] & 0xff) * weight;
        }
      }
      int row = resized.at(0, y);
      for (int i = 0; i < sums.length; i++) {
        to[row + i] = clipped(sums[i]);
      }
    }
    return resized;
  }

  private static byte clipped(int sum) {
    return (byte) Math.max(0, Math.min(255, sum >> FRACTION_BITS));
  }

  /**
   * What every new row or column is made of.
   *
   * @param size places of each in values
   * @param first old one
   * @param count of old ones
   * @param values (new, size), of FRACTION_BITS
   */
  private record Weights(int size, int[] first, int[] count, int[] values) {}

  private Weights weights(int from, int to) {
    double scale = (double) from / to;
    double stretch = Math.max(1, scale);
    double reach = support * stretch;
    int size = (int) Math.ceil(reach) * 2 + 1;
    Weights weights = new Weights(size, new int[to], new int[to], new int[to * size]);
    double[] exact = new double[size];
    for (int i = 0; i < to; i++) {
      double centre = (i + 0.5) * scale;
      int first = Math.max(0, (int) (centre - reach + 0.5));
      int count = Math.min(from, (int) (centre + reach + 0.5)) - first;
      double sum = 0;
      for (int k = 0; k < count; k++) {
        exact[k] = filter.applyAsDouble((k + first - centre + 0.5) * (1 / stretch));
        sum += exact[k];
      }
      weights.first[i] = first;
      weights.count[i] = count;
      for (int k = 0; k < count; k++) {
        double weight = (sum == 0 ? exact[k] : exact[k] / sum) * (1 << FRACTION_BITS);
        weights.values[i * size + k] = (int) (weight < 0 ? weight - 0.5 : weight + 0.5);
      }
    }
    return weights;
  }

  private static Rgb nearest(Rgb image, Size size) {
    int[] x = nearest(image.width(), size.width());
    int[] y = nearest(image.height(), size.height());
    Rgb resized = Rgb.black(size.width(), size.height());
    for (int row = 0; row < y.length; row++) {
      for (int column = 0; column < x.length; column++) {
        System.arraycopy(image.values(), image.at(x[column], y[row]), resized.values(), resized.at(column, row), 3);
      }
    }
    return resized;
  }

  private static int[] nearest(int from, int to) {
    double scale = (double) from / to;
    int[] old = new int[to];
    // Added up, not multiplied, as Pillow does it: rounding decides between two pixels.
    double at = scale * 0.5;
    for (int i = 0; i < to; i++, at += scale) {
      old[i] = Math.min(from - 1, (int) at);
    }
    return old;
  }
}
