package thanora.tensor;

import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * {@link RaggedAttention} by cuDNN, for rows of one length on a Hopper GPU or a newer one, whose
 * instructions FlashAttention 2 does not use.
 *
 * <p>cuDNN makes a plan for each shape, which takes some 0.1 s; so lengths must be multiples of
 * {@value #STEP}, as those of rows that were cut or packed are.
 */
final class DenseAttention {
  private static final int STEP = 128;
  private static final int LARGEST_HEAD = 128;
  private static final int OLDEST_GPU = 90;
  private static final BoxedOperator FORWARD = new BoxedOperator("aten::_scaled_dot_product_cudnn_attention");
  private static final BoxedOperator BACKWARD =
      new BoxedOperator("aten::_scaled_dot_product_cudnn_attention_backward");

  private DenseAttention() {}

  /** Tried once: libtorch may be there without cuDNN. */
  private static final class Trial {
    static final boolean PASSED = GpuProgram.capability(0) >= OLDEST_GPU && passes();

    private static boolean passes() {
      try (TensorScope scope = TensorScope.open(); NoGrad off = NoGrad.open()) {
        Tensor heads = Tensors.zeros(new Placement("cuda", DType.BF16), STEP, 1, 64);
        Tensor starts = Tensors.zeros(new Placement("cuda", DType.I32), 2);
        RaggedAttention.Rows rows = new RaggedAttention.Rows(1, starts, STEP, 0);
        backward(heads, heads, heads, heads, forward(heads, heads, heads, rows), rows);
        return true;
      } catch (RuntimeException refused) {
        return false;
      }
    }
  }

  /** Whether heads (N, H, Dh) that {@link RaggedAttention} serves go this way. */
  static boolean serves(Tensor heads, RaggedAttention.Rows rows) {
    return rows.longest() % STEP == 0 && rows.count() * rows.longest() == heads.size(0) && rows.window() == 0
        && heads.size(2) <= LARGEST_HEAD && Trial.PASSED;
  }

  static RaggedAttention.Result forward(Tensor q, Tensor k, Tensor v, RaggedAttention.Rows rows) {
    BoxedOperator.Results results = FORWARD.call(byRow(q, rows), byRow(k, rows), byRow(v, rows), null, // bias
        true, 0.0, true, false, rows.scale()); // log-sum-exp, dropout, causal, debug mask
    return new RaggedAttention.Result(
        joined(results.tensor(0)), results.tensor(1), List.of(results.tensor(6), results.tensor(7)), true);
  }

  static List<Tensor> backward(
      Tensor dy, Tensor q, Tensor k, Tensor v, RaggedAttention.Result result, RaggedAttention.Rows rows) {
    Tensor none = new Tensor();
    BoxedOperator.Results results = BACKWARD.call(
        byRow(dy, rows), byRow(q, rows), byRow(k, rows), byRow(v, rows), byRow(result.output(), rows),
        result.logSumExp(), result.rest().get(0), result.rest().get(1), none, none, none, // bias, starts
        rows.longest(), rows.longest(), 0.0, true, rows.scale()); // dropout, causal
    return List.of(joined(results.tensor(0)), joined(results.tensor(1)), joined(results.tensor(2)));
  }

  /** (N, H, Dh) → (B, H, L, Dh), a view. */
  private static Tensor byRow(Tensor x, RaggedAttention.Rows rows) {
    return x.view(rows.count(), rows.longest(), x.size(1), x.size(2)).transpose(1, 2);
  }

  /** (B, H, L, Dh) → (N, H, Dh), a view of what cuDNN writes in the order of its input. */
  private static Tensor joined(Tensor x) {
    return x.transpose(1, 2).reshape(-1, x.size(1), x.size(3));
  }
}
