package thanora.fused;

import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.model.Angles;
import thanora.model.CausalAttention;
import thanora.model.ModelConfig;

/** Attention of rows that go on by one token each, from query, key and value as the linear layers give them. */
interface NextTokens {
  /**
   * What the rows hold already.
   *
   * @param addresses of keys and values, as {@link thanora.model.Past#addresses} says
   * @param layer which of them
   * @param positions of the new tokens (N), int64: as many tokens a row holds
   */
  record Cache(Tensor addresses, int layer, Tensor positions) {}

  /**
   * The heads.
   *
   * @param queries H
   * @param keys Hkv
   * @param width Dh
   * @param window keys that a query sees, itself included; 0 for all
   * @param scale of the scores
   */
  record Heads(int queries, int keys, int width, int window, double scale) {
    static Heads of(CausalAttention attention) {
      ModelConfig config = attention.config();
      return new Heads(config.heads(), config.kvHeads(), config.headDim(), attention.window(), attention.scale());
    }
  }

  /**
   * Turns query and key by the angles, puts key and value behind those of the row, and lets the query see all
   * of them, or those of its window.
   *
   * @param qkv (N, (H + 2 Hkv) Dh); stays as it is
   * @param to softmax(scale · q kᵀ) v, (N, H Dh)
   */
  void attend(Cache cache, Heads heads, Tensor qkv, Optional<Angles> angles, Tensor to);
}
