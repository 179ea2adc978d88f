package thanora.model;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.Tensors;

/**
 * Causal self-attention with grouped heads, rotary positions, optional head norms and an optional
 * sliding window.
 */
final class Attention {
  Projection q;
  Projection k;
  Projection v;
  Projection o;
  private final ModelConfig config;
  private final int layer;
  private final Optional<Tensor> qNorm; // (Dh)
  private final Optional<Tensor> kNorm;

  Attention(ModelConfig config, int layer, Optional<Tensor> qNorm, Optional<Tensor> kNorm) {
    this.config = config;
    this.layer = layer;
    this.qNorm = qNorm;
    this.kNorm = kNorm;
  }

  /** (N, D) → (N, D). */
  Tensor apply(Tensor x, TokenBatch batch, Rope.Angles angles) {
    int width = config.headDim();
    Tensor query = Steps.turned(batch, normed(q.apply(x, batch), qNorm, batch), width, angles); // (N, H Dh)
    Tensor key = Steps.turned(batch, normed(k.apply(x, batch), kNorm, batch), width, angles); // (N, Hkv Dh)
    Tensor value = v.apply(x, batch); // (N, Hkv Dh)
    Tensor mixed = batch.past().flatMap(past -> past.attend(layer, heads(query), key, value, config))
        .map(Attention::flat).orElseGet(() -> overRows(query, key, value, batch));
    return o.apply(mixed, batch);
  }

  private Tensor normed(Tensor x, Optional<Tensor> norm, TokenBatch batch) {
    return norm.isPresent() ? Steps.headNorm(batch, x, norm.get(), config.rmsEps()) : x;
  }

  private Tensor heads(Tensor x) {
    return x.view(x.size(0), -1, config.headDim());
  }

  private static Tensor flat(Tensor heads) {
    return heads.reshape(heads.size(0), -1);
  }

  private Tensor overRows(Tensor query, Tensor key, Tensor value, TokenBatch batch) {
    List<Tensor> inputs = List.of(query, key, value);
    return Steps.isRecorded(batch, inputs)
        ? batch.tape().get().autograd(inputs, in -> attend(in.get(0), in.get(1), in.get(2), batch))
        : attend(query, key, value, batch);
  }

  private Tensor attend(Tensor query, Tensor key, Tensor value, TokenBatch batch) {
    int window = config.slidingWindow();
    return Ops.hasRaggedAttention(heads(query))
        ? flat(Ops.raggedAttention(
            heads(query), heads(key), heads(value), batch.starts(), batch.longestRow(), window))
        : padded(query, key, value, batch, window);
  }

  private Tensor padded(Tensor query, Tensor key, Tensor value, TokenBatch batch, int window) {
    Tensor q = rows(query, batch); // (B, H, L, Dh)
    Tensor k = rows(key, batch); // (B, Hkv, L, Dh)
    Tensor v = rows(value, batch);
    Tensor mixed = window > 0 && batch.longestRow() > window
        ? Ops.attention(q, k, v, windowMask(batch.longestRow(), window, query))
        : Ops.attention(q, k, v, true);
    return batch.fromRows(mixed.transpose(1, 2).reshape(batch.rows(), batch.longestRow(), config.queryWidth()));
  }

  private Tensor rows(Tensor x, TokenBatch batch) {
    return batch.toRows(x).view(batch.rows(), batch.longestRow(), -1, config.headDim()).transpose(1, 2);
  }

  /** (1, 1, L, L): query t sees keys t − window + 1 .. t. */
  private static Tensor windowMask(int length, int window, Tensor like) {
    float[] seen = new float[length * length];
    for (int t = 0; t < length; t++) {
      Arrays.fill(seen, t * length + Math.max(0, t - window + 1), t * length + t + 1, 1f);
    }
    String device = like.is_cuda() ? "cuda" : "cpu";
    return Tensors.to(Tensors.of(seen, 1, 1, length, length), new Placement(device, DType.BOOL));
  }
}
