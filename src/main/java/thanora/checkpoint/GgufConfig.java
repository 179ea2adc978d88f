package thanora.checkpoint;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import java.util.OptionalLong;

/**
 * A Hugging Face {@code config.json} from the metadata of a GGUF file.
 *
 * <p>Keys: <a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">gguf.md</a>.
 */
final class GgufConfig {
  /** Layers of the 27B models, whose queries are scaled by the width that a head would have of D. */
  private static final Map<GgufFamily, Long> LARGEST = Map.of(GgufFamily.GEMMA2, 46L, GgufFamily.GEMMA3, 62L);

  private final GgufHeader header;
  private final GgufMetadata metadata;
  private final GgufFamily family;

  GgufConfig(GgufHeader header, GgufMetadata metadata) {
    this.header = header;
    this.metadata = metadata;
    this.family = GgufFamily.of(metadata);
    if (metadata.integer(metadata.key("expert_count")).orElse(0) > 0) {
      throw metadata.fault("is a mixture of experts, which is not supported; use a dense model");
    }
    if (metadata.integer("split.count").orElse(0) > 1) {
      throw metadata.fault(
          "is one part of a split model; join the parts with llama-gguf-split --merge");
    }
  }

  GgufFamily family() {
    return family;
  }

  int queryHeads() {
    return (int) metadata.size("attention.head_count");
  }

  int keyHeads() {
    long heads = metadata.integer(metadata.key("attention.head_count_kv")).orElse(queryHeads());
    if (heads < 1 || queryHeads() % heads != 0) {
      throw metadata.fault(
          "has " + queryHeads() + " heads, not a multiple of its " + heads + " key heads");
    }
    return (int) heads;
  }

  ObjectNode json() {
    ObjectNode config = Json.MAPPER.createObjectNode();
    config.putArray("architectures").add(family.className());
    config.put("model_type", family.modelType());
    config.put("hidden_size", metadata.size("embedding_length"));
    config.put("intermediate_size", metadata.size("feed_forward_length"));
    config.put("num_hidden_layers", metadata.size("block_count"));
    config.put("num_attention_heads", queryHeads());
    config.put("num_key_value_heads", keyHeads());
    config.put("head_dim", headSize());
    config.put("vocab_size", embedding().shape()[0]);
    config.put("max_position_embeddings", metadata.size("context_length"));
    config.put("rms_norm_eps", metadata.number(metadata.key("attention.layer_norm_rms_epsilon"))
        .orElseThrow(() -> metadata.fault("has no attention.layer_norm_rms_epsilon")));
    config.put("tie_word_embeddings", !header.tensors().containsKey(GgufNames.HEAD));
    if (family.isGemma()) {
      addGemma(config);
    } else {
      config.put("hidden_act", "silu");
    }
    addBiases(config);
    addWindow(config);
    long rotated = rotatedSize();
    if (rotated != headSize()) {
      config.put("partial_rotary_factor", (double) rotated / headSize());
    }
    new GgufRope(header, metadata, rotated).addTo(config);
    addTokenIds(config);
    return config;
  }

  /** What llama.cpp knows of the models by their number of layers is not in the file. */
  private void addGemma(ObjectNode config) {
    config.put("hidden_activation", "gelu_pytorch_tanh");
    boolean largest = metadata.size("block_count") == LARGEST.get(family);
    config.put("query_pre_attn_scalar",
        largest ? metadata.size("embedding_length") / queryHeads() : headSize());
    metadata.number(metadata.key("attn_logit_softcapping"))
        .ifPresent(cap -> config.put("attn_logit_softcapping", cap));
    metadata.number(metadata.key("final_logit_softcapping"))
        .ifPresent(cap -> config.put("final_logit_softcapping", cap));
    if (family == GgufFamily.GEMMA3) {
      config.put("sliding_window_pattern",
          metadata.integer(metadata.key("attention.sliding_window_pattern")).orElse(6));
      config.put("rope_local_base_freq",
          metadata.number(metadata.key("rope.freq_base_swa")).orElse(10000.0));
    }
  }

  private void addBiases(ObjectNode config) {
    if (family != GgufFamily.QWEN2) {
      config.put("attention_bias", header.tensors().containsKey("blk.0.attn_q.bias"));
    }
    if (family == GgufFamily.LLAMA || family == GgufFamily.SMOLLM3) {
      config.put("mlp_bias", header.tensors().containsKey("blk.0.ffn_gate.bias"));
    }
  }

  /** A window of 0 is none; where the file says nothing transformers would take a default of its own. */
  private void addWindow(ObjectNode config) {
    OptionalLong window = metadata.integer(metadata.key("attention.sliding_window"));
    if (window.orElse(0) > 0) {
      config.put("sliding_window", window.getAsLong());
    } else if (family == GgufFamily.MISTRAL || window.isPresent()) {
      config.putNull("sliding_window");
    }
  }

  ObjectNode generationJson() {
    ObjectNode config = Json.MAPPER.createObjectNode();
    addTokenIds(config);
    OptionalLong turnEnd = metadata.integer("tokenizer.ggml.eot_token_id");
    OptionalLong end = metadata.integer("tokenizer.ggml.eos_token_id");
    if (turnEnd.isPresent() && end.isPresent() && !turnEnd.equals(end)) {
      config.putArray("eos_token_id").add(end.getAsLong()).add(turnEnd.getAsLong());
    }
    return config;
  }

  private void addTokenIds(ObjectNode config) {
    Map.of("bos_token_id", "bos", "eos_token_id", "eos", "pad_token_id", "padding").entrySet()
        .stream()
        .sorted(Map.Entry.comparingByKey())
        .forEach(entry -> metadata.integer("tokenizer.ggml." + entry.getValue() + "_token_id")
            .ifPresent(id -> config.put(entry.getKey(), id)));
  }

  private GgufHeader.Slot embedding() {
    GgufHeader.Slot slot = header.tensors().get(GgufNames.EMBEDDING);
    if (slot == null || slot.shape().length != 2) {
      throw metadata.fault("has no matrix " + GgufNames.EMBEDDING);
    }
    return slot;
  }

  private long headSize() {
    long hidden = metadata.size("embedding_length");
    OptionalLong stated = metadata.integer(metadata.key("attention.key_length"));
    if (stated.isEmpty() && hidden % queryHeads() != 0) {
      throw metadata.fault(
          "embedding_length " + hidden + " is not a multiple of " + queryHeads() + " heads");
    }
    long size = stated.orElse(hidden / queryHeads());
    long values = metadata.integer(metadata.key("attention.value_length")).orElse(size);
    if (values != size) {
      throw metadata.fault("has heads of " + size + " values for keys and " + values
          + " for values; only equal sizes are supported");
    }
    return size;
  }

  private long rotatedSize() {
    long size = headSize();
    long rotated = metadata.integer(metadata.key("rope.dimension_count")).orElse(size);
    if (rotated != size && (family != GgufFamily.PHI3 || rotated < 2 || rotated > size)) {
      throw metadata.fault("rotates " + rotated + " of the " + size
          + " values of a head, which only phi3 is known to do");
    }
    return rotated;
  }
}
