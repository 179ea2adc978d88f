package thanora.train;

import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * AdamW over float32 vectors, one a row: (K, P).
 *
 * <p>m ← β₁ m + (1−β₁) g; v ← β₂ v + (1−β₂) g²; θ ← (1 − lr·wd) θ − lr · m̂ / (√v̂ + ε), with m̂, v̂ the
 * bias-corrected moments. Source: Loshchilov and Hutter, arXiv 1711.05101.
 */
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
   * One update in place, of all rows at once.
   *
   * @param step number of this update, from 1
   * @param rates of all columns, in parts
   * @param except rows that keep parameters and moments
   */
  void update(Tensor parameters, Tensor gradients, long step, List<Rates> rates, int[] except) {
    if (except.length == parameters.size(0)) {
      return;
    }
    try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
      if (except.length == 0) {
        update(parameters, gradients, step, rates);
        return;
      }
      Tensor rows = Tensors.of(except, Tensors.device(parameters));
      List<Tensor> changed = List.of(parameters, firstMoment, secondMoment);
      List<Tensor> before = changed.stream().map(tensor -> Ops.select(tensor, 0, rows)).toList();
      update(parameters, gradients, step, rates);
      for (int i = 0; i < changed.size(); i++) {
        changed.get(i).index_copy_(0, rows, before.get(i));
      }
    }
  }

  private void update(Tensor parameters, Tensor gradients, long step, List<Rates> rates) {
    Ops.addInPlace(Ops.scaleInPlace(firstMoment, beta1), gradients, 1 - beta1);
    Ops.addProductInPlace(Ops.scaleInPlace(secondMoment, beta2), gradients, gradients, 1 - beta2);
    Tensor root = Ops.scaleInPlace(secondMoment.sqrt(), 1 / Math.sqrt(1 - Math.pow(beta2, step)));
    Ops.addInPlace(root, epsilon);
    for (Rates part : rates) {
      move(columns(parameters, part), columns(firstMoment, part), columns(root, part), step, part.byRow);
    }
  }

  private static Tensor columns(Tensor tensor, Rates part) {
    return Ops.narrow(tensor, 1, part.start, part.length);
  }

  /** θ ← (1 − lr·wd) θ − lr · m / (1−β₁ᵗ) / root. */
  private void move(Tensor theta, Tensor m, Tensor root, long step, double[] rates) {
    String device = Tensors.device(theta);
    if (weightDecay > 0) {
      double[] kept = Arrays.stream(rates).map(rate -> 1 - rate * weightDecay).toArray();
      Ops.mulInPlace(theta, Tensors.column(kept, device));
    }
    double correction = 1 - Math.pow(beta1, step);
    double[] factors = Arrays.stream(rates).map(rate -> -rate / correction).toArray();
    Ops.addInPlace(theta, Ops.divInPlace(Ops.mul(m, Tensors.column(factors, device)), root));
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
