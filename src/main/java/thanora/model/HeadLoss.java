package thanora.model;

import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.CrossEntropy;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.WithGrad;

/**
 * The last norm, the head, the cross-entropy of the labelled tokens, and its gradient with respect to the
 * last layer's output, in closed form but for the norm: the head is frozen, so with H what the norm gives
 * dH = (softmax(H Wᵀ) − onehot) W, times the slope of a soft cap before W.
 *
 * <p>Works on a few tokens at a time: logits, and what the norm gives, never exist for all at once. Float32
 * from the logits on, or the model's float64.
 */
public final class HeadLoss {
  /** Largest number of logits alive at once, below what glibc maps afresh on every allocation. */
  private static final long CPU_LOGITS = 7L << 20;

  private static final long GPU_LOGITS = 32L << 20;

  /** Of tokens at once, where there are more: what a matrix product's tiles are made of. */
  private static final int TILE = 128;

  private HeadLoss() {}

  /** Tokens at once. */
  static int chunk(int vocabulary, boolean gpu) {
    int most = (int) Math.max(1, (gpu ? GPU_LOGITS : CPU_LOGITS) / vocabulary);
    return most > TILE ? most / TILE * TILE : most;
  }

  /**
   * Result, owned by the caller's scope.
   *
   * @param losses −log p(target) of each labelled token, in nats (M), float32
   * @param gradient scale · d(Σ nll)/dx (N, D), where asked for
   */
  public record Result(Tensor losses, Optional<Tensor> gradient) {
    /** The losses in main memory: waits for the device. */
    public float[] nll() {
      return Tensors.floats(losses);
    }
  }

  /** Loss without gradient. */
  public static Result of(Decoder model, Tensor x, int[] labelled, int[] targets) {
    return compute(model, x, labelled, targets, new float[0]);
  }

  /**
   * Loss and gradient.
   *
   * @param x the last layer's output (N, D)
   * @param labelled indices of the tokens whose next token is trained
   * @param targets that next token, for each
   * @param scales factor of each one's gradient: its weight in the loss
   */
  public static Result withGradient(
      Decoder model, Tensor x, int[] labelled, int[] targets, float[] scales) {
    return compute(model, x, labelled, targets, scales);
  }

  private static Result compute(
      Decoder model, Tensor x, int[] labelled, int[] targets, float[] scales) {
    boolean wantGradient = scales.length > 0;
    try (NoGrad off = NoGrad.open()) {
      String device = model.placement().device();
      Tensor where = Tensors.of(labelled, device);
      Tensor ids = Tensors.of(targets, device);
      Tensor factors = Tensors.to(Tensors.of(scales, scales.length, 1), model.placement().with(wide(model)));
      Tensor nll = Tensors.empty(model.placement().with(DType.F32), labelled.length);
      Optional<Tensor> gradient = wantGradient
          ? Optional.of(Tensors.zeros(model.placement(), Tensors.shape(x))) : Optional.empty();
      int chunk = chunk(model.config().vocabulary(), !model.placement().isCpu());
      for (int start = 0; start < labelled.length; start += chunk) {
        int length = Math.min(chunk, labelled.length - start);
        try (TensorScope scope = TensorScope.open()) {
          Tensor at = Ops.narrow(where, 0, start, length);
          Chunk part = new Chunk(model, Ops.select(x.detach(), 0, at), Ops.narrow(ids, 0, start, length).unsqueeze(1));
          Tensor losses = Ops.narrow(nll, 0, start, length);
          if (wantGradient) {
            gradient.get().index_copy_(0, at, part.withGradient(losses, Ops.narrow(factors, 0, start, length)));
          } else {
            part.loss(losses);
          }
        }
      }
      return new Result(nll, gradient);
    }
  }

  private static DType wide(Decoder model) {
    return model.placement().dtype() == DType.F64 ? DType.F64 : DType.F32;
  }

  /**
   * A few of the labelled tokens.
   *
   * @param x the last layer's output for them (m, D)
   * @param targets (m, 1)
   */
  private record Chunk(Decoder model, Tensor x, Tensor targets) {
    void loss(Tensor nll) {
      Tensor normed = model.normed(x);
      kernel().ifPresentOrElse(
          kernel -> kernel.apply(model.logits(normed), targets, Optional.empty(), 0, nll),
          () -> softmax(logits(normed), nll));
    }

    /** Writes the losses; returns their gradient, each times its factor (m, 1), with respect to x. */
    Tensor withGradient(Tensor nll, Tensor factors) {
      x.set_requires_grad(true);
      Tensor normed;
      try (WithGrad on = WithGrad.open()) {
        normed = model.normed(x);
      }
      Tensor ofNormed = Ops.matmul(ofLogits(normed.detach(), nll, factors), model.head());
      return Ops.gradients(normed, List.of(x), ofNormed).get(0);
    }

    /** Writes the losses; returns their gradient with respect to the logits, before a soft cap (m, V). */
    private Tensor ofLogits(Tensor normed, Tensor nll, Tensor factors) {
      Optional<CrossEntropy> kernel = kernel();
      if (kernel.isPresent()) {
        Tensor logits = model.logits(normed);
        kernel.get().apply(logits, targets, Optional.of(factors), model.config().logitCap(), nll);
        return logits;
      }
      Tensor logits = logits(normed);
      Optional<Tensor> slope = model.logitSlope(logits);
      Tensor total = softmax(logits, nll);
      logits.mul_(Ops.div(factors, total)).scatter_add_(1, targets, Ops.scale(factors, -1));
      slope.ifPresent(logits::mul_);
      return Tensors.cast(logits, model.placement().dtype());
    }

    private Optional<CrossEntropy> kernel() {
      return CrossEntropy.of(model.placement(), model.config().vocabulary());
    }

    private Tensor logits(Tensor normed) {
      return TensorScope.keep(() -> Tensors.cast(model.logits(normed), wide(model))); // (m, V)
    }

    /** Writes the losses; logits become exp(logits − the largest); returns the sum of those (m, 1). */
    private Tensor softmax(Tensor logits, Tensor nll) {
      Tensor largest = Ops.largest(logits);
      Tensor ofTarget = Ops.sub(logits.gather(1, targets), largest);
      Tensor total = logits.sub_(largest).exp_().sum(new long[] {1}, true, null);
      nll.copy_(Ops.sub(total.log(), ofTarget).view(-1));
      return total;
    }
  }
}
