package thanora.hasi;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * The tasks' directions in one module, and what the plan says of them: all that linear algebra has
 * to do for factors. Host arrays, so that any thread and scope may use them.
 *
 * @param tasks of each task
 * @param overlapBefore of the leading subspaces, before deflation (T x T)
 * @param overlapAfter of those that are used
 * @param warnings what had to be made up
 */
record Directions(
    List<Task> tasks,
    List<List<Double>> overlapBefore,
    List<List<Double>> overlapAfter,
    List<String> warnings) {

  /**
   * One task's P, orthonormal columns.
   *
   * @param pt Pᵀ (r_t, d), row-major
   * @param q Pᵀ W (r_t, d_in), row-major; empty for statistic X, whose P lives on the input side
   * @param sigma singular values of the columns (r_t)
   */
  record Task(double[] pt, double[] q, double[] sigma) {}

  /**
   * What directions depend on besides module and spectra.
   *
   * @param seed of directions that have to be made up
   * @param products whether Pᵀ W is wanted
   */
  record Choice(
      boolean deflation, int deflationVectors, long seed, List<Integer> ranks, boolean products) {
    Choice(HasiConfig config, long seed, int[] ranks) {
      this(
          config.start().deflation(), config.start().deflationVectors(), seed,
          Arrays.stream(ranks).boxed().toList(),
          config.preview().statistic() != HasiConfig.Statistic.X);
    }
  }

  /**
   * Finds them; on one thread, with a scope of its own.
   *
   * @param module its name
   * @param w W (d_out, d_in), float64
   */
  static Directions of(
      Choice choice, String module, Tensor w, List<Spectrum> spectra, List<String> names) {
    try (TensorScope scope = TensorScope.open(); NoGrad off = NoGrad.open()) {
      int[] ranks = choice.ranks.stream().mapToInt(Integer::intValue).toArray();
      TaskSubspaces literal = subspaces(choice, module, names);
      List<TaskSubspaces.Basis> leading = literal.literal(spectra, ranks);
      List<List<Double>> before = TaskSubspaces.overlap(leading);
      if (!choice.deflation) {
        return new Directions(sides(choice, w, leading), before, before, literal.warnings());
      }
      TaskSubspaces deflated = subspaces(choice, module, names);
      List<TaskSubspaces.Basis> bases = deflated.deflated(spectra, ranks);
      return new Directions(
          sides(choice, w, bases), before, TaskSubspaces.overlap(bases), deflated.warnings());
    }
  }

  private static TaskSubspaces subspaces(Choice choice, String module, List<String> names) {
    return new TaskSubspaces(choice.deflationVectors, module, choice.seed, names);
  }

  private static List<Task> sides(Choice choice, Tensor w, List<TaskSubspaces.Basis> bases) {
    List<Task> sides = new ArrayList<>();
    for (TaskSubspaces.Basis basis : bases) {
      Tensor pt = Ops.transpose(basis.p());
      double[] q = choice.products && pt.size(0) > 0 ? product(pt, w) : new double[0];
      sides.add(new Task(Tensors.doubles(pt), q, basis.sigma()));
    }
    return sides;
  }

  /** Pᵀ W, computed where W is. */
  private static double[] product(Tensor pt, Tensor w) {
    Tensor there = Tensors.to(pt, new Placement(Tensors.device(w), DType.F64));
    return Tensors.doubles(Ops.matmul(there, w));
  }
}
