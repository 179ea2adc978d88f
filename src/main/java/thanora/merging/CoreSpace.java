package thanora.merging;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;

/**
 * Core Space: with U_B the left singular vectors of [B_1 … B_T] and V_A the right ones of [A_1; …;
 * A_T], every δ_t is U_B M_t V_Aᵀ with a core M_t = U_Bᵀ s_t B_t A_t V_A of no more than Σ r_t rows
 * and columns; the rule merges the cores.
 *
 * <p>Nothing is lost: with {@link TaskArithmetic} inside it is task arithmetic. Signs of singular
 * vectors are arbitrary, but no rule here sees them, save for entries that sum to exactly 0. Random
 * masks differ with them.
 *
 * <p>Source: Panariello et al., arXiv 2509.17786.
 *
 * @param rule what merges the cores
 */
public record CoreSpace(MergeRule rule) implements LoraMerge {
  /** {@link Ties#standard} inside; with {@link TaskArithmetic} Core Space changes nothing. */
  public static CoreSpace ties() {
    return new CoreSpace(Ties.standard());
  }

  @Override
  public Tensor delta(List<TaskLora> tasks, String module) {
    LoraMerge.checked(tasks);
    try (NoGrad off = NoGrad.open()) {
      return TensorScope.keep(() -> merged(tasks, module));
    }
  }

  private Tensor merged(List<TaskLora> tasks, String module) {
    Tensor bs = Ops.cat(1, tasks.stream().map(TaskLora::wideB).toArray(Tensor[]::new));
    Tensor as = Ops.cat(0, tasks.stream().map(TaskLora::wideA).toArray(Tensor[]::new));
    Tensor u = Ops.svd(bs).u();
    Tensor vt = Ops.svd(as).vt();
    List<Tensor> cores = tasks.stream()
        .map(task -> Ops.matmul(
            Ops.matmul(u.t(), task.wideB()), Ops.matmul(task.scaledA(), vt.t())))
        .toList();
    return Ops.matmul(Ops.matmul(u, rule.merge(cores, module)), vt);
  }
}
