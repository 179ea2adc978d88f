package thanora.checkpoint;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.IntStream;

/**
 * A Hugging Face {@code config.json} from the metadata of a GGUF file.
 *
 * <p>Keys: <a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">gguf.md</a>.
 */
final class GgufConfig {
  private static final Map<String, String> CLASSES = Map.of(
      "llama", "LlamaForCausalLM", "mistral", "MistralForCausalLM",
      "qwen2", "Qwen2ForCausalLM", "qwen3", "Qwen3ForCausalLM");

  private final GgufHeader header;
  private final GgufMetadata metadata;

  GgufConfig(GgufHeader header, GgufMetadata metadata) {
    this.header = header;
    this.metadata = metadata;
    if (!CLASSES.containsKey(metadata.architecture())) {
      throw metadata.fault("has architecture " + metadata.architecture()
          + ", which is not supported; use one of llama, mistral, qwen2, qwen3");
    }
    if (metadata.integer(metadata.key("expert_count")).orElse(0) > 0) {
      throw metadata.fault("is a mixture of experts, which is not supported; use a dense model");
    }
    if (metadata.integer("split.count").orElse(0) > 1) {
      throw metadata.fault(
          "is one part of a split model; join the parts with llama-gguf-split --merge");
    }
  }

  /** Whether query and key rows are in llama.cpp's order. */
  boolean permutesHeads() {
    return metadata.architecture().equals("llama") || metadata.architecture().equals("mistral");
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
    String type = metadata.architecture();
    config.putArray("architectures").add(CLASSES.get(type));
    config.put("model_type", type);
    config.put("hidden_act", "silu");
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
    if (!type.equals("qwen2")) {
      config.put("attention_bias", header.tensors().containsKey("blk.0.attn_q.bias"));
    }
    if (type.equals("llama")) {
      config.put("mlp_bias", header.tensors().containsKey("blk.0.ffn_gate.bias"));
    }
    metadata.integer(metadata.key("attention.sliding_window"))
        .ifPresent(window -> config.put("sliding_window", window));
    config.put("rope_theta", ropeTheta());
    addRopeScaling(config);
    addTokenIds(config);
    return config;
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
    long rotated = metadata.integer(metadata.key("rope.dimension_count")).orElse(size);
    if (values != size || rotated != size) {
      throw metadata.fault(
          "has heads of " + size + " values for keys, " + values + " for values and "
          + rotated + " rotated; only equal sizes are supported");
    }
    return size;
  }

  private double ropeTheta() {
    return metadata.number(metadata.key("rope.freq_base")).orElse(10000.0);
  }

  private void addRopeScaling(ObjectNode config) {
    Optional<String> type = metadata.text(metadata.key("rope.scaling.type"));
    if (header.tensors().containsKey(GgufNames.ROPE_FACTORS)) {
      llama3Scaling(config);
      return;
    }
    if (type.isEmpty() || type.get().equals("none")) {
      return;
    }
    if (!type.get().equals("linear") && !type.get().equals("yarn")) {
      throw metadata.fault("has rope scaling " + type.get() + ", which is not supported");
    }
    ObjectNode scaling = config.putObject("rope_scaling");
    scaling.put("rope_type", type.get());
    scaling.put("factor", metadata.number(metadata.key("rope.scaling.factor"))
        .orElseThrow(() -> metadata.fault("has rope scaling without a factor")));
    metadata.integer(metadata.key("rope.scaling.original_context_length"))
        .ifPresent(length -> scaling.put("original_max_position_embeddings", length));
  }

  /**
   * llama.cpp stores Llama 3's scaling as divisors of the frequencies, one for each pair of values.
   * All released models use the bounds 1 and 4, so the original length is the power of two that
   * gives these divisors.
   */
  private void llama3Scaling(ObjectNode config) {
    float[] divisors = ropeFactors();
    double factor =
        IntStream.range(0, divisors.length).mapToDouble(i -> divisors[i]).max().orElse(1);
    if (IntStream.range(0, divisors.length).allMatch(i -> divisors[i] == 1)) {
      return;
    }
    long original = IntStream.rangeClosed(4, 24).mapToLong(power -> 1L << power)
        .filter(length -> givesDivisors(divisors, factor, length)).findFirst()
        .orElseThrow(() -> metadata.fault(GgufNames.ROPE_FACTORS
            + " holds no Llama 3 scaling with bounds 1 and 4; other scalings are not supported"));
    ObjectNode scaling = config.putObject("rope_scaling");
    scaling.put("rope_type", "llama3").put("factor", factor);
    scaling.put("low_freq_factor", 1.0).put("high_freq_factor", 4.0);
    scaling.put("original_max_position_embeddings", original);
  }

  private float[] ropeFactors() {
    GgufHeader.Slot slot = header.tensors().get(GgufNames.ROPE_FACTORS);
    if (slot.type() != GgmlType.F32 || slot.shape().length != 1
        || slot.shape()[0] * 2 != headSize()) {
      throw metadata.fault(GgufNames.ROPE_FACTORS + " is not " + headSize() / 2 + " values of F32");
    }
    int count = (int) slot.shape()[0];
    float[] factors = new float[count];
    GgmlType.F32.decode(header.file().read(slot.position(), 4 * count), count, factors);
    return factors;
  }

  /** 1 / ((1 − s) / factor + s) with s the turns in the original length, from 1 to 4, on 0 to 1. */
  private boolean givesDivisors(float[] divisors, double factor, long length) {
    return IntStream.range(0, divisors.length).allMatch(i -> {
      double turns = length / (2 * Math.PI * Math.pow(ropeTheta(), (double) i / divisors.length));
      double smooth = Math.min(1, Math.max(0, (turns - 1) / 3));
      double expected = 1 / ((1 - smooth) / factor + smooth);
      return Math.abs(divisors[i] - expected) <= 1e-4 * expected;
    });
  }
}
