package thanora.compare;

import java.util.Arrays;
import java.util.List;
import thanora.page.Estimate;

/**
 * A statistic as measured with each seed and as it came out of each resample.
 *
 * <p>Samples of one {@link Resamples} are paired: resample i used the same rows and seeds in all of
 * them, so differences and means are taken elementwise.
 *
 * <p>The interval is the percentile interval of the resamples, stretched about the value by t(ν) / z,
 * with ν of Welch and Satterthwaite: ν = (S − 1) V² / V_s², V the variance of the resamples, V_s
 * that of the mean over S seeds. Without the stretch three seeds that agree by chance would pass for
 * certainty: where seeds make the noise, a 95 % interval then holds the truth 72 % of the time with
 * three seeds and 52 % with two, and with the stretch 93 % and 92 % (simulated, ResamplesTest).
 * Where rows make the noise ν is large and nothing changes.
 *
 * @param bySeed from all rows, one value a seed
 * @param resampled one value a resample
 */
public record Sample(double[] bySeed, double[] resampled) {
  private static final double TAIL = 0.025;

  double value() {
    return mean(bySeed);
  }

  /** The difference, resample by resample. */
  public Sample minus(Sample other) {
    return new Sample(minus(bySeed, other.bySeed), minus(resampled, other.resampled));
  }

  /** The mean, resample by resample. */
  public static Sample mean(List<Sample> samples) {
    return new Sample(
        mean(samples.stream().map(Sample::bySeed).toList(), samples.get(0).bySeed.length),
        mean(samples.stream().map(Sample::resampled).toList(), samples.get(0).resampled.length));
  }

  /** Value and 95 % interval, cut to where values can lie. */
  public Estimate estimate(double least, double most) {
    double value = value();
    if (Double.isNaN(value)) {
      return Estimate.NONE;
    }
    double[] sorted = stretched();
    Arrays.sort(sorted);
    double low = Math.max(least, percentile(sorted, TAIL));
    double high = Math.min(most, percentile(sorted, 1 - TAIL));
    // Skewed resamples may lie beside the value; an interval that misses its own number misleads.
    return new Estimate(value, Math.min(value, low), Math.max(value, high));
  }

  /** As a difference, p not yet corrected: 2 min(share ≤ 0, share ≥ 0) of stretched resamples. */
  Difference difference() {
    Estimate estimate = estimate(Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY);
    if (!estimate.isKnown()) {
      return new Difference(estimate, Double.NaN, Double.NaN);
    }
    double[] values = stretched();
    long below = Arrays.stream(values).filter(v -> v <= 0).count();
    long above = Arrays.stream(values).filter(v -> v >= 0).count();
    double p = Math.min(1, 2.0 * (1 + Math.min(below, above)) / (values.length + 1));
    return new Difference(estimate, p, p);
  }

  private double[] stretched() {
    double value = value();
    double factor = StudentT.twoSided95(degreesOfFreedom()) / StudentT.NORMAL;
    return Arrays.stream(resampled).map(v -> value + (v - value) * factor).toArray();
  }

  private double degreesOfFreedom() {
    int seeds = bySeed.length;
    if (seeds == 1) {
      return Double.POSITIVE_INFINITY;
    }
    double ofSeeds = variance(bySeed) / seeds;
    double ofAll = variance(resampled);
    double df = (seeds - 1) * ofAll * ofAll / (ofSeeds * ofSeeds);
    return Math.max(seeds - 1, df);
  }

  private static double percentile(double[] sorted, double share) {
    double place = share * (sorted.length - 1);
    int below = (int) Math.floor(place);
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
  }

  private static double variance(double[] values) {
    double mean = mean(values);
    double sum = 0;
    for (double v : values) {
      sum += (v - mean) * (v - mean);
    }
    return sum / (values.length - 1);
  }

  private static double mean(double[] values) {
    double sum = 0;
    for (double v : values) {
      sum += v;
    }
    return sum / values.length;
  }

  private static double[] mean(List<double[]> arrays, int length) {
    double[] sum = new double[length];
    for (double[] array : arrays) {
      for (int i = 0; i < length; i++) {
        sum[i] += array[i] / arrays.size();
      }
    }
    return sum;
  }

  private static double[] minus(double[] a, double[] b) {
    double[] difference = new double[a.length];
    for (int i = 0; i < a.length; i++) {
      difference[i] = a[i] - b[i];
    }
    return difference;
  }
}
