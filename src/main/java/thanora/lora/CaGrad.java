package thanora.lora;

import java.util.Arrays;
import java.util.Random;

/**
 * CAGrad: near the mean gradient g_0, the direction that helps the worst-off task most. With g_w =
 * Σ_t w_t g_t and w in the simplex,
 *
 * <p>w = argmin ⟨g_w, g_0⟩ + c ‖g_0‖ ‖g_w‖, d = g_0 + c ‖g_0‖ / ‖g_w‖ · g_w.
 *
 * <p>Returned are the weights of K d / (1 + c), K the number of tasks present: the loss is the sum
 * of the tasks' parts rather than their mean, and tasks that agree (or are orthogonal and of one
 * length) give d = (1 + c) g_0, hence weights of 1. LibMTL returns d / (1 + c²) by default (its
 * rescale 1; 2 is 1 + c): the same direction, (1 + c) / (K (1 + c²)) as long. Adam does not see
 * the difference, the clipping of gradients does.
 *
 * <p>Source: Liu et al., arXiv 2110.14048.
 *
 * @param c at least 0 and below 1; 0 is the plain sum, 0.5 usual
 */
public record CaGrad(double c) implements GradientRule {
  /**
   * Least ‖g_w‖ to divide by, relative to the root mean square of the gradients: keeps the weights
   * of gradients that nearly cancel from blowing up their float32 rounding.
   */
  private static final double SHORT = 1e-4;

  public CaGrad {
    if (!(c >= 0 && c < 1)) {
      throw new IllegalArgumentException("c " + c + " must be from 0 to below 1; 0.5 is usual");
    }
  }

  /** c = 0.5, LibMTL's default. */
  public static CaGrad standard() {
    return new CaGrad(0.5);
  }

  @Override
  public double[] weights(double[] gram, int tasks, Random random) {
    GramMatrix all = GramMatrix.of(gram, tasks);
    double[] weights = all.ones();
    int[] present = all.isFinite() ? all.present() : new int[0];
    if (present.length < 2 || c == 0) {
      return weights;
    }
    SimplexProblem problem = problem(all, present);
    double[] w = problem.solve();
    double factor = c * problem.meanLength() / Math.max(problem.length(w), SHORT);
    for (int k = 0; k < present.length; k++) {
      weights[present[k]] = (1 + factor * present.length * w[k]) / (1 + c);
    }
    return weights;
  }

  /** Of the tasks present, with gradients scaled to a root mean square length of 1. */
  private SimplexProblem problem(GramMatrix all, int[] present) {
    double square = Arrays.stream(present).mapToDouble(i -> all.at(i, i)).average().orElse(1);
    double[][] scaled = new double[present.length][present.length];
    for (int i = 0; i < present.length; i++) {
      for (int j = 0; j < present.length; j++) {
        scaled[i][j] = all.at(present[i], present[j]) / square;
      }
    }
    return new SimplexProblem(scaled, c);
  }
}
