package thanora.merging;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * TIES: trim, elect, merge. Of each δ_t the ⌊density · size⌋ entries of largest magnitude stay, the
 * others become 0; the sign of an entry is that of Σ_t δ_t, + where the sum is 0; the result is λ
 * times the mean of the entries that have the elected sign, 0 where none has.
 *
 * <p>Source: Yadav et al., arXiv 2306.01708. The conventions are those of PEFT's {@code ties} with
 * all weights λ: trimmed tensor by tensor, the sign elected on unweighted values, divided by the
 * number of tasks that agree. Others differ: the paper, FusionBench and KnOTS trim over all layers
 * at once; FusionBench and KnOTS give an entry of sum 0 the sign of the majority of all entries,
 * and FusionBench sums where this takes the mean; mergekit elects on weighted values and divides by
 * the sum of the weights that agree.
 *
 * @param density share of entries to keep, above 0 to 1
 * @param lambda λ
 */
public record Ties(double density, double lambda) implements MergeRule {
  public Ties {
    requireDensity(density);
  }

  /** The 20 % of largest magnitude (the paper, FusionBench) and λ = 1, the mean of what agrees. */
  public static Ties standard() {
    return new Ties(0.2, 1);
  }

  static void requireDensity(double density) {
    if (!(density > 0 && density <= 1)) {
      throw new IllegalArgumentException(
          "density " + density + " must be above 0 and at most 1; 1 keeps all entries");
    }
  }

  @Override
  public Tensor merge(List<Tensor> tasks, String module) {
    return TensorScope.keep(
        () -> elected(tasks.stream().map(task -> trimmed(task, density)).toList(), lambda));
  }

  private static Tensor trimmed(Tensor tensor, double density) {
    return density == 1
        ? tensor : Ops.keepLargest(tensor, (long) (density * tensor.numel()));
  }

  /** λ times the mean of the entries that agree with the sign of their sum. */
  static Tensor elected(List<Tensor> tasks, double lambda) {
    return TensorScope.keep(() -> {
      Tensor sum = Tensors.copy(tasks.get(0));
      for (Tensor task : tasks.subList(1, tasks.size())) {
        Ops.addInPlace(sum, task, 1);
      }
      Tensor sign = Ops.sign(Ops.plus(Ops.sign(sum), 0.5)); // 0 elects +
      Tensor total = Ops.scale(sum, 0);
      Tensor count = Ops.scale(sum, 0);
      for (Tensor task : tasks) {
        try (TensorScope scope = TensorScope.open()) {
          Tensor agrees = Ops.atLeast(Ops.mul(Ops.sign(task), sign), 0);
          Ops.addProductInPlace(total, task, agrees, lambda);
          Ops.addInPlace(count, agrees, 1);
        }
      }
      return Ops.div(total, Ops.atLeast(count, 1));
    });
  }
}
