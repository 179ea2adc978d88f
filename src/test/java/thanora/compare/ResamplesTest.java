package thanora.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import thanora.page.Estimate;

class ResamplesTest {
  private static final double[] ONES = {1, 1, 1, 1, 1, 1};

  private static double[] ones(int n) {
    double[] ones = new double[n];
    Arrays.fill(ones, 1);
    return ones;
  }

  @Test
  void oneSeedAndThreeRowsGiveTheDistributionOfAllTwentySevenDraws() {
    double[] nll = {1, 5, 12};
    double[] tokens = {1, 2, 3};
    double[] exact = new double[27];
    for (int i = 0; i < 27; i++) {
      int a = i / 9;
      int b = i / 3 % 3;
      int c = i % 3;
      exact[i] = (nll[a] + nll[b] + nll[c]) / (tokens[a] + tokens[b] + tokens[c]);
    }
    double[] drawn =
        Resamples.draw(new double[][][][] {{{nll}}}, new double[][] {tokens}, 20000, 1)
            .task(0, 0)
            .resampled();
    assertThat(drawn).hasSize(20000);
    for (double at : new double[] {1, 2, 2.5, 3, 3.2, 3.5, 3.9}) {
      double expected = Arrays.stream(exact).filter(v -> v <= at + 1e-9).count() / 27.0;
      double actual = Arrays.stream(drawn).filter(v -> v <= at + 1e-9).count() / 20000.0;
      // Four standard errors of a share of 20,000.
      assertThat(actual).isCloseTo(expected, within(0.014));
    }
  }

  @Test
  void twoSeedsAndTwoRowsGiveTheDistributionOfAllSixteenDraws() {
    double[][] nll = {{1, 3}, {2, 8}}; // [seed][row]
    double[] exact = new double[16];
    for (int i = 0; i < 16; i++) {
      int[] rows = {i & 1, i >> 1 & 1};
      int[] seeds = {i >> 2 & 1, i >> 3 & 1};
      double f = 0;
      double g = 0;
      for (int r : rows) {
        f += (nll[0][r] + nll[1][r]) / 4;
        g += (nll[seeds[0]][r] + nll[seeds[1]][r]) / 4;
      }
      exact[i] = f + Math.sqrt(2) * (g - f);
    }
    double[] drawn =
        Resamples.draw(
                new double[][][][] {{{nll[0]}, {nll[1]}}}, new double[][] {ones(2)}, 20000, 1)
            .task(0, 0)
            .resampled();
    double mean = Arrays.stream(exact).average().orElseThrow();
    assertThat(Arrays.stream(drawn).average().orElseThrow()).isCloseTo(mean, within(0.05));
    for (double at : new double[] {1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9}) {
      double expected = Arrays.stream(exact).filter(v -> v <= at).count() / 16.0;
      double actual = Arrays.stream(drawn).filter(v -> v <= at).count() / 20000.0;
      assertThat(actual).isCloseTo(expected, within(0.014));
    }
  }

  @Test
  void percentilesAndPOfOneSeedFollowFromTheDrawsByHand() {
    // Differences of the six rows: two are −1, four are +1. A resample's sum is 2 K − 6 with
    // K ~ Binomial(6, 2/3), so P(mean ≤ 0) = P(K ≤ 3) = (1 + 12 + 60 + 160) / 729 = 0.3196.
    double[] a = {1, 1, 3, 3, 3, 3};
    double[] b = {2, 2, 2, 2, 2, 2};
    Resamples drawn =
        Resamples.draw(new double[][][][] {{{a}}, {{b}}}, new double[][] {ONES}, 20000, 3);
    Difference difference = drawn.task(0, 0).minus(drawn.task(1, 0)).difference();
    assertThat(difference.estimate().value()).isCloseTo(1 / 3.0, within(1e-12));
    assertThat(difference.p()).isCloseTo(2 * 233 / 729.0, within(0.03));
    // P(K ≤ 1) = 13/729 < 0.025 < P(K ≤ 2) = 73/729, and P(K = 6) = 64/729 > 0.025.
    assertThat(difference.estimate().low()).isCloseTo(-1 / 3.0, within(1e-12));
    assertThat(difference.estimate().high()).isCloseTo(1, within(1e-12));
  }

