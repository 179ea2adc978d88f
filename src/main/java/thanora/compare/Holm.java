package thanora.compare;

import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * Holm's step-down correction: the chance of any false claim among all stays below the level.
 *
 * <p>The k-th smallest of m becomes max over j ≤ k of min(1, (m − j + 1) p_(j)).
 *
 * @see <a href="https://www.jstor.org/stable/4615733">Holm 1979, A simple sequentially rejective
 *     multiple test procedure</a>
 */
final class Holm {
  private Holm() {}

  /** Corrected p, in the order given; NaN stays NaN and is not counted. */
  static double[] correct(double[] p) {
    int[] order =
        IntStream.range(0, p.length)
            .filter(i -> !Double.isNaN(p[i]))
            .boxed()
            .sorted(Comparator.comparingDouble(i -> p[i]))
            .mapToInt(Integer::intValue)
            .toArray();
    double[] corrected = p.clone();
    double largest = 0;
    for (int k = 0; k < order.length; k++) {
      largest = Math.max(largest, Math.min(1, (order.length - k) * p[order[k]]));
      corrected[order[k]] = largest;
    }
    return corrected;
  }
}
