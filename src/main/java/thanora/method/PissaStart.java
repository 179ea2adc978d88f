package thanora.method;

import org.bytedeco.pytorch.Tensor;
import thanora.lora.Factors;

/**
 * PiSSA: the adapter takes over the r principal components of W. With W = U Σ Vᵀ,
 *
 * <p>B = U_r √(Σ_r/s), A = √(Σ_r/s) V_rᵀ = U_rᵀ W / √(s Σ_r), so s B A is the best approximation of
 * W of rank r.
 *
 * <p>Source: Meng et al., arXiv 2404.02948; PEFT, {@code init_lora_weights="pissa"}, which
 * decomposes in float32 where this does in float64. The signs of a pair of singular vectors are
 * arbitrary.
 */
final class PissaStart {
  private PissaStart() {}

  /**
   * Float32 factors in the caller's scope.
   *
   * @param w W (out, in), any float type
   * @param scaling s
   * @throws IllegalArgumentException if r is more than the smaller side of W, or W is not finite
   */
  static Factors start(Tensor w, int r, double scaling) {
    return FrozenStart.of(w, () -> {
      Tensor wide = FrozenStart.wide(w, r, scaling);
      return LeftSingular.sides(wide, wide, r, scaling);
    });
  }
}
