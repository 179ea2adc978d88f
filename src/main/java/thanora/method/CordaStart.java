package thanora.method;

import org.bytedeco.pytorch.Tensor;
import thanora.lora.Factors;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.Tensors;

/**
 * CorDA, instruction-previewed mode: the adapter takes over the directions in which W acts most on
 * the inputs of the tasks. With their second moment C, damped to C̃ = C + 0.01 · mean(diag C) · I,
 * and W C̃ = U Σ Vᵀ,
 *
 * <p>B = U_r √(Σ_r/s), A = √(Σ_r/s) V_rᵀ C̃⁻¹ = U_rᵀ W / √(s Σ_r), so s B A = U_r U_rᵀ W.
 *
 * <p>The last form of A needs no inverse: V_rᵀ C̃⁻¹ = Σ_r⁻¹ U_rᵀ W follows from U_rᵀ W C̃ = Σ_r
 * V_rᵀ. c · C instead of C leaves B A as it is, but gives √c · B and A / √c: the balance of A and
 * B, and with it their step sizes, hangs on how C is normalised. PEFT divides the inputs of each
 * sequence by |max| and takes the mean of Σ x xᵀ over the sequences.
 *
 * <p>Where σ is 0 both sides are 0, as in PEFT. PEFT doubles the 0.01 while its float32 inverse is
 * off by 0.05 or more in Frobenius norm; without an inverse there is nothing to double for.
 *
 * <p>Source: Yang et al., arXiv 2406.05223; PEFT, {@code init_lora_weights="corda"}.
 */
final class CordaStart {
  private static final double DAMPING = 0.01;

  private CordaStart() {}

  /**
   * Float32 factors in the caller's scope.
   *
   * @param w W (out, in), any float type
   * @param scaling s
   * @param moment C (in, in), symmetric, any float type and device
   * @throws IllegalArgumentException if r is more than the smaller side of W, C does not fit W, or
   *     either is not finite
   */
  static Factors start(Tensor w, int r, double scaling, Tensor moment) {
    return FrozenStart.of(w, () -> {
      Tensor wide = FrozenStart.wide(w, r, scaling);
      return LeftSingular.sides(Ops.matmul(wide, damped(w, moment)), wide, r, scaling);
    });
  }

  private static Tensor damped(Tensor w, Tensor moment) {
    long in = w.size(1);
    if (moment.dim() != 2 || moment.size(0) != in || moment.size(1) != in) {
      throw new IllegalArgumentException(
          "a second moment of " + moment.size(0) + " inputs does not fit a weight of " + in
              + "; measure it on this model");
    }
    if (!Tensors.isFinite(moment)) {
      throw new IllegalArgumentException(
          "a second moment is not finite; drop the rows that make activations overflow");
    }
    Tensor copy =
        Tensors.copy(Tensors.to(moment, new Placement(Tensors.device(w), DType.F64)));
    Ops.addInPlace(Ops.diagonal(copy), DAMPING * Ops.trace(copy) / in);
    return copy;
  }
}
