package thanora.lora;

import java.util.Arrays;
import java.util.Optional;

/**
 * min over the simplex of wᵀb + κ √(wᵀGw), b = G 1/K, κ = c ‖g_0‖: {@link CaGrad}'s problem.
 *
 * <p>Newton's method on the objective with a barrier, −μ Σ ln w_k, and μ falling to 1e-12; the root
 * is smoothed to √(wᵀGw + μ²). The problem is convex and small, and this needs no line of special
 * cases: equal gradients, corners and a vanishing g_w all come out to about K μ. Where many w are
 * as good, it takes the middle one, so equal tasks get equal weights.
 */
final class SimplexProblem {
  private static final double LAST_BARRIER = 1e-12;
  private static final int NEWTON_STEPS = 60;

  private final double[][] gram;
  private final double[] linear;
  private final double kappa;
  private final double meanLength;
  private final int n;

  /** Of a symmetric G (K, K) whose diagonal is about 1. */
  SimplexProblem(double[][] gram, double c) {
    this.gram = gram;
    this.n = gram.length;
    double[] mean = new double[n];
    Arrays.fill(mean, 1.0 / n);
    this.linear = times(mean);
    this.meanLength = Math.sqrt(Math.max(0, dot(mean, linear)));
    this.kappa = c * meanLength;
  }

  /** ‖g_0‖. */
  double meanLength() {
    return meanLength;
  }

  /** ‖g_w‖. */
  double length(double[] w) {
    return root(w, 0);
  }

  /** The objective, without barrier. */
  double objective(double[] w) {
    return dot(w, linear) + kappa * root(w, 0);
  }

  /** The minimiser. */
  double[] solve() {
    double[] w = new double[n];
    Arrays.fill(w, 1.0 / n);
    for (double barrier = 0.1; barrier > LAST_BARRIER / 2; barrier *= 0.1) {
      int steps = 0;
      while (steps < NEWTON_STEPS && step(w, barrier)) {
        steps++;
      }
    }
    double sum = Arrays.stream(w).sum();
    return Arrays.stream(w).map(x -> x / sum).toArray();
  }

  /** One damped Newton step on w, in place; false once it would change nothing that counts. */
  private boolean step(double[] w, double barrier) {
    double[] gradient = gradient(w, barrier);
    double[] direction = direction(w, barrier, gradient);
    double slope = dot(gradient, direction);
    if (!(slope < -1e-3 * barrier)) {
      return false;
    }
    double length = 1;
    for (int k = 0; k < n; k++) {
      if (direction[k] < 0) {
        length = Math.min(length, -0.99 * w[k] / direction[k]);
      }
    }
    double before = smoothed(w, barrier);
    for (; length > 1e-12; length /= 2) {
      double[] next = w.clone();
      for (int k = 0; k < n; k++) {
        next[k] += length * direction[k];
      }
      if (smoothed(next, barrier) <= before + 1e-4 * length * slope) {
        System.arraycopy(next, 0, w, 0, n);
        return true;
      }
    }
    return false;
  }

  private double smoothed(double[] w, double barrier) {
    double logs = 0;
    for (double x : w) {
      logs += Math.log(x);
    }
    return dot(w, linear) + kappa * root(w, barrier) - barrier * logs;
  }

  private double[] gradient(double[] w, double barrier) {
    double[] gradient = times(w);
    double root = root(w, barrier);
    for (int k = 0; k < n; k++) {
      gradient[k] = linear[k] + kappa * gradient[k] / root - barrier / w[k];
    }
    return gradient;
  }

  /**
   * The Newton direction within Σ w = 1. In the variables w_k · u_k the barrier's curvature is μ I,
   * so weights that go to 0 do not spoil the conditioning. The objective's own curvature along w is
   * 0, as it is homogeneous; w wᵀ is added, which no direction within Σ w = 1 notices.
   */
  private double[] direction(double[] w, double barrier, double[] gradient) {
    double[] gw = times(w);
    double root = root(w, barrier);
    double[][] hessian = new double[n][n];
    double[] right = new double[n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        double curvature = kappa / root * (gram[i][j] - gw[i] / root * (gw[j] / root));
        hessian[i][j] = w[i] * w[j] * (curvature + 1) + (i == j ? barrier : 0);
      }
      right[i] = -w[i] * gradient[i];
    }
    Optional<double[][]> factor = factored(hessian);
    if (factor.isEmpty()) {
      return new double[n];
    }
    double[][] lower = factor.get();
    double[] free = solved(lower, right);
    double[] ofSum = solved(lower, w);
    double shift = dot(w, free) / dot(w, ofSum);
    double[] direction = new double[n];
    for (int k = 0; k < n; k++) {
      direction[k] = w[k] * (free[k] - shift * ofSum[k]);
    }
    return direction;
  }

  /**
   * Cholesky, with as much added to the diagonal as rounding makes necessary: a Gram matrix from
   * float32 products may have eigenvalues just below 0. Empty where no amount helps.
   */
  private static Optional<double[][]> factored(double[][] matrix) {
    Optional<double[][]> lower = cholesky(matrix, 0);
    for (double ridge = 1e-18; lower.isEmpty() && ridge < 1e6; ridge *= 100) {
      lower = cholesky(matrix, ridge);
    }
    return lower;
  }

  private static Optional<double[][]> cholesky(double[][] matrix, double ridge) {
    int n = matrix.length;
    double[][] lower = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j <= i; j++) {
        double sum = matrix[i][j] + (i == j ? ridge : 0);
        for (int k = 0; k < j; k++) {
          sum -= lower[i][k] * lower[j][k];
        }
        if (i == j && !(sum > 0)) {
          return Optional.empty();
        }
        lower[i][j] = i == j ? Math.sqrt(sum) : sum / lower[j][j];
      }
    }
    return Optional.of(lower);
  }

  private static double[] solved(double[][] lower, double[] right) {
    int n = right.length;
    double[] x = right.clone();
    for (int i = 0; i < n; i++) {
      for (int k = 0; k < i; k++) {
        x[i] -= lower[i][k] * x[k];
      }
      x[i] /= lower[i][i];
    }
    for (int i = n - 1; i >= 0; i--) {
      for (int k = i + 1; k < n; k++) {
        x[i] -= lower[k][i] * x[k];
      }
      x[i] /= lower[i][i];
    }
    return x;
  }

  private double root(double[] w, double smoothing) {
    return Math.sqrt(Math.max(0, dot(w, times(w))) + smoothing * smoothing);
  }

  private double[] times(double[] w) {
    return Arrays.stream(gram).mapToDouble(row -> dot(row, w)).toArray();
  }

  private static double dot(double[] x, double[] y) {
    double sum = 0;
    for (int k = 0; k < x.length; k++) {
      sum += x[k] * y[k];
    }
    return sum;
  }
}
