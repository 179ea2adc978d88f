package thanora.compare;

import java.util.Random;
import thanora.tensor.Seeds;

/**
 * The paired bootstrap over seeds and test rows.
 *
 * <p>Statistic of a method on a task: the mean over seeds of Σ row values / Σ row weights. Each
 * resample draws seeds, and within each task rows, with replacement, the same ones for every
 * method: what is hard for all methods cancels in their differences. A resample's value is
 * f + √(S / (S − 1)) (g − f), with f from the drawn rows and all S seeds, g from the drawn rows and
 * the drawn seeds: the root makes up for the variance that a draw of S out of S lacks. With one
 * seed only rows are drawn.
 *
 * <p>Cost: resamples × methods × seeds × test rows multiplications.
 */
public final class Resamples {
  private final Sample[][] samples; // [method][task]

  private Resamples(Sample[][] samples) {
    this.samples = samples;
  }

  /**
   * Draws.
   *
   * @param values [method][seed][task][row]
   * @param weights [task][row], what a task's sum of values is divided by the sum of
   * @param seed of the draws; the same seed and row counts give the same draws
   */
  public static Resamples draw(double[][][][] values, double[][] weights, int resamples, long seed) {
    int methods = values.length;
    int tasks = weights.length;
    int seeds = values[0].length;
    Sample[][] samples = new Sample[methods][tasks];
    for (int m = 0; m < methods; m++) {
      for (int t = 0; t < tasks; t++) {
        samples[m][t] = new Sample(new double[seeds], new double[resamples]);
        for (int s = 0; s < seeds; s++) {
          samples[m][t].bySeed()[s] = ratio(values[m][s][t], weights[t]);
        }
      }
    }
    Random random = Seeds.stream(seed, "bootstrap");
    for (int i = 0; i < resamples; i++) {
      int[] seedCounts = counts(random, seeds);
      for (int t = 0; t < tasks; t++) {
        int[] rowCounts = counts(random, weights[t].length);
        double weight = dot(rowCounts, weights[t]);
        for (int m = 0; m < methods; m++) {
          samples[m][t].resampled()[i] = value(values[m], t, rowCounts, seedCounts) / weight;
        }
      }
    }
    return new Resamples(samples);
  }

  /** A method on a task. */
  public Sample task(int method, int task) {
    return samples[method][task];
  }

  private static double value(double[][][] bySeed, int task, int[] rowCounts, int[] seedCounts) {
    int seeds = bySeed.length;
    double all = 0;
    double drawn = 0;
    for (int s = 0; s < seeds; s++) {
      double sum = dot(rowCounts, bySeed[s][task]);
      all += sum / seeds;
      drawn += seedCounts[s] * sum / seeds;
    }
    return seeds == 1 ? all : all + Math.sqrt(seeds / (seeds - 1.0)) * (drawn - all);
  }

  private static int[] counts(Random random, int n) {
    int[] counts = new int[n];
    for (int i = 0; i < n; i++) {
      counts[random.nextInt(n)]++;
    }
    return counts;
  }

  private static double dot(int[] counts, double[] values) {
    double sum = 0;
    for (int i = 0; i < counts.length; i++) {
      sum += counts[i] * values[i];
    }
    return sum;
  }

  private static double ratio(double[] values, double[] weights) {
    double sum = 0;
    double weight = 0;
    for (int i = 0; i < values.length; i++) {
      sum += values[i];
      weight += weights[i];
    }
    return sum / weight;
  }
}
