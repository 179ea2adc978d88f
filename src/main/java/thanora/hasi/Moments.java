package thanora.hasi;

import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * Second moments of the activations that enter a module, for one task: M = (1/n) Σ x xᵀ.
 *
 * <p>Products are float32 (float64 for float64 activations), batch by batch; the sum is float64, or
 * float32 where that is asked for: then there is one d x d matrix of 4 bytes a number and never a
 * second one, and 16-bit activations on a GPU are multiplied as they are. One object serves all
 * modules that read the same input (q, k and v; gate and up). Its sum belongs to no scope and is freed
 * by {@link #close}.
 */
public final class Moments implements AutoCloseable {
  /** How tokens are weighted. */
  public enum Normalisation {
    /** Every token alike. */
    TOKEN_MEAN,
    /**
     * Each batch given to {@link Moments#add} is one sample and counts as XᵀX / max |XᵀX| (CorDA).
     */
    CORDA
  }

  private final String module;
  private final int width;
  private final Normalisation normalisation;
  private final Tensor sum; // the lower triangle counts
  private final Optional<Tensor> total;
  private long tokens;
  private long samples;
  private boolean mirrored;
  private boolean finished;
  private boolean mayBeNone;

  /** Empty moments in float64. */
  public Moments(String module, int width, Normalisation normalisation, boolean centre,
      String device) {
    this(module, width, normalisation, centre, new Placement(device, DType.F64));
  }

  /**
   * Empty moments.
   *
   * @param module name for messages
   * @param width d, the module's input width
   * @param centre takes the mean over tokens off, so that C is a covariance
   * @param sums where the activations are, and the type of the sum
   */
  Moments(String module, int width, Normalisation normalisation, boolean centre, Placement sums) {
    this.module = module;
    this.width = width;
    this.normalisation = normalisation;
    this.sum = TensorScope.outside(() -> Tensors.zeros(sums, width, width));
    this.total =
        centre ? Optional.of(TensorScope.outside(() -> Tensors.zeros(sums.with(DType.F64), width)))
        : Optional.empty();
  }

  /** Has no token be no fault: moments are zero then. */
  Moments orNone() {
    mayBeNone = true;
    return this;
  }

  /**
   * Counts activations in.
   *
   * @param x (N, d), any float type; padding and tokens not to be measured are left out by the
   *     caller
   */
  public void add(Tensor x) {
    if (x.dim() != 2 || x.size(1) != width) {
      throw new IllegalArgumentException(
          module + ": activations of width " + x.size(x.dim() - 1) + " do not fit moments of width "
              + width);
    }
    if (finished) {
      throw new IllegalStateException(module + ": its moments are normalised already; nothing can be added");
    }
    try (TensorScope scope = TensorScope.open();
        NoGrad off = NoGrad.open()) {
      Tensor rows = x.detach();
      if (DType.of(sum) == DType.F64) {
        addExactly(DType.of(x) == DType.F64 ? rows : Tensors.cast(rows, DType.F32));
      } else {
        addInPlace(rows);
      }
      total.ifPresent(t -> Ops.addInPlace(t, Ops.exactSum(rows), 1));
    }
    tokens += x.size(0);
    samples++;
    mirrored = false;
  }

  private void addExactly(Tensor rows) {
    Tensor product = Ops.lowerGram(rows);
    if (normalisation == Normalisation.CORDA) {
      product = Ops.div(product, Ops.atLeast(Ops.diagonal(product).max(), 1e-30));
    }
    Ops.addInPlace(sum, product, 1);
  }

  private void addInPlace(Tensor rows) {
    if (normalisation == Normalisation.CORDA) {
      Tensor x = Tensors.cast(rows, DType.of(sum));
      Tensor longest = Ops.atLeast(Ops.norms(x, 0).max(), 1e-15); // squared, the largest of XᵀX
      Ops.addLowerGramInPlace(sum, Ops.div(x, longest));
    } else {
      boolean asTheyAre = rows.is_cuda() && DType.of(rows).bytes() == 2;
      Ops.addLowerGramInPlace(sum, asTheyAre ? rows : Tensors.cast(rows, DType.of(sum)));
    }
  }

  /** Tokens counted so far. */
  public long tokens() {
    return tokens;
  }

  /** d. */
  public int width() {
    return width;
  }

  /**
   * C = M d / tr M + damping I (d, d), float64, in the caller's scope: the mean of its diagonal is
   * 1 (before damping) whatever the activations' scale; zero where all activations were.
   *
   * @throws ArithmeticException where an activation was not finite or none was counted
   */
  public Tensor normalised(double damping) {
    checkMeasured();
    return TensorScope.keep(
        () -> {
          Tensor c;
          if (tokens == 0) {
            return Tensors.zeros(Tensors.placement(sum).with(DType.F64), width, width);
          }
          if (finished) {
            c = Ops.scale(Tensors.cast(sum, DType.F64), 1);
          } else {
            mirror();
            Tensor mean = Ops.scale(Tensors.cast(sum, DType.F64), 1.0 / count());
            if (total.isPresent()) {
              Tensor mu = mean();
              mean = Ops.sub(mean, Ops.matmul(mu, Ops.transpose(mu)));
            }
            c = Ops.scale(mean, toUnitMean(mean));
          }
          Ops.addInPlace(Ops.diagonal(c), damping);
          return c;
        });
  }

  /**
   * C without damping, in the place and type of the sum, for products only: it stays what it is, and
   * nothing can be added afterwards.
   *
   * @throws ArithmeticException where an activation was not finite or none was counted
   */
  Tensor normalisedInPlace() {
    checkMeasured();
    if (!finished && tokens > 0) {
      try (TensorScope scope = TensorScope.open(); NoGrad off = NoGrad.open()) {
        Ops.mirrorInPlace(sum);
        Ops.scaleInPlace(sum, 1.0 / count());
        if (total.isPresent()) {
          Tensor mu = Tensors.cast(mean(), DType.of(sum));
          Ops.addMatmulInPlace(sum, Ops.scale(mu, -1), Ops.transpose(mu));
        }
        Ops.scaleInPlace(sum, toUnitMean(sum));
      }
      finished = true;
    }
    return sum;
  }

  private void checkMeasured() {
    if (tokens == 0 && !mayBeNone) {
      throw new ArithmeticException(
          module + ": no token was measured; a task needs rows with at least one token");
    }
  }

  private long count() {
    return normalisation == Normalisation.CORDA ? samples : tokens;
  }

  /** μ (d, 1), float64. */
  private Tensor mean() {
    return Ops.scale(total.orElseThrow(), 1.0 / count()).unsqueeze(1);
  }

  /** What makes the mean of the diagonal 1. */
  private double toUnitMean(Tensor mean) {
    double trace = Ops.trace(mean);
    if (!Double.isFinite(trace) || !Tensors.isFinite(mean)) {
      throw new ArithmeticException(
          module + ": activations are not finite numbers; use fp32 or bf16 for the preview");
    }
    return trace > 0 ? width / trace : 1;
  }

  /** Once for all modules of this input; adding more needs the lower triangle only. */
  private void mirror() {
    if (!mirrored) {
      sum.copy_(Ops.mirrored(sum));
      mirrored = true;
    }
  }

  @Override
  public void close() {
    Tensors.free(sum);
    total.ifPresent(Tensors::free);
  }
}
