package thanora.merging;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.Seeds;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * DARE-TIES: of each δ_t every entry stays with probability {@code density}, divided by it, else
 * becomes 0; then sign and mean as in {@link Ties}, without its trimming.
 *
 * <p>Source: Yu et al., arXiv 2311.03099; the conventions are those of PEFT's {@code dare_ties}
 * with all weights λ. mergekit scales to the L1 norm of before instead of dividing by the density.
 * Core Space's code trims as well.
 *
 * <p>The masks depend on the seed, the module's name and the task's number alone.
 *
 * @param density probability of staying, above 0 to 1
 * @param lambda λ
 * @param seed of the masks
 */
public record DareTies(double density, double lambda, long seed) implements MergeRule {
  public DareTies {
    Ties.requireDensity(density);
  }

  /** Half of the entries (FusionBench's sparsity 0.5) and λ = 1, as for {@link Ties#standard}. */
  public static DareTies standard(long seed) {
    return new DareTies(0.5, 1, seed);
  }

  @Override
  public Tensor merge(List<Tensor> tasks, String module) {
    return TensorScope.keep(() -> {
      List<Tensor> kept = new ArrayList<>();
      for (int task = 0; task < tasks.size(); task++) {
        kept.add(masked(tasks.get(task), mask(tasks.get(task), module + " " + task)));
      }
      return Ties.elected(kept, lambda);
    });
  }

  /** What stays of a tensor, given its mask of ones and zeros. */
  Tensor masked(Tensor tensor, Tensor mask) {
    return Ops.scale(Ops.mul(tensor, mask), 1 / density);
  }

  private Tensor mask(Tensor like, String name) {
    return TensorScope.keep(() -> {
      Random random = Seeds.stream(seed, "merge.dare " + name);
      float[] values = new float[Math.toIntExact(like.numel())];
      for (int i = 0; i < values.length; i++) {
        values[i] = random.nextDouble() < density ? 1 : 0;
      }
      Placement placement = new Placement(Tensors.device(like), DType.F64);
      return Tensors.to(Tensors.of(values, Tensors.shape(like)), placement);
    });
  }
}
