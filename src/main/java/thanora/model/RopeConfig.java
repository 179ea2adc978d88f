package thanora.model;

import java.util.List;
import java.util.stream.IntStream;

/**
 * The rotary frequencies of a layer: the angle that a position adds in each pair of values, in radians.
 *
 * @param frequencies one a pair; values of a head beyond them are not turned
 * @param longFrequencies those of rows longer than {@code border}
 * @param border longest row, in tokens, that {@code frequencies} serve
 * @param factor of all cosines and sines
 */
record RopeConfig(List<Double> frequencies, List<Double> longFrequencies, int border, double factor) {
  static final int NO_BORDER = Integer.MAX_VALUE;

  /** The same for rows of any length. */
  static RopeConfig of(List<Double> frequencies, double factor) {
    return new RopeConfig(frequencies, frequencies, NO_BORDER, factor);
  }

  /** θ^(−2i / width) for {@code width} values of a head. */
  static RopeConfig plain(double theta, int width) {
    return of(IntStream.range(0, width / 2).mapToObj(i -> Math.pow(theta, -2.0 * i / width)).toList(), 1);
  }
}
