package thanora.tensor;

import java.util.List;
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
public final class RaggedAttention {
  private static final int LARGEST_HEAD = 256;

  private RaggedAttention() {}

  /** Looked up when first asked for: the operator's name is there without a GPU, its kernel is not. */
  private static final class Forward {
    static final OperatorHandle HANDLE = TensorScope.outside(
        () -> Dispatcher.singleton().findSchemaOrThrow("aten::_flash_attention_forward", ""));
  }

  private static final class Backward {
    static final OperatorHandle HANDLE = TensorScope.outside(
        () -> Dispatcher.singleton().findSchemaOrThrow("aten::_flash_attention_backward", ""));
  }

  /** Tried once: the kernel refuses GPUs before the A100's generation. */
  private static final class Trial {
    static final boolean PASSED = passes();

    private static boolean passes() {
      try (TensorScope scope = TensorScope.open(); NoGrad off = NoGrad.open()) {
        Tensor heads = Tensors.zeros(new Placement("cuda", DType.BF16), 1, 1, 64);
        Tensor starts = Tensors.to(Tensors.of(new int[] {0, 1}, "cuda"), new Placement("cuda", DType.I32));
        forward(heads, heads, heads, new Rows(1, starts, 1, 0));
        return true;
      } catch (RuntimeException refused) {
        return false;
      }
    }
  }

  /** Whether heads (N, H, Dh) of this type, width and device are served. */
  public static boolean serves(Tensor heads) {
    long width = heads.size(2);
    return heads.is_cuda() && DType.of(heads).bytes() == 2 && width % 8 == 0 && width <= LARGEST_HEAD
        && Trial.PASSED;
  }

  /**
   * Which keys a query sees, and how.
   *
   * @param scale factor of the scores
   * @param starts first token of each row, and N at the end; int32, on the device
   * @param longest tokens of the longest row
   * @param window keys a query sees, itself included; 0 for all
   */
  public record Rows(double scale, Tensor starts, long longest, int window) {}

  /**
   * What the forward pass gives.
   *
   * @param output (N, H, Dh)
   * @param logSumExp of each query's scores
   * @param rest two tensors more that {@link #backward} wants
   */
  public record Result(Tensor output, Tensor logSumExp, List<Tensor> rest) {
    /** Everything that {@link #backward} reads of it. */
    public List<Tensor> kept() {
      return List.of(output, logSumExp, rest.get(0), rest.get(1));
    }
  }

  /**
   * softmax(scale · q kᵀ) v, each query over the keys of its row up to itself, and what the backward pass
   * needs; rows of q, k and v may be strided.
   *
   * @param q (N, H, Dh)
   * @param k (N, Hkv, Dh), H a multiple of Hkv
   * @param v like k
   */
  public static Result forward(Tensor q, Tensor k, Tensor v, Rows rows) {
    IValueVector stack = stack(List.of(q, k, v));
    push(stack, rows);
    stack.push_back(new IValue(false)); // debug mask
    push(stack, rows.scale, rows.window);
    IValue none = new IValue();
    stack.push_back(none).push_back(none); // used keys, slopes
    Forward.HANDLE.callBoxed(stack);
    return new Result(tensor(stack, 0), tensor(stack, 1), List.of(tensor(stack, 2), tensor(stack, 3)));
  }

  /** Gradients of q, k and v, each as long and wide as it is. */
  public static List<Tensor> backward(Tensor dy, Tensor q, Tensor k, Tensor v, Result result, Rows rows) {
    IValueVector stack = stack(List.of(dy, q, k, v, result.output, result.logSumExp));
    push(stack, rows);
    result.rest.forEach(tensor -> stack.push_back(new IValue(tensor)));
    push(stack, rows.scale, rows.window);
    Backward.HANDLE.callBoxed(stack);
    return List.of(tensor(stack, 0), tensor(stack, 1), tensor(stack, 2));
  }

  private static IValueVector stack(List<Tensor> tensors) {
    return new IValueVector(tensors.stream().map(IValue::new).toArray(IValue[]::new));
  }

  private static void push(IValueVector stack, Rows rows) {
    IValue starts = new IValue(rows.starts);
    IValue longest = new IValue(rows.longest);
    stack.push_back(starts).push_back(starts).push_back(longest).push_back(longest);
    stack.push_back(new IValue(0.0)).push_back(new IValue(true)); // dropout, causal
  }

  private static void push(IValueVector stack, double scale, int window) {
    stack.push_back(new IValue(scale)); // then keys to the left and to the right
    stack.push_back(window > 0 ? new IValue((long) window - 1) : new IValue());
    stack.push_back(window > 0 ? new IValue(0L) : new IValue());
  }

  private static Tensor tensor(IValueVector stack, long at) {
    return new Tensor(stack.get(at).toTensor()); // an element dies with its vector
  }
}
