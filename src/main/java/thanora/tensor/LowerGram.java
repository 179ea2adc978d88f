package thanora.tensor;

import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.openblas.global.openblas;
import org.bytedeco.pytorch.Tensor;

/** xᵀ x by half the multiplications: BLAS has a routine for it that libtorch does not call. */
final class LowerGram {
  private static final int ROW_MAJOR = 101;
  private static final int LOWER = 122;
  private static final int TRANSPOSED = 112;

  private LowerGram() {}

  static Tensor of(Tensor x) {
    if (x.is_cuda() || DType.of(x) != DType.F32) {
      return Ops.matmul(Ops.transpose(x), x);
    }
    return TensorScope.keep(() -> {
      Tensor rows = x.contiguous();
      int n = Math.toIntExact(x.size(0));
      int d = Math.toIntExact(x.size(1));
      Tensor gram = Tensors.zeros(Placement.CPU_F32, d, d);
      if (n > 0) {
        openblas.cblas_ssyrk(ROW_MAJOR, LOWER, TRANSPOSED, d, n, 1,
            new FloatPointer(rows.data_ptr()), d, 0, new FloatPointer(gram.data_ptr()), d);
      }
      return gram;
    });
  }
}
