package thanora.train;

import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Tensor;
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
   * One update in place.
   *
   * @param step number of this update, from 1
   * @param rates of all columns, in parts
   * @param except rows that keep parameters and moments
   */
  void update(Tensor parameters, Tensor gradients, long step, List<Rates> rates, int[] except) {
    try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
      Set<Integer> left = Arrays.stream(except).boxed().collect(Collectors.toSet());
      Tensor number = Tensors.column(new double[] {step}, Tensors.device(parameters));
      for (int row = 0; row < parameters.size(0); row++) {
        if (left.contains(row)) {
          continue;
        }
        for (Rates part : rates) {
          Ops.adamwInPlace(columns(parameters, row, part), columns(gradients, row, part),
              columns(firstMoment, row, part), columns(secondMoment, row, part), number,
              part.byRow[row], beta1, beta2, weightDecay, epsilon);
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
