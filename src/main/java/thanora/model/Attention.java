package thanora.model;

import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

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
  Tensor apply(Tensor x, TokenBatch batch, Optional<Angles> angles) {
    List<Tensor> parts = inputs.apply(x, batch);
    Tensor query = placed(parts.get(0), queryNorm, batch, angles); // (N, H Dh)
    Tensor key = placed(parts.get(1), keyNorm, batch, angles); // (N, Hkv Dh)
    Tensor value = parts.get(2); // (N, Hkv Dh)
    Tensor mixed = batch.past().flatMap(past -> past.attend(layer, heads(query), key, value, batch, config))
        .map(Attention::flat).orElseGet(() -> overRows(query, key, value, batch));
    return output.apply(mixed, batch);
  }

  private Tensor placed(Tensor x, Optional<Norm> norm, TokenBatch batch, Optional<Angles> angles) {
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
    CausalAttention rows = overRows();
    return Steps.byAutograd(
        batch, List.of(query, key, value), in -> rows.attend(in.get(0), in.get(1), in.get(2), batch));
  }

  /** What it does between its linear layers. */
  CausalAttention overRows() {
    return new CausalAttention(config, config.byLayer().get(layer).window());
  }
}
