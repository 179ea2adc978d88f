package thanora.merging;

import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Tensors;

/**
 * One task's adapter of one linear layer, s B A.
 *
 * @param a A (r, in); ranks may differ between tasks
 * @param b B (out, r)
 * @param scaling s
 */
public record TaskLora(Tensor a, Tensor b, double scaling) {
  public TaskLora {
    if (a.dim() != 2 || b.dim() != 2 || a.size(0) != b.size(1)) {
      throw new IllegalArgumentException(
          "A " + shape(a) + " and B " + shape(b) + " are no adapter; A is (r, in), B is (out, r)");
    }
  }

  /** A (r, in), float64, in the caller's scope. */
  Tensor wideA() {
    return Tensors.cast(a, DType.F64);
  }

  /** s A (r, in), float64, in the caller's scope. */
  Tensor scaledA() {
    return Ops.scale(wideA(), scaling);
  }

  /** B (out, r), float64, in the caller's scope. */
  Tensor wideB() {
    return Tensors.cast(b, DType.F64);
  }

  /** s B A (out, in), float64, in the caller's scope. */
  Tensor delta() {
    return Ops.matmul(wideB(), scaledA());
  }

  private static String shape(Tensor tensor) {
    return Arrays.toString(Tensors.shape(tensor));
  }
}
