package thanora.model;

import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.CrossEntropy;
import thanora.tensor.DType;
import thanora.tensor.Into;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * Cross-entropy of the labelled tokens and its gradient with respect to the hidden states, in closed
 * form: the head is frozen, so dH = (softmax(H Wᵀ) − onehot) W, times the slope of a soft cap before W.
 *
 * <p>Works on a few rows at a time: the logits of all rows never exist at once. Float32 from the
 * logits on.
 */
public final class HeadLoss {
  /** Largest number of logits alive at once, below what glibc maps afresh on every allocation. */
  private static final long CPU_LOGITS = 7L << 20;

  private static final long GPU_LOGITS = 128L << 20;

  private HeadLoss() {}

  /** Largest number of logits alive at once. */
  static long budget(boolean gpu) {
    return gpu ? GPU_LOGITS : CPU_LOGITS;
  }

  /**
   * Result, owned by the caller's scope.
   *
   * @param losses −log p(target) of each labelled token, in nats (M), float32
   * @param gradient scale · d(Σ nll)/dH (N, D), where asked for
   */
  public record Result(Tensor losses, Optional<Tensor> gradient) {
    /** The losses in main memory: waits for the device. */
    public float[] nll() {
      return Tensors.floats(losses);
    }
  }

  /** Loss without gradient. */
  public static Result of(Decoder model, Tensor hidden, int[] labelled, int[] targets) {
    return compute(model, hidden, labelled, targets, new float[0]);
  }

  /**
   * Loss and gradient.
   *
   * @param hidden (N, D)
   * @param labelled indices of the tokens whose next token is trained
   * @param targets that next token, for each
   * @param scales factor of each one's gradient: its weight in the loss
   */
  public static Result withGradient(
      Decoder model, Tensor hidden, int[] labelled, int[] targets, float[] scales) {
    return compute(model, hidden, labelled, targets, scales);
  }

  private static Result compute(
      Decoder model, Tensor hidden, int[] labelled, int[] targets, float[] scales) {
    boolean wantGradient = scales.length > 0;
    try (NoGrad off = NoGrad.open()) {
      String device = model.placement().device();
      Tensor where = Tensors.of(labelled, device);
      Tensor rows = Ops.select(hidden.detach(), 0, where); // (M, D)
      Tensor ids = Tensors.of(targets, device);
      int chunk = (int) Math.max(1, budget(!model.placement().isCpu()) / model.config().vocabulary());
      Tensor nll = Tensors.empty(model.placement().with(DType.F32), labelled.length);
      Tensor factors = Tensors.to(Tensors.of(scales, scales.length, 1), Placement.CPU_F32.on(device));
      Tensor rowGradient = wantGradient ? Tensors.empty(model.placement(), Tensors.shape(rows)) : null;
      for (int start = 0; start < labelled.length; start += chunk) {
        int length = Math.min(chunk, labelled.length - start);
        try (TensorScope scope = TensorScope.open()) {
          Tensor logits = model.logits(Ops.narrow(rows, 0, start, length)); // (m, V)
          Optional<Tensor> slopes = slopes(model, logits, Ops.narrow(ids, 0, start, length),
              Ops.narrow(nll, 0, start, length),
              wantGradient ? Optional.of(Ops.narrow(factors, 0, start, length)) : Optional.empty());
          if (wantGradient) {
            Into.matmul(Ops.narrow(rowGradient, 0, start, length), slopes.get(), model.head());
          }
        }
      }
      Optional<Tensor> gradient = Optional.empty();
      if (wantGradient) {
        Tensor full = Tensors.zeros(model.placement(), Tensors.shape(hidden));
        gradient = Optional.of(full.index_copy_(0, where, rowGradient));
      }
      return new Result(nll, gradient);
    }
  }

  /**
   * Writes a chunk's losses.
   *
   * @param logits (m, V), which are used up
   * @return factors times the gradient with respect to them before a soft cap, where factors are given
   */
  private static Optional<Tensor> slopes(
      Decoder model, Tensor logits, Tensor targets, Tensor nll, Optional<Tensor> factors) {
    Optional<CrossEntropy> kernel = CrossEntropy.of(model.placement(), model.config().vocabulary());
    if (kernel.isPresent()) {
      kernel.get().apply(logits, targets, factors, model.config().logitCap(), nll);
      return factors.map(given -> logits);
    }
    Tensor wide = Tensors.cast(logits, DType.F32);
    Tensor column = targets.unsqueeze(1); // (m, 1)
    Tensor total = Ops.logSumExp(wide); // (m, 1)
    nll.copy_(Ops.sub(total, wide.gather(1, column)).view(-1));
    if (factors.isEmpty()) {
      return Optional.empty();
    }
    Optional<Tensor> slope = model.logitSlope(wide);
    Tensor probabilities = wide.sub_(total).exp_();
    Tensor minusOne = Ops.addInPlace(Tensors.zeros(model.placement().with(DType.F32), logits.size(0), 1), -1);
    probabilities.scatter_add_(1, column, minusOne);
    slope.ifPresent(probabilities::mul_);
    return Optional.of(Tensors.cast(probabilities.mul_(factors.get()), model.placement().dtype()));
  }
}
