package thanora.tensor;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Operators that write their result into a tensor given, of the result's shape; it may be a view whose
 * rows are strided. Where it may be one of the operands, the operator says so.
 */
public final class Into {
  private Into() {}

  /** to = a b; matrices. */
  public static void matmul(Tensor to, Tensor a, Tensor b) {
    torch.mm_out(to, a, b);
  }

  /** to = base + a b; base (n, m), or (m) for all rows. */
  public static void addmm(Tensor to, Tensor base, Tensor a, Tensor b) {
    torch.addmm_out(to, base, a, b);
  }

  /** to = a + b; to may be either. */
  public static void add(Tensor to, Tensor a, Tensor b) {
    torch.add_out(to, a, b);
  }

  /** to = a ∘ b; to may be either. */
  public static void mul(Tensor to, Tensor a, Tensor b) {
    torch.mul_out(to, a, b);
  }

  /** to = factor · a; to may be a. */
  public static void scale(Tensor to, Tensor a, double factor) {
    torch.mul_out(to, a, new Scalar(factor));
  }

  /** to = base + factor · (a ∘ b); to may be any of them. */
  public static void addcmul(Tensor to, Tensor base, Tensor a, Tensor b, double factor) {
    torch.addcmul_out(to, base, a, b, new Scalar(factor));
  }

  /** to = silu(x); to may be x. */
  public static void silu(Tensor to, Tensor x) {
    torch.silu_out(to, x);
  }

  /** to = the gradient of silu at x, times g; to may be either. */
  public static void siluBackward(Tensor to, Tensor g, Tensor x) {
    torch.silu_backward_out(to, g, x);
  }

  /** to = gelu(x) by its approximation with tanh; to may be x. */
  public static void gelu(Tensor to, Tensor x) {
    torch.gelu_out(to, x, "tanh");
  }

  /** to = the gradient of {@link #gelu} at x, times g; to may be either. */
  public static void geluBackward(Tensor to, Tensor g, Tensor x) {
    torch.gelu_backward_out(to, g, x, "tanh");
  }

  /** to = 1 / √(mean(x²) + eps) of each row of x (N, D); to (N) of float32, or of float64 as x is. */
  public static void inverseRms(Tensor to, Tensor x, double eps) {
    torch.linalg_vector_norm_out(to, x, new Scalar(2.0), new long[] {1}, false,
        new ScalarTypeOptional(DType.of(to).torch));
    to.square_().mul_(new Scalar(1.0 / x.size(1))).add_(new Scalar(eps)).rsqrt_();
  }
}
