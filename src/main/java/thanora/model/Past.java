package thanora.model;

import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/** What the tokens of a batch see besides each other: keys and values of tokens read before them. */
public interface Past {
  /**
   * Takes the keys and values of the batch's tokens, and lets its queries see all of their rows.
   *
   * @param q (N, H, Dh)
   * @param k (N, Hkv · Dh), as v
   * @param batch the one that these are of
   * @return N rows of H · Dh numbers; empty where no row has a past, so that attention within the batch
   *     is the same
   */
  Optional<Tensor> attend(int layer, Tensor q, Tensor k, Tensor v, TokenBatch batch, ModelConfig config);

  /**
   * Where the keys and values lie, for a kernel that does the work of {@link #attend} by itself: addresses
   * (layers, 2, rows), int64, in the order of the batch's rows. A row's tokens lie one after another.
   *
   * @return empty where a row goes on by more than one token, or in main memory
   */
  Optional<Tensor> addresses();
}
