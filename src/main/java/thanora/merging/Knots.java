package thanora.merging;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * KnOTS: [δ_1 … δ_T] = U Σ [V_1ᵀ … V_Tᵀ], so all tasks speak of the same output directions U; the
 * rule merges Σ V_tᵀ, and U times the outcome is the change.
 *
 * <p>Nothing is lost: with {@link TaskArithmetic} inside it is task arithmetic. The decomposition
 * is of a small matrix: with [B_1 … B_T] = Q R, that of R diag(s_t A_t), whose left vectors Q
 * carries to full space.
 *
 * <p>Source: Stoica et al., arXiv 2410.19735. Its code drops σ ≤ 1e-5; here σ ≤ 1e-10 of the
 * largest goes, which does not depend on how large the adapters are.
 *
 * @param rule what merges Σ V_tᵀ
 */
public record Knots(MergeRule rule) implements LoraMerge {
  private static final double ZERO = 1e-10;

  /** TIES of all entries, mean, λ = 0.5: the source's configuration for LLaMA. */
  public static Knots ties() {
    return new Knots(new Ties(1, 0.5));
  }

  /** DARE-TIES that keeps a fifth, λ = 0.4: the source's configuration for LLaMA. */
  public static Knots dareTies(long seed) {
    return new Knots(new DareTies(0.2, 0.4, seed));
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
    Tensor q = Ops.orthonormal(bs);
    Tensor[] parts = new Tensor[tasks.size()];
    for (int t = 0; t < parts.length; t++) {
      parts[t] = Ops.matmul(Ops.matmul(q.t(), tasks.get(t).wideB()), tasks.get(t).scaledA());
    }
    Ops.Svd svd = Ops.svd(Ops.cat(1, parts));
    int rank = rank(svd.sigma());
    Tensor sv = Ops.mul(Ops.narrow(svd.vt(), 0, 0, rank),
        Ops.narrow(svd.sigma(), 0, 0, rank).view(rank, 1));
    long in = tasks.get(0).a().size(1);
    List<Tensor> shares = new ArrayList<>();
    for (int t = 0; t < parts.length; t++) {
      shares.add(Ops.narrow(sv, 1, t * in, in));
    }
    Tensor u = Ops.matmul(q, Ops.narrow(svd.u(), 1, 0, rank));
    return Ops.matmul(u, rule.merge(shares, module));
  }

  /** How many σ count; 1 where all are 0. */
  private static int rank(Tensor sigma) {
    double[] values = Tensors.doubles(sigma);
    int rank = 1;
    while (rank < values.length && values[rank] > ZERO * values[0]) {
      rank++;
    }
    return rank;
  }
}
