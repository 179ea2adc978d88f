package thanora.model;

import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.RaggedAttention;
import thanora.tensor.Tensors;

/**
 * How queries meet keys: softmax(scale · q kᵀ) v, with cap · tanh(· / cap) around the scores where there
 * is a cap. Queries are (B, H, T, Dh), keys and values (B, Hkv, S, Dh).
 *
 * @param scale factor of the scores
 * @param cap soft cap of the scores, 0 for none
 */
record Scores(double scale, double cap) {
  /**
   * Each query over the keys up to itself.
   *
   * @param window keys a query sees, itself included; 0 for all
   */
  Tensor causal(Tensor q, Tensor k, Tensor v, int window) {
    int length = (int) q.size(2);
    boolean all = window == 0 || window >= length;
    return all && cap == 0
        ? Ops.attention(q, k, v, scale, true)
        : masked(q, k, v, Ops.causalMask(length, all ? length : window, Tensors.device(q)));
  }

  /** Each query over all keys. */
  Tensor all(Tensor q, Tensor k, Tensor v) {
    return cap == 0 ? Ops.attention(q, k, v, scale, false)
        : masked(q, k, v, Tensors.ones(new Placement(Tensors.device(q), DType.BOOL), 1, 1, q.size(2), k.size(2)));
  }

  /**
   * A mask for many calls of {@link #masked}: booleans where there is a cap, else what is added to the
   * scores, which spares each call to make that of booleans.
   */
  Tensor mask(boolean[] seen, Placement placement, long... shape) {
    float[] values = new float[seen.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = cap != 0 ? (seen[i] ? 1 : 0) : (seen[i] ? 0 : Float.NEGATIVE_INFINITY);
    }
    return Tensors.to(Tensors.of(values, shape), cap != 0 ? placement.with(DType.BOOL) : placement);
  }

  /** Each query over the keys where the mask (B, 1, T, S) is true, or adds 0 instead of -infinity. */
  Tensor masked(Tensor q, Tensor k, Tensor v, Tensor mask) {
    return cap == 0
        ? Ops.attention(q, k, v, scale, mask) : Ops.cappedAttention(q, k, v, scale, cap, mask);
  }

  /** Whether rows of unequal length can go to FlashAttention as they lie; it knows no caps. */
  boolean serveRagged(Tensor heads) {
    return cap == 0 && RaggedAttention.serves(heads);
  }
}
