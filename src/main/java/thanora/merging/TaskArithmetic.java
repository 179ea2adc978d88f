package thanora.merging;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;

/**
 * λ Σ_t δ_t.
 *
 * <p>Source: Ilharco et al., arXiv 2212.04089; equal to PEFT's {@code task_arithmetic} with all
 * weights λ.
 *
 * @param lambda λ; 1 is the sum, 1/T the mean
 */
public record TaskArithmetic(double lambda) implements MergeRule {
  /** λ = 0.3, as in FusionBench and in Core Space's configuration for LLaMA. mergekit's is 1. */
  public static TaskArithmetic standard() {
    return new TaskArithmetic(0.3);
  }

  @Override
  public Tensor merge(List<Tensor> tasks, String module) {
    return TensorScope.keep(() -> {
      Tensor sum = Ops.scale(tasks.get(0), lambda);
      for (Tensor task : tasks.subList(1, tasks.size())) {
        Ops.addInPlace(sum, task, lambda);
      }
      return sum;
    });
  }
}
