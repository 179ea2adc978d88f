package thanora.model;

import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * The gated feed-forward block.
 *
 * @param inputs gate and up
 */
record FeedForward(Branches inputs, Slot down, Activation activation) {
  /** (N, D) → (N, D). */
  Tensor apply(Tensor x, TokenBatch batch) {
    List<Tensor> parts = inputs.apply(x, batch);
    return down.apply(Steps.gated(batch, activation, parts.get(0), parts.get(1)), batch);
  }
}
