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
   * What one task's rows of A and columns of B are multiples of: Pᵀ W and P. Where P lives on the
   * input side: Pᵀ, and nothing for statistic X, −G p / ‖G p‖ of each column p for the gradient.
   *
   * @param a (r_t, d_in), row-major
   * @param bt (r_t, d_out), row-major; empty where B has no directions
   * @param sigma singular values of the columns of P (r_t)
   */
  record Task(double[] a, double[] bt, double[] sigma) {}

  /**
   * What directions depend on besides module and spectra.
   *
   * @param seed of directions that have to be made up
   */
  record Choice(
      HasiConfig.Statistic statistic,
      boolean deflation,
      int deflationVectors,
      long seed,
      List<Integer> ranks) {
    Choice(HasiConfig config, long seed, int[] ranks) {
      this(
          config.preview().statistic(), config.start().deflation(),
          config.start().deflationVectors(), seed, Arrays.stream(ranks).boxed().toList());
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
        return new Directions(
            sides(choice, w, spectra, leading), before, before, literal.warnings());
      }
      TaskSubspaces deflated = subspaces(choice, module, names);
      List<TaskSubspaces.Basis> bases = deflated.deflated(spectra, ranks);
      return new Directions(
          sides(choice, w, spectra, bases), before, TaskSubspaces.overlap(bases),
          deflated.warnings());
    }
  }

  private static TaskSubspaces subspaces(Choice choice, String module, List<String> names) {
    return new TaskSubspaces(choice.deflationVectors, module, choice.seed, names);
  }

  private static List<Task> sides(
      Choice choice, Tensor w, List<Spectrum> spectra, List<TaskSubspaces.Basis> bases) {
    List<Task> sides = new ArrayList<>();
    for (TaskSubspaces.Basis basis : bases) {
      Tensor pt = Ops.transpose(basis.p());
      double[] directions = Tensors.doubles(pt);
      sides.add(switch (choice.statistic) {
        case WC, WC_HALF -> new Task(product(pt, w), directions, basis.sigma());
        case X -> new Task(directions, new double[0], basis.sigma());
        case GRADIENT ->
            new Task(directions, descent(spectra.get(sides.size()), basis), basis.sigma());
      });
    }
    return sides;
  }

  /** Pᵀ W, computed where W is. */
  private static double[] product(Tensor pt, Tensor w) {
    if (pt.size(0) == 0) {
      return new double[0];
    }
    Tensor there = Tensors.to(pt, new Placement(Tensors.device(w), DType.F64));
    return Tensors.doubles(Ops.matmul(there, w));
  }

  /**
   * −G p / ‖G p‖ of each column p, as rows, with G = (G V) Vᵀ for the leading right vectors V; 0 for
   * columns that had to be made up, since G does nothing to them.
   */
  private static double[] descent(Spectrum spectrum, TaskSubspaces.Basis basis) {
    Tensor images =
        Ops.matmul(spectrum.images(), Ops.matmul(Ops.transpose(spectrum.vectors()), basis.p()));
    double[] lengths = Tensors.doubles(Ops.norms(images, 0));
    double[] factors = new double[lengths.length];
    for (int i = 0; i < factors.length; i++) {
      factors[i] = basis.sigma()[i] > 0 ? -1 / lengths[i] : 0;
    }
    return Tensors.doubles(
        Ops.transpose(Ops.mul(images, Tensors.of(factors, 1, factors.length))));
  }
}
