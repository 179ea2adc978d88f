package thanora.train;

import org.bytedeco.pytorch.Tensor;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;

/**
 * AdamW over one flat float32 vector.
 *
 * <p>m ← β₁ m + (1−β₁) g; v ← β₂ v + (1−β₂) g²; θ ← (1 − lr·wd) θ − lr · m̂ / (√v̂ + ε), with m̂, v̂ the
 * bias-corrected moments. Source: Loshchilov and Hutter, arXiv 1711.05101.
 */
final class AdamW {
  private final double beta1;
  private final double beta2;
  private final double epsilon;
  private final double weightDecay;
  private final Tensor firstMoment; // (P)
  private final Tensor secondMoment; // (P)

  AdamW(Tensor parameters, double beta1, double beta2, double epsilon, double weightDecay) {
    this.beta1 = beta1;
    this.beta2 = beta2;
    this.epsilon = epsilon;
    this.weightDecay = weightDecay;
    this.firstMoment = TensorScope.outside(() -> Ops.scale(parameters, 0));
    this.secondMoment = TensorScope.outside(() -> Ops.scale(parameters, 0));
  }

  /**
   * One update in place.
   *
   * @param step number of this update, from 1
   */
  void update(Tensor parameters, Tensor gradients, long step, double learningRate) {
    try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
      Ops.addInPlace(Ops.scaleInPlace(firstMoment, beta1), gradients, 1 - beta1);
      Ops.addProductInPlace(Ops.scaleInPlace(secondMoment, beta2), gradients, gradients, 1 - beta2);
      Tensor root = Ops.scale(secondMoment.sqrt(), 1 / Math.sqrt(1 - Math.pow(beta2, step)));
      if (weightDecay > 0) {
        Ops.scaleInPlace(parameters, 1 - learningRate * weightDecay);
      }
      Ops.addQuotientInPlace(parameters, firstMoment, Ops.addInPlace(root, epsilon),
          -learningRate / (1 - Math.pow(beta1, step)));
    }
  }

  Tensor firstMoment() {
    return firstMoment;
  }

  Tensor secondMoment() {
    return secondMoment;
  }

  /** Takes over saved moments. */
  void restore(Tensor first, Tensor second) {
    firstMoment.copy_(first);
    secondMoment.copy_(second);
  }
}
