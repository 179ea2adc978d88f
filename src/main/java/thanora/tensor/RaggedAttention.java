package thanora.tensor;

import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * Causal attention within rows of unequal length that lie one after another, by libtorch's
 * FlashAttention (arXiv 2307.08691): no padding, no gather, no mask. It exists for CUDA and 16 bits only.
 *
 * <p>Rows of one length go to {@link DenseAttention} where that serves.
 */
public final class RaggedAttention {
  private static final int LARGEST_HEAD = 256;
  private static final BoxedOperator FORWARD = new BoxedOperator("aten::_flash_attention_forward");
  private static final BoxedOperator BACKWARD = new BoxedOperator("aten::_flash_attention_backward");

  private RaggedAttention() {}

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
  public record Rows(double scale, Tensor starts, long longest, int window) {
    long count() {
      return starts.size(0) - 1;
    }

    private Long before() {
      return window > 0 ? (long) window - 1 : null;
    }

    private Long behind() {
      return window > 0 ? 0L : null;
    }
  }

  /**
   * What the forward pass gives.
   *
   * @param output (N, H, Dh)
   * @param logSumExp of each query's scores
   * @param rest two tensors more that {@link #backward} wants
   * @param dense whether {@link DenseAttention} made it
   */
  public record Result(Tensor output, Tensor logSumExp, List<Tensor> rest, boolean dense) {
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
    if (DenseAttention.serves(q, rows)) {
      return DenseAttention.forward(q, k, v, rows);
    }
    BoxedOperator.Results results = FORWARD.call(q, k, v, rows.starts, rows.starts, rows.longest, rows.longest,
        0.0, true, false, // dropout, causal, debug mask
        rows.scale, rows.before(), rows.behind(), null, null); // used keys, slopes
    return new Result(results.tensor(0), results.tensor(1), List.of(results.tensor(2), results.tensor(3)), false);
  }

  /** Gradients of q, k and v, each as long and wide as it is. */
  public static List<Tensor> backward(Tensor dy, Tensor q, Tensor k, Tensor v, Result result, Rows rows) {
    if (result.dense) {
      return DenseAttention.backward(dy, q, k, v, result, rows);
    }
    BoxedOperator.Results results = BACKWARD.call(dy, q, k, v, result.output, result.logSumExp,
        rows.starts, rows.starts, rows.longest, rows.longest, 0.0, true, // dropout, causal
        result.rest.get(0), result.rest.get(1), rows.scale, rows.before(), rows.behind());
    return List.of(results.tensor(0), results.tensor(1), results.tensor(2));
  }
}