  @Test
  void rowNoiseThatAllMethodsShareCancels() {
    Random random = new Random(1);
    double[] a = new double[200];
    double[] b = new double[200];
    for (int r = 0; r < 200; r++) {
      a[r] = 10 * random.nextDouble();
      b[r] = a[r] + 0.1 + 0.01 * random.nextGaussian();
    }
    Resamples drawn =
        Resamples.draw(new double[][][][] {{{a}}, {{b}}}, new double[][] {ones(200)}, 1000, 3);
    Estimate own = drawn.task(0, 0).estimate(0, 100);
    Difference difference = drawn.task(1, 0).minus(drawn.task(0, 0)).difference();
    assertThat(own.high() - own.low()).isGreaterThan(0.6);
    assertThat(difference.estimate().low()).isBetween(0.09, 0.1);
    assertThat(difference.estimate().high()).isBetween(0.1, 0.11);
    assertThat(difference.p()).isLessThan(0.002);
  }

  private static final int REPS = 500;

  /** Row, seed and row-by-seed noise of standard deviations as given; how often 0 is inside. */
  private static double coverage(int seeds, double ofRow, double ofSeed, double ofBoth) {
    Random random = new Random(11);
    int inside = 0;
    for (int k = 0; k < REPS; k++) {
      double[][][][] values = new double[2][seeds][2][60];
      for (int t = 0; t < 2; t++) {
        for (int r = 0; r < 60; r++) {
          double shared = random.nextGaussian();
          double noise = ofRow * random.nextGaussian();
          for (int s = 0; s < seeds; s++) {
            values[0][s][t][r] = shared;
            values[1][s][t][r] = shared + noise + ofBoth * random.nextGaussian();
          }
        }
      }
      for (int s = 0; s < seeds; s++) {
        double noise = ofSeed * random.nextGaussian();
        for (double[] rows : values[1][s]) {
          Arrays.setAll(rows, r -> rows[r] + noise);
        }
      }
      Resamples drawn =
          Resamples.draw(values, new double[][] {ones(60), ones(60)}, 400, k);
      Sample mean = Sample.mean(List.of(
          drawn.task(1, 0).minus(drawn.task(0, 0)), drawn.task(1, 1).minus(drawn.task(0, 1))));
      Estimate estimate = mean.difference().estimate();
      inside += estimate.low() <= 0 && estimate.high() >= 0 ? 1 : 0;
    }
    return (double) inside / REPS;
  }

  @Test
  void intervalsHoldTheTruthNineteenTimesInTwentyWhereverTheNoiseComesFrom() {
    // 3,000 repetitions gave 0.924 (two seeds) to 0.936; three standard errors of 500 are 0.033.
    assertThat(coverage(1, 1, 0, 0.2)).as("one seed, rows").isBetween(0.89, 0.97);
    assertThat(coverage(3, 1, 0, 0.2)).as("rows").isBetween(0.89, 0.97);
    assertThat(coverage(3, 1, 0.1, 0.2)).as("rows and seeds").isBetween(0.89, 0.97);
    assertThat(coverage(3, 0.1, 1, 0.1)).as("three seeds").isBetween(0.89, 0.97);
    assertThat(coverage(2, 0.1, 1, 0.1)).as("two seeds").isBetween(0.89, 0.97);
  }

  @Test
  void aDivergedRunHasNoIntervalAndIsNeverSignificant() {
    double[] rows = {1, Double.NaN, 2};
    Resamples drawn =
        Resamples.draw(new double[][][][] {{{rows}}}, new double[][] {ones(3)}, 10, 1);
    Difference difference = drawn.task(0, 0).difference();
    assertThat(difference.estimate()).isEqualTo(Estimate.NONE);
    assertThat(difference.p()).isNaN();
    assertThat(difference.isSignificant()).isFalse();
  }

  @Test
  void holmCorrectsAsByHand() {
    // Sorted: 0.01 × 4, 0.02 × 3, 0.03 × 2 and 0.4 × 1; NaN does not count.
    assertThat(Holm.correct(new double[] {0.03, Double.NaN, 0.01, 0.4, 0.02}))
        .usingComparatorWithPrecision(1e-12)
        .containsExactly(0.06, Double.NaN, 0.04, 0.4, 0.06);
    assertThat(Holm.correct(new double[] {0.9, 0.8})).containsExactly(1, 1);
  }

  @Test
  void studentsTHasTheQuantilesOfTheTables() {
    double[][] table = {{1, 12.7062}, {2, 4.3027}, {4, 2.7764}, {10, 2.2281}, {100, 1.9840}};
    for (double[] row : table) {
      assertThat(StudentT.twoSided95(row[0])).isCloseTo(row[1], within(1e-3 * row[1]));
    }
    assertThat(StudentT.twoSided95(Double.NaN)).isEqualTo(StudentT.NORMAL);
  }
}
