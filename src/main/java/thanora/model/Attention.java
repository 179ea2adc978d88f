package thanora.model;

import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.Ops;

/**
 * Causal self-attention of a layer with grouped heads; rotary positions, head norms and a sliding window
 * where the layer has them.
 *
 * @param layer its number
 * @param inputs query, key and value
 */
record Attention(
    ModelConfig config, int layer, Branches inputs, Slot output, Optional<Norm> queryNorm, Optional<Norm> keyNorm) {

  /** (N, D) → (N, D). */
  Tensor apply(Tensor x, TokenBatch batch, Optional<Rope.Angles> angles) {
    List<Tensor> parts = inputs.apply(x, batch);
    Tensor query = placed(parts.get(0), queryNorm, batch, angles); // (N, H Dh)
    Tensor key = placed(parts.get(1), keyNorm, batch, angles); // (N, Hkv Dh)
    Tensor value = parts.get(2); // (N, Hkv Dh)
    Tensor mixed = batch.past().flatMap(past -> past.attend(layer, heads(query), key, value, config))
        .map(Attention::flat).orElseGet(() -> overRows(query, key, value, batch));
    return output.apply(mixed, batch);
  }

  private Tensor placed(Tensor x, Optional<Norm> norm, TokenBatch batch, Optional<Rope.Angles> angles) {
    Tensor normed = norm.isPresent() ? Steps.headNorm(batch, x, norm.get()) : x;
    return angles.isPresent() ? Steps.turned(batch, normed, config.headDim(), angles.get()) : normed;
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
    Scores scores = config.scores();
    int window = config.byLayer().get(layer).window();
    if (scores.serveRagged(heads(query))) {
      return flat(Ops.raggedAttention(heads(query), heads(key), heads(value), scores.scale(), batch.starts(),
          batch.longestRow(), window));
    }
    Tensor mixed = scores.causal(rows(query, batch), rows(key, batch), rows(value, batch), window);
    return batch.fromRows(mixed.transpose(1, 2).reshape(batch.rows(), batch.longestRow(), config.queryWidth()));
  }

  /** (N, H Dh) → (B, H, L, Dh). */
  private Tensor rows(Tensor x, TokenBatch batch) {
    return batch.toRows(x).view(batch.rows(), batch.longestRow(), -1, config.headDim()).transpose(1, 2);
  }
}
