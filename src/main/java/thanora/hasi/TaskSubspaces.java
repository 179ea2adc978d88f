package thanora.hasi;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.Seeds;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * The tasks' subspaces of one module: P_t, orthonormal columns, by the leading vectors of each
 * task's statistic. Said here for left vectors; right ones, of the gradient, go the same way on the
 * other side.
 *
 * <p>Without deflation P_t is the top r_t left vectors U_t. They are nearly the same for all tasks,
 * since a few directions dominate any text. With deflation tasks go by falling entropy (ties: lower
 * index) and each takes the top r_t left singular vectors of (I − Q Qᵀ) U_t Σ_t, with Q what
 * earlier tasks took: blocks are orthogonal to each other and Σ P_t P_tᵀ is a projector. Signs are
 * fixed so that the largest entry of each vector is positive.
 */
final class TaskSubspaces {
  private static final Placement EXACT = new Placement("cpu", DType.F64);
  private static final double RANK_TOLERANCE = 1e-10;

  private final int deflationVectors;
  private final String module;
  private final long seed;
  private final List<String> tasks;
  private final List<String> warnings = new ArrayList<>();

  /**
   * Of one module.
   *
   * @param deflationVectors see {@link HasiConfig.Start}
   */
  TaskSubspaces(int deflationVectors, String module, long seed, List<String> tasks) {
    this.deflationVectors = deflationVectors;
    this.module = module;
    this.seed = seed;
    this.tasks = tasks;
  }

  /** One task's P (d, r_t) and the singular values of its columns (r_t). */
  record Basis(Tensor p, double[] sigma) {}

  /** What had to be made up, one sentence each; empty in the normal case. */
  List<String> warnings() {
    return List.copyOf(warnings);
  }

  /** P_t as they stand before deflation, in the caller's scope. */
  List<Basis> literal(List<Spectrum> spectra, int[] ranks) {
    List<Basis> bases = new ArrayList<>();
    for (int task = 0; task < ranks.length; task++) {
      Spectrum spectrum = spectra.get(task);
      checkFits(ranks[task], spectrum.dim());
      int known = Math.min(ranks[task], spectrum.count());
      Tensor p = Ops.narrow(spectrum.vectors(), 1, 0, known);
      Tensor nothing = Tensors.zeros(EXACT, spectrum.dim(), 0);
      bases.add(finish(task, p, spectrum.sigma(), ranks[task], nothing));
    }
    return bases;
  }

  /** P_t that are orthogonal to each other, in the caller's scope. */
  List<Basis> deflated(List<Spectrum> spectra, int[] ranks) {
    checkFits(Arrays.stream(ranks).sum(), spectra.get(0).dim());
    Basis[] bases = new Basis[ranks.length];
    Tensor taken = Tensors.zeros(EXACT, spectra.get(0).dim(), 0);
    for (int task : byFallingEntropy(spectra)) {
      bases[task] = next(task, spectra.get(task), ranks[task], taken);
      taken = Ops.cat(1, taken, bases[task].p);
    }
    return List.of(bases);
  }

  private static int[] byFallingEntropy(List<Spectrum> spectra) {
    return IntStream.range(0, spectra.size())
        .boxed()
        .sorted(Comparator.comparingDouble(task -> -spectra.get(task).entropy()))
        .mapToInt(Integer::intValue)
        .toArray();
  }

  private Basis next(int task, Spectrum spectrum, int rank, Tensor taken) {
    int looked = Math.max(rank + Math.toIntExact(taken.size(1)), deflationVectors);
    int count = deflationVectors == 0 ? spectrum.count() : Math.min(looked, spectrum.count());
    if (rank == 0 || count == 0) {
      return finish(task, Tensors.zeros(EXACT, spectrum.dim(), 0), new double[0], rank, taken);
    }
    double[] sigma = Arrays.copyOf(spectrum.sigma(), count);
    Tensor weighted =
        Ops.mul(Ops.narrow(spectrum.vectors(), 1, 0, count), Tensors.of(sigma, 1, count));
    Ops.Svd svd = Ops.svd(without(weighted, taken));
    double[] left = Tensors.doubles(svd.sigma());
    int known = 0;
    while (known < Math.min(rank, left.length) && left[known] > RANK_TOLERANCE * sigma[0]) {
      known++;
    }
    Tensor p = Ops.narrow(svd.u(), 1, 0, known);
    if (known > 0 && taken.size(1) > 0) {
      p = Ops.orthonormal(without(p, taken));
    }
    return finish(task, p, left, rank, taken);
  }

