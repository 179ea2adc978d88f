package thanora.model;

import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/** A way of its own through the layers of a {@link Decoder}. */
public interface LayerPass {
  /** Every layer operation by operation. */
  LayerPass PLAIN = (layer, x, batch, angles) -> Optional.empty();

  /**
   * One layer, (N, D) → (N, D), recorded on the batch's tape if it has one.
   *
   * @param layer its number
   * @param angles rotary angles, if the layer knows positions
   * @return it, which the next layer may overwrite; empty where it does not serve, so that the layer goes operation by operation
   */
  Optional<Tensor> apply(int layer, Tensor x, TokenBatch batch, Optional<Angles> angles);
}
