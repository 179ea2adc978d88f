package thanora.model;

import org.bytedeco.pytorch.Tensor;
import thanora.tensor.RaggedAttention;

/**
 * Attention of each token over the tokens of its row up to itself, between a layer's linear maps.
 *
 * @param window keys a query sees, itself included; 0 for all
 */
public record CausalAttention(ModelConfig config, int window) {
  /**
   * softmax(scale · q kᵀ) v for every row of the batch.
   *
   * @param query (N, H Dh)
   * @param key (N, Hkv Dh), as value
   * @return (N, H Dh)
   */
  public Tensor attend(Tensor query, Tensor key, Tensor value, TokenBatch batch) {
    Scores scores = config.scores();
    if (scores.serveRagged(heads(query))) {
      Tensor mixed = RaggedAttention.forward(heads(query), heads(key), heads(value), ragged(batch)).output();
      return mixed.reshape(mixed.size(0), -1);
    }
    Tensor mixed = scores.causal(rows(query, batch), rows(key, batch), rows(value, batch), window);
    return batch.fromRows(mixed.transpose(1, 2).reshape(batch.rows(), batch.longestRow(), config.queryWidth()));
  }

  /** The factor of the scores. */
  public double scale() {
    return config.scores().scale();
  }

  /** x (N, H Dh) as (N, H, Dh). */
  public Tensor heads(Tensor x) {
    return x.view(x.size(0), -1, config.headDim());
  }

  /** What FlashAttention is told of the batch's rows. */
  public RaggedAttention.Rows ragged(TokenBatch batch) {
    return new RaggedAttention.Rows(config.scores().scale(), batch.starts(), batch.longestRow(), window);
  }

  /** (N, H Dh) → (B, H, L, Dh). */
  private Tensor rows(Tensor x, TokenBatch batch) {
    return batch.toRows(x).view(batch.rows(), batch.longestRow(), -1, config.headDim()).transpose(1, 2);
  }
}
