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
 * <p>Products are float32 (float64 for float64 activations), batch by batch; the sum is float64.
 * One object serves all modules that read the same input (q, k and v; gate and up). Its d x d
 * float64 sum belongs to no scope and is freed by {@link #close}.
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

  /**
   * Empty moments.
   *
   * @param module name for messages
   * @param width d, the module's input width
   * @param centre takes the mean over tokens off, so that C is a covariance
   * @param device where the activations are
   */
  public Moments(String module, int width, Normalisation normalisation, boolean centre,
      String device) {
    this.module = module;
    this.width = width;
    this.normalisation = normalisation;
    Placement exact = new Placement(device, DType.F64);
    this.sum = TensorScope.outside(() -> Tensors.zeros(exact, width, width));
    this.total =
        centre ? Optional.of(TensorScope.outside(() -> Tensors.zeros(exact, width)))
        : Optional.empty();
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
    try (TensorScope scope = TensorScope.open();
        NoGrad off = NoGrad.open()) {
      Tensor rows = DType.of(x) == DType.F64 ? x.detach() : Tensors.cast(x.detach(), DType.F32);
      Tensor product = Ops.lowerGram(rows);
      if (normalisation == Normalisation.CORDA) {
        product = Ops.div(product, Ops.atLeast(Ops.diagonal(product).max(), 1e-30));
      }
      Ops.addInPlace(sum, product, 1);
      total.ifPresent(t -> Ops.addInPlace(t, Ops.sum(Tensors.cast(rows, DType.F64), 0), 1));
    }
    tokens += x.size(0);
    samples++;
    mirrored = false;
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
    if (tokens == 0) {
      throw new ArithmeticException(
          module + ": no token was measured; a task needs rows with at least one token");
    }
    return TensorScope.keep(
        () -> {
          long count = normalisation == Normalisation.CORDA ? samples : tokens;
          mirror();
          Tensor mean = Ops.scale(sum, 1.0 / count);
          if (total.isPresent()) {
            Tensor mu = Ops.scale(total.get(), 1.0 / count).unsqueeze(1);
            mean = Ops.sub(mean, Ops.matmul(mu, Ops.transpose(mu)));
          }
          double trace = Ops.trace(mean);
          if (!Double.isFinite(trace) || !Tensors.isFinite(mean)) {
            throw new ArithmeticException(
                module + ": activations are not finite numbers; use fp32 or bf16 for the preview");
          }
          Tensor c = trace > 0 ? Ops.scale(mean, width / trace) : Ops.scale(mean, 1);
          Ops.addInPlace(Ops.diagonal(c), damping);
          return c;
        });
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
