package thanora.model;

import org.bytedeco.pytorch.Tensor;
import thanora.tensor.Ops;

/**
 * A root-mean-square norm: x / √(mean(x²) + eps) · weight over the last dimension.
 *
 * @param weight (D), in float32 where it would lose by rounding to x's type
 */
public record Norm(Tensor weight, double eps) {
  Tensor of(Tensor x) {
    return Ops.rmsNorm(x, weight, eps);
  }

  /** The same over the width of each head of x (N, H Dh). */
  Tensor ofHeads(Tensor x) {
    return of(x.view(x.size(0), -1, weight.numel())).view(x.size(0), -1);
  }
}
