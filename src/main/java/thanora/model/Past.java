package thanora.model;

import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/** What the tokens of a batch see besides each other: keys and values of tokens read before them. */
interface Past {
  /**
   * Takes the keys and values of the batch's tokens, and lets its queries see all of their rows.
   *
   * @param q (N, H, Dh)
   * @param k (N, Hkv · Dh), as v
   * @return N rows of H · Dh numbers; empty where no row has a past, so that attention within the batch
   *     is the same
   */
  Optional<Tensor> attend(int layer, Tensor q, Tensor k, Tensor v, ModelConfig config);
}
