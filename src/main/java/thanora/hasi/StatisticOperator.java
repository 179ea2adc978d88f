package thanora.hasi;

import org.bytedeco.pytorch.Tensor;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;

/**
 * The Gram matrix of a statistic K as products with a few columns, so that neither K nor the matrix is
 * ever made: K Kᵀ, whose eigenvectors are left ones of K, or Kᵀ K where W is tall and that is smaller;
 * C itself for statistic X. Eigenvalues are the squares of what {@link Spectrum} calls σ.
 *
 * @param w W (d_out, d_in), of C's type
 * @param c C without damping (d_in, d_in), symmetric
 * @param damping of C
 */
record StatisticOperator(HasiConfig.Statistic statistic, Tensor w, Tensor c, double damping) {
  StatisticOperator {
    if (statistic == HasiConfig.Statistic.GRADIENT) {
      throw new IllegalArgumentException("moments say nothing of gradients; measure them with a GradientPass");
    }
  }

  /** C alone. */
  StatisticOperator ofInput() {
    return new StatisticOperator(HasiConfig.Statistic.X, w, c, damping);
  }

  /** Whether its eigenvectors are right singular vectors. */
  boolean right() {
    return statistic == HasiConfig.Statistic.WC && w.size(0) > w.size(1);
  }

  /** Length of its eigenvectors. */
  int dim() {
    boolean input = right() || statistic == HasiConfig.Statistic.X;
    return Math.toIntExact(input ? w.size(1) : w.size(0));
  }

  /** K, how many singular values the statistic has; its other eigenvalues are 0. */
  int values() {
    return Math.toIntExact(
        statistic == HasiConfig.Statistic.X ? w.size(1) : Math.min(w.size(0), w.size(1)));
  }

  /** Its product with columns (dim, n), in the caller's scope. */
  Tensor times(Tensor v) {
    return TensorScope.keep(() -> switch (statistic) {
      case X -> moment(v);
      case WC_HALF -> Ops.matmul(w, moment(back(v)));
      case WC -> right() ? moment(back(image(v))) : Ops.matmul(w, moment(moment(back(v))));
      case GRADIENT -> throw new IllegalStateException("refused above");
    });
  }

  /** K v = W C v of right singular vectors. */
  Tensor image(Tensor v) {
    return Ops.matmul(w, moment(v));
  }

  private Tensor back(Tensor v) {
    return Ops.matmul(Ops.transpose(w), v);
  }

  private Tensor moment(Tensor v) {
    Tensor product = Ops.matmul(c, v);
    return damping == 0 ? product : Ops.addInPlace(product, v, damping);
  }
}
