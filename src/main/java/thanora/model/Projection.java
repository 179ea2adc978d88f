package thanora.model;

import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.Ops;

/**
 * A linear layer of the decoder, and the seam of the project: adapters and activation recorders are
 * projections that wrap another one.
 */
public interface Projection {
  /**
   * y = W x (+ bias) (+ what an adapter adds).
   *
   * @param x (N, in)
   * @param batch whose tokens x are: an adapter may ask for the task of each
   * @return (N, out)
   */
  Tensor apply(Tensor x, TokenBatch batch);

  /** The bias (out) that {@link #apply} adds, where there is one. */
  default Optional<Tensor> bias() {
    return Optional.empty();
  }

  /** The frozen weight W (out, in), untouched by any adapter. */
  Tensor weight();

  /** Whether it is the frozen layer itself, with nothing around it. */
  default boolean isBare() {
    return false;
  }

  /** W x (+ bias) of the frozen layer alone, recorded nowhere. */
  default Tensor product(Tensor x) {
    return bias().isPresent() ? Ops.linear(x, weight(), bias().get()) : Ops.linear(x, weight());
  }
}
