package thanora.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import thanora.Golden;

class CaGradTest {
  private static final CaGrad RULE = CaGrad.standard();

  private static double[] weights(double[][] vectors) {
    return RULE.weights(GradientCases.gram(vectors), vectors.length, new Random(0));
  }

  private static SimplexProblem problem(double[][] vectors) {
    double[] gram = GradientCases.gram(vectors);
    double[][] rows = new double[vectors.length][];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = Arrays.copyOfRange(gram, i * rows.length, (i + 1) * rows.length);
    }
    return new SimplexProblem(rows, 0.5);
  }

  /** From golden/rivals: scipy's SLSQP, and the paper's update of the mean gradient. */
  @Test
  void equalsScipyUpToTheScale() {
    for (JsonNode node : GradientCases.golden().get("cases")) {
      double[][] vectors = GradientCases.vectors(node.get("gradients"));
      SimplexProblem problem = problem(vectors);
      double objective = problem.objective(problem.solve());
      double expected = node.get("cagrad_objective").asDouble();
      assertThat(objective).isCloseTo(expected, within(1e-9 * (1 + Math.abs(expected))));
      double[] update = GradientCases.combined(weights(vectors), vectors);
      double[] paper = MethodFixtures.values(node.get("cagrad"));
      for (int i = 0; i < paper.length; i++) {
        paper[i] *= vectors.length / 1.5;
      }
      Golden.assertClose("update", update, paper, 1e-5);
    }
  }

  @Test
  void noPointOfAFineGridIsBetter() {
    for (int seed = 0; seed < 60; seed++) {
      int tasks = 2 + seed % 2;
      SimplexProblem problem = problem(GradientCases.random(new Random(seed), tasks, 2 + seed % 4));
      double[] w = problem.solve();
      assertThat(Arrays.stream(w).sum()).isCloseTo(1, within(1e-12));
      assertThat(Arrays.stream(w).min().getAsDouble()).isNotNegative();
      double best = Double.POSITIVE_INFINITY;
      int cells = 400;
      for (int i = 0; i <= cells; i++) {
        for (int j = 0; j <= (tasks == 2 ? 0 : cells - i); j++) {
          double x = i / (double) cells;
          double y = j / (double) cells;
          best = Math.min(best, problem.objective(
              tasks == 2 ? new double[] {x, 1 - x} : new double[] {x, y, 1 - x - y}));
        }
      }
      assertThat(problem.objective(w)).isLessThanOrEqualTo(best + 1e-10);
      assertThat(problem.objective(w)).isGreaterThan(best - 0.01 * (1 + Math.abs(best)));
    }
  }

  /** The optimum over the simplex is where no direction of a corner goes down. */
  @Test
  void convergesForManyTasksAndForSizesFarApart() {
    for (int seed = 0; seed < 100; seed++) {
      double[][] vectors = GradientCases.random(new Random(seed), 2 + seed % 19, 2 + seed % 30);
      for (int t = 0; t < vectors.length; t++) {
        double length = Math.sqrt(GradientCases.dot(vectors[t], vectors[t]));
        double scale = seed % 3 == 0 ? Math.pow(10, -t % 4) : 1;
        for (int i = 0; i < vectors[t].length; i++) {
          vectors[t][i] *= scale / length;
        }
      }
      SimplexProblem problem = problem(vectors);
      double[] w = problem.solve();
      double value = problem.objective(w);
      for (int corner = 0; corner < w.length; corner++) {
        for (double step : new double[] {1e-1, 1e-3, 1e-5}) {
          double[] moved = Arrays.stream(w).map(x -> x * (1 - step)).toArray();
          moved[corner] += step;
          assertThat(problem.objective(moved)).as("seed %d", seed)
              .isGreaterThanOrEqualTo(value - 1e-10);
        }
      }
    }
  }

  @Test
  void equalGradientsAndOrthogonalOnesOfOneLengthGiveTheSum() {
    assertThat(weights(new double[][] {{1, 2}, {1, 2}, {1, 2}}))
        .containsExactly(new double[] {1, 1, 1}, within(1e-9));
    assertThat(weights(new double[][] {{3, 0, 0}, {0, 3, 0}, {0, 0, 3}}))
        .containsExactly(new double[] {1, 1, 1}, within(1e-9));
    assertThat(weights(new double[][] {{1, 2}})).containsExactly(1);
    assertThat(new CaGrad(0).weights(new double[] {1, -2, -2, 9}, 2, new Random(0)))
        .containsExactly(1, 1);
  }

  @Test
  void theTaskThatTheMeanHurtsIsHelped() {
    double[][] vectors = {{1, 0.2}, {-3, 1}};
    double[] update = GradientCases.combined(weights(vectors), vectors);
    double[] sum = GradientCases.combined(new double[] {1, 1}, vectors);
    assertThat(GradientCases.dot(sum, vectors[0])).isNegative();
    assertThat(GradientCases.dot(update, vectors[0]))
        .isGreaterThan(GradientCases.dot(sum, vectors[0]));
  }

  @Test
  void absentTasksHaveWeightOneAndMoveNoOther() {
    double[][] vectors = {{1, 0.2}, {0, 0}, {-3, 1}};
    double[] expected = weights(new double[][] {{1, 0.2}, {-3, 1}});
    assertThat(weights(vectors)).containsExactly(expected[0], 1, expected[1]);
    assertThat(weights(new double[][] {{0, 0}, {0, 0}})).containsExactly(1, 1);
  }

  @Test
  void scaleDoesNotMatter() {
    double[][] vectors = GradientCases.random(new Random(3), 5, 4);
    double[] expected = weights(vectors);
    for (double scale : new double[] {1e-12, 1e9}) {
      double[][] scaled = new double[5][];
      for (int t = 0; t < 5; t++) {
        scaled[t] = Arrays.stream(vectors[t]).map(x -> x * scale).toArray();
      }
      assertThat(weights(scaled)).containsExactly(expected, within(1e-6));
    }
  }

  @Test
  void cancellingRoundedAndBrokenProductsGiveFiniteWeights() {
    assertThat(weights(new double[][] {{1, 0}, {-1, 0}})).doesNotContain(Double.NaN);
    double[][] star = {{1, 0}, {-1, 0}, {0, 1}};
    assertThat(Arrays.stream(weights(star)).allMatch(Double::isFinite)).isTrue();
    double[] gram = GradientCases.gram(GradientCases.random(new Random(5), 12, 3));
    Random noise = new Random(6);
    for (int i = 0; i < 12; i++) {
      for (int j = 0; j <= i; j++) {
        double error = 1 + 1e-6 * noise.nextGaussian();
        gram[12 * i + j] *= error;
        gram[12 * j + i] = gram[12 * i + j];
      }
    }
    double[] weights = RULE.weights(gram, 12, new Random(0));
    assertThat(Arrays.stream(weights).allMatch(x -> Math.abs(x) < 1e6)).isTrue();
    double[] broken = {1, Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY, 1};
    assertThat(RULE.weights(broken, 2, new Random(0))).containsExactly(1, 1);
    double[] impossible = {1, 1e300, -1e300, 1};
    assertThat(RULE.weights(impossible, 2, new Random(0))).hasSize(2);
  }

  @Test
  void refusesAnImpossibleC() {
    assertThatThrownBy(() -> new CaGrad(1)).hasMessageContaining("c 1.0");
    assertThatThrownBy(() -> new CaGrad(Double.NaN)).hasMessageContaining("NaN");
  }
}