  /** Completes to the rank asked for and fixes signs. */
  private Basis finish(int task, Tensor p, double[] sigma, int rank, Tensor taken) {
    int known = Math.toIntExact(p.size(1));
    if (known == rank) {
      return new Basis(positive(p), Arrays.copyOf(sigma, rank));
    }
    warnings.add(
        "task " + tasks.get(task) + " has only " + known + " directions of its own here, "
            + (rank - known) + " more were drawn at random");
    int dim = Math.toIntExact(p.size(0));
    Random random = Seeds.stream(seed, "hasi.completion." + module + "." + tasks.get(task));
    double[] draws = random.doubles((long) dim * (rank - known), -1, 1).toArray();
    Tensor more = without(Tensors.of(draws, dim, rank - known), Ops.cat(1, taken, p));
    more = Ops.orthonormal(without(more, Ops.cat(1, taken, p)));
    double[] all = new double[rank];
    System.arraycopy(sigma, 0, all, 0, Math.min(known, sigma.length));
    return new Basis(positive(Ops.cat(1, p, more)), all);
  }

  /** (I − Q Qᵀ) x, twice, since once leaves rounding errors of x's large components. */
  private static Tensor without(Tensor x, Tensor q) {
    if (q.size(1) == 0) {
      return x;
    }
    Tensor once = Ops.sub(x, Ops.matmul(q, Ops.matmul(Ops.transpose(q), x)));
    return Ops.sub(once, Ops.matmul(q, Ops.matmul(Ops.transpose(q), once)));
  }

  private static Tensor positive(Tensor p) {
    int dim = Math.toIntExact(p.size(0));
    int rank = Math.toIntExact(p.size(1));
    if (rank == 0) {
      return p;
    }
    double[] values = Tensors.doubles(p);
    for (int column = 0; column < rank; column++) {
      double largest = 0;
      for (int row = 0; row < dim; row++) {
        double value = values[row * rank + column];
        largest = Math.abs(value) > Math.abs(largest) ? value : largest;
      }
      for (int row = 0; row < dim && largest < 0; row++) {
        values[row * rank + column] *= -1;
      }
    }
    return Tensors.of(values, dim, rank);
  }

  private void checkFits(int rank, int dim) {
    if (rank > dim) {
      throw new IllegalArgumentException(
          module + ": " + rank + " task directions do not fit a width of " + dim
              + "; lower lora.r or leave this module out of lora.targets");
    }
  }

  /**
   * Overlap of subspaces: ‖P_iᵀ P_j‖_F² / min(r_i, r_j), 1 where one contains the other, 0 where
   * they are orthogonal or empty.
   */
  static List<List<Double>> overlap(List<Basis> bases) {
    try (TensorScope scope = TensorScope.open()) {
      Tensor all = Ops.cat(1, bases.stream().map(Basis::p).toArray(Tensor[]::new));
      Tensor gram = Ops.matmul(Ops.transpose(all), all);
      double[] squares = Tensors.doubles(Ops.mul(gram, gram));
      int[] ranks = bases.stream().mapToInt(basis -> (int) basis.p.size(1)).toArray();
      int r = Arrays.stream(ranks).sum();
      List<List<Double>> rows = new ArrayList<>();
      for (int i = 0, top = 0; i < ranks.length; top += ranks[i++]) {
        List<Double> row = new ArrayList<>();
        for (int j = 0, left = 0; j < ranks.length; left += ranks[j++]) {
          double sum = 0;
          for (int k = top; k < top + ranks[i]; k++) {
            sum += Arrays.stream(squares, k * r + left, k * r + left + ranks[j]).sum();
          }
          row.add(sum / Math.max(1, Math.min(ranks[i], ranks[j])));
        }
        rows.add(row);
      }
      return rows;
    }
  }
}
