package thanora.tensor;

import org.bytedeco.pytorch.Dispatcher;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.OperatorHandle;
import org.bytedeco.pytorch.Tensor;

/**
 * Causal attention within rows of unequal length that lie one after another, by libtorch's
 * FlashAttention (arXiv 2307.08691): no padding, no gather, no mask. It exists for CUDA and 16 bits
 * only, and is reached through the dispatcher, since the presets do not bind it.
 */
final class RaggedAttention {
  private static final int LARGEST_HEAD = 256;

  private RaggedAttention() {}

  /** Looked up when first asked for: the operator's name is there without a GPU, its kernel is not. */
  private static final class Operator {
    static final OperatorHandle FORWARD = TensorScope.outside(
        () -> Dispatcher.singleton().findSchemaOrThrow("aten::_flash_attention_forward", ""));
  }

  /** Tried once: the kernel refuses GPUs before the A100's generation. */
  private static final class Trial {
    static final boolean PASSED = passes();

    private static boolean passes() {
      try (TensorScope scope = TensorScope.open(); NoGrad off = NoGrad.open()) {
        Tensor heads = Tensors.zeros(new Placement("cuda", DType.BF16), 1, 1, 64);
        Tensor starts = Tensors.to(Tensors.of(new int[] {0, 1}, "cuda"), new Placement("cuda", DType.I32));
        of(heads, heads, heads, 1, starts, 1, 0);
        return true;
      } catch (RuntimeException refused) {
        return false;
      }
    }
  }

  /** Whether heads (N, H, Dh) like these are served. */
  static boolean serves(Tensor heads) {
    long width = heads.size(2);
    return heads.is_cuda() && DType.of(heads).bytes() == 2 && width % 8 == 0 && width <= LARGEST_HEAD
        && Trial.PASSED;
  }

  /**
   * softmax(scale · q kᵀ) v, each query over the keys of its row up to itself.
   *
   * @param q (N, H, Dh)
   * @param k (N, Hkv, Dh), H a multiple of Hkv
   * @param v like k
   * @param starts first token of each row, and N at the end; int32, on the device
   * @param longest tokens of the longest row
   * @param window keys a query sees, itself included; 0 for all
   * @return (N, H, Dh)
   */
  static Tensor of(
      Tensor q, Tensor k, Tensor v, double scale, Tensor starts, long longest, int window) {
    IValue none = new IValue();
    IValue rows = new IValue(starts);
    IValue length = new IValue(longest);
    IValue no = new IValue(false);
    IValueVector stack = new IValueVector(
        new IValue(q), new IValue(k), new IValue(v), rows, rows, length, length,
        new IValue(0.0), new IValue(true), no, // dropout, causal, debug mask
        new IValue(scale), window > 0 ? new IValue((long) window - 1) : none, window > 0 ? new IValue(0L) : none,
        none, none); // left, right, used keys, slopes
    Operator.FORWARD.callBoxed(stack);
    return new Tensor(stack.get(0).toTensor()); // an element dies with its vector
  }
}
