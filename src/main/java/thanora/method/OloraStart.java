package thanora.method;

import org.bytedeco.pytorch.Tensor;
import thanora.lora.Factors;
import thanora.tensor.Ops;

/**
 * OLoRA: an orthonormal B. With W = Q R, Q orthonormal columns and R upper triangular,
 *
 * <p>B = the first r columns of Q, A = the first r rows of R; s does not enter, so s B A is s Q_r
 * R_r.
 *
 * <p>The first r columns of Q depend on the first r columns of W only, and R_r = Q_rᵀ W: the rest
 * of the decomposition is not computed. The sign of a column of Q and its row of R is arbitrary.
 *
 * <p>Source: Büyükakyüz, arXiv 2406.01775; PEFT, {@code init_lora_weights="olora"}, which
 * decomposes in float32 where this does in float64.
 */
final class OloraStart {
  private OloraStart() {}

  /**
   * Float32 factors in the caller's scope.
   *
   * @param w W (out, in), any float type
   * @param scaling s; only checked, as the factors do not depend on it
   * @throws IllegalArgumentException if r is more than the smaller side of W, or W is not finite
   */
  static Factors start(Tensor w, int r, double scaling) {
    return FrozenStart.of(w, () -> {
      Tensor wide = FrozenStart.wide(w, r, scaling);
      Tensor qt = Ops.transpose(Ops.orthonormal(Ops.narrow(wide, 1, 0, r)));
      return Ops.cat(1, Ops.matmul(qt, wide), qt);
    });
  }
}
