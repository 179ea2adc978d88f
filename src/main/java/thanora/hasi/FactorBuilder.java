package thanora.hasi;

import java.util.Arrays;
import java.util.Optional;
import java.util.Random;
import thanora.lora.Blocks;
import thanora.lora.Factors;
import thanora.tensor.Seeds;
import thanora.tensor.Tensors;

/**
 * From directions to factors, for one module: Q_t = P_tᵀ W with row lengths q, then
 *
 * <ul>
 *   <li>unit: rows of A = Q / (√3 q), columns of B = b P;
 *   <li>balanced: A = √(γ/s) Q / √q, B = √(γ/s) P √q, so that s B A = γ P Pᵀ W;
 *   <li>CorDA: the same with √σ in place of √q.
 * </ul>
 *
 * <p>Where q (or σ) is below 1e-12 the row of A is 0 and the column of B is P at scale 1, so that
 * the rank can still learn.
 *
 * <p>Where P lives on the input side: rows of A = Pᵀ / √3, columns of B = b times their directions,
 * which statistic X has none of.
 */
final class FactorBuilder {
  private static final double ZERO = 1e-12;

  /** Length of the rows of A that plain LoRA starts with: those of a uniform draw from ±1/√d_in. */
  private static final double LORA_LENGTH = 1 / Math.sqrt(3);

  private final HasiConfig config;
  private final double scale;
  private final long seed;

  /**
   * For one adapter.
   *
   * @param scale s = alpha / r
   */
  FactorBuilder(HasiConfig config, double scale, long seed) {
    this.config = config;
    this.scale = scale;
    this.seed = seed;
  }

  /**
   * Factors as host arrays, which can leave any scope.
   *
   * @param directions empty where all blocks are random
   */
  Rows build(
      String module, int dOut, int dIn, Optional<Directions> directions, Blocks blocks) {
    float[] a = new float[blocks.r() * dIn];
    float[] bt = new float[blocks.r() * dOut];
    for (int task = 0; task < blocks.tasks(); task++) {
      if (directions.isPresent() && blocks.rank(task) > 0) {
        block(directions.get().tasks().get(task), blocks.rank(task), a, bt, blocks.start(task));
      }
    }
    int firstFree = directions.isPresent() ? blocks.taskRows() : 0;
    Random random = Seeds.stream(seed, "lora.a." + module);
    float[] free = Seeds.uniform(random, a.length - firstFree * dIn, 1 / Math.sqrt(dIn));
    System.arraycopy(free, 0, a, firstFree * dIn, free.length);
    return new Rows(a, bt, dIn, dOut, blocks, config.startsAtZero() ? 0 : blocks.taskRows(),
        config.start().subtract() == HasiConfig.Subtract.NONE);
  }

  /**
   * A and Bᵀ, row-major, of which the first {@code frozen} rows are subtracted, unless the initial
   * product is {@code kept} in the model.
   */
  record Rows(float[] a, float[] bt, int dIn, int dOut, Blocks blocks, int frozen, boolean kept) {
    /** The same as tensors of the caller's scope. */
    Factors tensors() {
      float[] a0 = Arrays.copyOf(a, frozen * dIn);
      float[] b0t = kept ? new float[frozen * dOut] : Arrays.copyOf(bt, frozen * dOut);
      return new Factors(
          Tensors.of(a, blocks.r(), dIn),
          Tensors.of(bt, blocks.r(), dOut),
          Tensors.of(a0, frozen, dIn),
          Tensors.of(b0t, frozen, dOut),
          blocks);
    }
  }

  /** Writes one task's rows of A and Bᵀ. */
  private void block(Directions.Task task, int rank, float[] a, float[] bt, int first) {
    double[] forA = new double[rank];
    double[] forB = new double[rank];
    for (int row = 0; row < rank; row++) {
      if (config.preview().statistic().ofInputs()) {
        forA[row] = LORA_LENGTH;
        forB[row] = config.start().b();
      } else {
        double q = length(task.a(), row, task.a().length / rank);
        scales(q, task.sigma()[row], forA, forB, row);
      }
    }
    rows(task.a(), rank, forA, a, first);
    rows(task.bt(), rank, forB, bt, first);
  }

  private void scales(double q, double sigma, double[] forA, double[] forB, int row) {
    HasiConfig.Start start = config.start();
    double both = Math.sqrt(start.gamma() / scale);
    double by = start.split() == HasiConfig.Split.CORDA ? sigma : q;
    boolean dead = q < ZERO || by < ZERO;
    if (start.split() == HasiConfig.Split.UNIT) {
      forA[row] = dead ? 0 : 1 / (Math.sqrt(3) * q);
      forB[row] = start.b();
    } else {
      forA[row] = dead ? 0 : both / Math.sqrt(by);
      forB[row] = dead ? both : both * Math.sqrt(by);
    }
  }

  private static void rows(double[] from, int rank, double[] factors, float[] to, int first) {
    int width = from.length / rank;
    for (int row = 0; row < rank; row++) {
      for (int i = 0; i < width; i++) {
        to[(first + row) * width + i] = (float) (factors[row] * from[row * width + i]);
      }
    }
  }

  private static double length(double[] rows, int row, int width) {
    double sum = 0;
    for (int i = row * width; i < (row + 1) * width; i++) {
      sum += rows[i] * rows[i];
    }
    return Math.sqrt(sum);
  }
}
