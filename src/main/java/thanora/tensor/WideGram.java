package thanora.tensor;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Sums of xᵀ x that are too large to be there twice: row blocks of the lower triangle, each added
 * where it belongs. Blocks on the diagonal are whole.
 */
final class WideGram {
  private static final int BLOCK = 1024;

  private WideGram() {}

  /** The rows [from, from + count) of the triangle, and the columns that they reach to. */
  private interface Block {
    void visit(long from, long count);
  }

  private static void blocks(long n, Block body) {
    for (long from = 0; from < n; from += BLOCK) {
      try (TensorScope scope = TensorScope.open()) {
        body.visit(from, Math.min(BLOCK, n - from));
      }
    }
  }

  /** sum (d, d) += xᵀ x in the lower blocks; x (N, d) of the sum's type, or of 16 bits on a GPU. */
  static void add(Tensor sum, Tensor x) {
    boolean alike = DType.of(x) == DType.of(sum);
    blocks(sum.size(0), (from, count) -> {
      Tensor target = sum.narrow(0, from, count).narrow(1, 0, from + count);
      Tensor left = x.narrow(1, from, count).t();
      Tensor right = x.narrow(1, 0, from + count);
      if (alike) {
        target.addmm_(left, right);
      } else {
        target.add_(torch.mm(left, right, DType.of(sum).torch)); // 16 bits in, 32 bits out: CUDA alone has it
      }
    });
  }

  /** Makes it symmetric, in place. */
  static void mirror(Tensor sum) {
    blocks(sum.size(0), (from, count) ->
        sum.narrow(0, 0, from).narrow(1, from, count).copy_(sum.narrow(0, from, count).narrow(1, 0, from).t()));
  }
}
