package thanora.train;

import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/** AdamW over float32 vectors, one a row: (K, P). See {@link Ops#adamwInPlace}. */
final class AdamW implements AutoCloseable {
  private final TensorScope.Arena arena = new TensorScope.Arena();
  private final double beta1;
  private final double beta2;
  private final double epsilon;
  private final double weightDecay;
  private final Tensor firstMoment; // (K, P)
  private final Tensor secondMoment; // (K, P)

  AdamW(Tensor parameters, double beta1, double beta2, double epsilon, double weightDecay) {
    this.beta1 = beta1;
    this.beta2 = beta2;
    this.epsilon = epsilon;
    this.weightDecay = weightDecay;
    this.firstMoment = arena.make(() -> Ops.scale(parameters, 0));
    this.secondMoment = arena.make(() -> Ops.scale(parameters, 0));
  }

  /** Learning rates of the columns [start, start + length), one a row. */
  record Rates(long start, long length, double[] byRow) {}

  /**
   * One update in place, for which nothing waits for a GPU.
   *
   * @param step number of this update, from 1
   * @param rates of all columns, in parts
   * @param norms of the gradients (K); a row whose norm is not finite keeps parameters and moments
   * @param largest norm that longer gradients are cut to; 0 for none
   */
  void update(Tensor parameters, Tensor gradients, long step, List<Rates> rates, Tensor norms, double largest) {
    try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
      Tensor number = Tensors.column(new double[] {step}, Tensors.device(parameters));
      Tensor stays = Tensors.cast(norms.isfinite().logical_not(), DType.F32);
      Optional<Tensor> divisors =
          largest > 0 ? Optional.of(Ops.atLeast(Ops.scale(norms, 1 / largest), 1)) : Optional.empty();
      for (int i = 0; i < parameters.size(0); i++) {
        int row = i;
        Optional<Tensor> divisor = divisors.map(all -> all.select(0, row));
        for (Rates part : rates) {
          Ops.adamwInPlace(columns(parameters, row, part), columns(gradients, row, part),
              columns(firstMoment, row, part), columns(secondMoment, row, part), number,
              part.byRow[row], beta1, beta2, weightDecay, epsilon, divisor, stays.select(0, row));
        }
      }
    }
  }

  private static Tensor columns(Tensor tensor, int row, Rates part) {
    return Ops.narrow(tensor.select(0, row), 0, part.start, part.length);
  }

  Tensor firstMoment() {
    return firstMoment;
  }

  Tensor secondMoment() {
    return secondMoment;
  }

  @Override
  public void close() {
    arena.close();
  }

  /** Takes over saved moments. */
  void restore(Tensor first, Tensor second) {
    firstMoment.copy_(first);
    secondMoment.copy_(second);
  }
}
