package thanora.method;

import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;
import thanora.lora.Adapter;
import thanora.lora.AdapterForm;
import thanora.lora.Blocks;
import thanora.lora.Factors;
import thanora.lora.LoraAdapter;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * A start whose product is taken out of the base: A⁰ = A and B⁰ = B, all r rows, so that step 0 is
 * the base exactly.
 *
 * <p>PEFT stores W − s B A in the type of W instead, made from A and B as rounded to float32. In
 * float32 the two agree to rounding; in bfloat16 PEFT's base is off by the rounding of the
 * residual, ours by nothing.
 */
final class FrozenStart {
  private FrozenStart() {}

  /** LoRA of the setting's rank, all rows frozen. */
  static AdapterForm form(AdapterMethod.Setting setting) {
    return new LoraAdapter.Form(setting.r(), setting.r(), setting.scaling(), Optional.empty());
  }

  /**
   * Gives every module of a member its start.
   *
   * @param start from W (out, in) to factors
   */
  static void each(
      AdapterMethod.Setting setting, Adapter adapter, int member, Function<Tensor, Factors> start) {
    for (String module : setting.modules()) {
      try (TensorScope scope = TensorScope.open()) {
        ((LoraAdapter) adapter).set(
            module, member, start.apply(setting.model().projection(module).weight()));
      }
    }
  }

  /**
   * Float32 factors where W is, in the caller's scope.
   *
   * @param w W (out, in)
   * @param sides gives [A, Bᵀ] (r, in + out); what it makes on the way is freed
   */
  static Factors of(Tensor w, Supplier<Tensor> sides) {
    long in = w.size(1);
    long out = w.size(0);
    Tensor a;
    Tensor bt;
    try (NoGrad off = NoGrad.open()) {
      Tensor both = TensorScope.keep(() -> Tensors.cast(sides.get(), DType.F32));
      a = TensorScope.keep(() -> Tensors.copy(Ops.narrow(both, 1, 0, in).contiguous()));
      bt = TensorScope.keep(() -> Tensors.copy(Ops.narrow(both, 1, in, out).contiguous()));
    }
    int r = Math.toIntExact(a.size(0));
    return new Factors(a, bt, Tensors.copy(a), Tensors.copy(bt), new Blocks(new int[] {r}, 0));
  }

  /** W in float64, once r and s are known to fit it. */
  static Tensor wide(Tensor w, int r, double scaling) {
    long smaller = Math.min(w.size(0), w.size(1));
    if (r < 1 || r > smaller) {
      throw new IllegalArgumentException(
          "rank " + r + " does not fit a weight of " + w.size(0) + " x " + w.size(1)
              + "; set lora.r to 1 to " + smaller);
    }
    if (!(scaling > 0) || Double.isInfinite(scaling)) {
      throw new IllegalArgumentException(
          "scaling " + scaling + " must be above 0; raise lora.alpha");
    }
    if (!Tensors.isFinite(w)) {
      throw new IllegalArgumentException(
          "a weight has entries that are not finite numbers; take another checkpoint");
    }
    return Tensors.cast(w, DType.F64);
  }
}
