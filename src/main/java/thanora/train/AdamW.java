package thanora.train;

import org.bytedeco.pytorch.Tensor;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;

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

  /**
   * One update of a row in place.
   *
   * @param step number of this update, from 1
   */
  void update(Tensor parameters, Tensor gradients, int row, long step, double learningRate) {
    try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
      Tensor theta = parameters.select(0, row);
      Tensor g = gradients.select(0, row);
      Tensor m = firstMoment.select(0, row);
      Tensor v = secondMoment.select(0, row);
      Ops.addInPlace(Ops.scaleInPlace(m, beta1), g, 1 - beta1);
      Ops.addProductInPlace(Ops.scaleInPlace(v, beta2), g, g, 1 - beta2);
      Tensor root = Ops.scaleInPlace(v.sqrt(), 1 / Math.sqrt(1 - Math.pow(beta2, step)));
      if (weightDecay > 0) {
        Ops.scaleInPlace(theta, 1 - learningRate * weightDecay);
      }
      Ops.addQuotientInPlace(theta, m, Ops.addInPlace(root, epsilon),
          -learningRate / (1 - Math.pow(beta1, step)));
    }
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
