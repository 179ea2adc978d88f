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
  /** Columns of W in float64 at a time. */
  private static final int COLUMNS = 512;

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
   * Finds them, the rows Pᵀ W left out; on one thread, with a scope of its own, in main memory.
   *
   * @param module its name
   */
  static Directions of(Choice choice, String module, List<Spectrum> spectra, List<String> names) {
    try (TensorScope scope = TensorScope.open(); NoGrad off = NoGrad.open()) {
      int[] ranks = choice.ranks.stream().mapToInt(Integer::intValue).toArray();
      TaskSubspaces literal = subspaces(choice, module, names);
      List<TaskSubspaces.Basis> leading = literal.literal(spectra, ranks);
      List<List<Double>> before = TaskSubspaces.overlap(leading);
      if (!choice.deflation) {
        return new Directions(
            sides(choice, spectra, leading), before, before, literal.warnings());
      }
      TaskSubspaces deflated = subspaces(choice, module, names);
      List<TaskSubspaces.Basis> bases = deflated.deflated(spectra, ranks);
      return new Directions(
          sides(choice, spectra, bases), before, TaskSubspaces.overlap(bases),
          deflated.warnings());
    }
  }

  private static TaskSubspaces subspaces(Choice choice, String module, List<String> names) {
    return new TaskSubspaces(choice.deflationVectors, module, choice.seed, names);
  }

  private static List<Task> sides(
      Choice choice, List<Spectrum> spectra, List<TaskSubspaces.Basis> bases) {
    List<Task> sides = new ArrayList<>();
    for (TaskSubspaces.Basis basis : bases) {
      Tensor pt = Ops.transpose(basis.p());
      double[] directions = Tensors.doubles(pt);
      sides.add(switch (choice.statistic) {
        case WC, WC_HALF -> new Task(new double[0], directions, basis.sigma());
        case X -> new Task(directions, new double[0], basis.sigma());
        case GRADIENT ->
            new Task(directions, descent(spectra.get(sides.size()), basis), basis.sigma());
      });
    }
    return sides;
  }

  /**
   * The same with rows Pᵀ W where they were left out: all tasks in one product in float64, where W is,
   * some of W's columns at a time where that takes a copy of them.
   *
   * @param w W (d_out, d_in), any float type
   */
  Directions times(Tensor w) {
    if (tasks.stream().allMatch(task -> task.a.length > 0 || task.bt.length == 0)) {
      return this;
    }
    try (TensorScope scope = TensorScope.open(); NoGrad off = NoGrad.open()) {
      int dOut = Math.toIntExact(w.size(0));
      int dIn = Math.toIntExact(w.size(1));
      Tensor[] pt = tasks.stream().filter(task -> task.bt.length > 0)
          .map(task -> Tensors.of(task.bt, task.bt.length / dOut, dOut)).toArray(Tensor[]::new);
      Tensor all = Tensors.to(Ops.cat(0, pt), new Placement(Tensors.device(w), DType.F64));
      double[] rows = product(all, w);
      List<Task> whole = new ArrayList<>();
      int from = 0;
      for (Task task : tasks) {
        int to = from + task.bt.length / dOut * dIn;
        whole.add(new Task(Arrays.copyOfRange(rows, from, to), task.bt, task.sigma));
        from = to;
      }
      return new Directions(whole, overlapBefore, overlapAfter, warnings);
    }
  }

  private static double[] product(Tensor pt, Tensor w) {
    if (DType.of(w) == DType.F64) {
      return Tensors.doubles(Ops.matmul(pt, w));
    }
    List<Tensor> parts = new ArrayList<>();
    for (long from = 0; from < w.size(1); from += COLUMNS) {
      Tensor columns = Ops.narrow(w, 1, from, Math.min(COLUMNS, w.size(1) - from));
      parts.add(TensorScope.keep(() -> Ops.matmul(pt, Tensors.cast(columns, DType.F64))));
    }
    return Tensors.doubles(Ops.cat(1, parts.toArray(Tensor[]::new)));
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
