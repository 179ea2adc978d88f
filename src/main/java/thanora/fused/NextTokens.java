package thanora.fused;

import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.model.Angles;
import thanora.model.CausalAttention;

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
   * Turns query and key by the angles, puts key and value behind those of the row, and lets the query see all
   * of them, or those of its window.
   *
   * @param qkv (N, (H + 2 Hkv) Dh); stays as it is
   * @param to softmax(scale · q kᵀ) v, (N, H Dh)
   */
  void attend(Cache cache, CausalAttention attention, Tensor qkv, Optional<Angles> angles, Tensor to);
}
