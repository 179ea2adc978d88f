package thanora.fused;

import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.model.Activation;
import thanora.tensor.Placement;

/**
 * Elementwise parts of a decoder layer. Results are written into tensors given; all may be views whose
 * rows are strided, columns contiguous. In 16 bits the arithmetic inside is float32, and a result is
 * rounded once.
 *
 * <p>Root mean squares of norms, {@code rstd} (N), are float32; float64 where x is.
 */
interface Kernels {
  /** Those that serve tensors of this type on this device. */
  static Kernels of(Placement placement) {
    return CudaKernels.of(placement).orElseGet(PlainKernels::new);
  }

  /**
   * y = x · rstd · weight with rstd = 1 / √(mean(x²) + eps) of each row, which is written too.
   *
   * @param weight (D), of x's type or float32
   */
  void norm(Tensor x, Tensor weight, double eps, Tensor y, Tensor rstd);

  /** The same with rstd known. */
  void normAgain(Tensor x, Tensor weight, Tensor rstd, Tensor y);

  /** sum = a + b, then the norm of the sum; sum may be a or b. */
  void addNorm(Tensor a, Tensor b, Tensor weight, double eps, Tensor sum, Tensor y, Tensor rstd);

  /** dx = residual + the gradient of dy through the norm; dx may be residual. */
  void normBackward(Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor residual, Tensor dx);

  /**
   * Turns heads x (N, heads · headDim) by angles: value i of a head with value i + R/2.
   *
   * @param cos (N, R/2), R ≤ headDim; values of a head beyond R stay
   * @param back the other way round, as in the backward pass
   * @param to may be x
   */
  void turn(Tensor x, int headDim, Tensor cos, Tensor sin, boolean back, Tensor to);

  /** to = x. */
  void copy(Tensor x, Tensor to);

  /** y = activation(gate) · up. */
  void gated(Activation activation, Tensor gate, Tensor up, Tensor y);

  /** Attention of rows that go on by one token each, if there is a kernel for heads of this width. */
  default Optional<NextTokens> nextTokens(int headDim) {
    return Optional.empty();
  }

  /**
   * Gradients of gate and up, from that of y.
   *
   * @param dgate may be gate
   * @param dup may be up
   * @param y activation(gate) · up is written here too, where it is given; may be dy
   */
  void gatedBackward(
      Activation activation, Tensor gate, Tensor up, Tensor dy, Tensor dgate, Tensor dup, Optional<Tensor> y);
}
