package thanora.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;

/**
 * The metadata of a GGUF file from a {@code config.json}: the way back is {@link GgufConfig}.
 *
 * <p>Keys and their order as in {@code set_gguf_parameters} of llama.cpp's convert_hf_to_gguf.py.
 */
final class GgufKeys {
  private final JsonNode config;
  private final GgufFamily family;

  /** Of a decoder, by its own configuration. */
  GgufKeys(JsonNode config) {
    this.config = config;
    this.family = GgufFamily.of(config);
  }

  /** What there is to know but the tokenizer. */
  GgufValues values(String name) {
    GgufValues keys = new GgufValues();
    keys.text("general.architecture", family.architecture());
    keys.text("general.type", "model");
    keys.text("general.name", name);
    size(keys, "block_count", "num_hidden_layers");
    size(keys, "context_length", "max_position_embeddings");
    size(keys, "embedding_length", "hidden_size");
    size(keys, "feed_forward_length", "intermediate_size");
    size(keys, "attention.head_count", "num_attention_heads");
    keys.integer(key("attention.head_count_kv"), keyHeads());
    addRope(keys);
    keys.number(key("attention.layer_norm_rms_epsilon"), config.path("rms_norm_eps").asDouble(1e-6));
    if (config.hasNonNull("head_dim")) {
      size(keys, "attention.key_length", "head_dim");
      size(keys, "attention.value_length", "head_dim");
    }
    if (family == GgufFamily.LLAMA) {
      keys.integer("llama.vocab_size", config.path("vocab_size").asLong());
      keys.integer("llama.rope.dimension_count", headSize(config));
    }
    return keys;
  }

  /** The decoder in the file; {@code modules} is what the names of its layers start with elsewhere. */
  GgufTarget target(String modules) {
    return new GgufTarget(family, modules, heads(config), keyHeads(),
        ropeType().equals("llama3") ? Map.of(GgufNames.ROPE_FACTORS, llama3Divisors()) : Map.of());
  }

  private String key(String name) {
    return family.architecture() + "." + name;
  }

  private void size(GgufValues keys, String name, String field) {
    if (config.hasNonNull(field)) {
      keys.integer(key(name), config.get(field).asLong());
    }
  }

  private static int heads(JsonNode config) {
    return config.path("num_attention_heads").asInt();
  }

  private int keyHeads() {
    return config.path("num_key_value_heads").asInt(heads(config));
  }

  private static int headSize(JsonNode config) {
    return config.path("head_dim").asInt(config.path("hidden_size").asInt() / heads(config));
  }

  /** transformers 5 writes rope_parameters with the base in it, older ones rope_scaling. */
  private JsonNode rope() {
    return config.hasNonNull("rope_parameters") ? config.get("rope_parameters") : config.path("rope_scaling");
  }

  private String ropeType() {
    return rope().path("rope_type").asText(rope().path("type").asText("default"));
  }

  private double ropeBase() {
    return rope().path("rope_theta").asDouble(config.path("rope_theta").asDouble(10000));
  }

  private void addRope(GgufValues keys) {
    switch (ropeType()) {
      case "default" -> { }
      case "linear" -> {
        keys.text(key("rope.scaling.type"), "linear");
        keys.number(key("rope.scaling.factor"), rope().path("factor").asDouble(1));
      }
      case "llama3" -> {
        if (family != GgufFamily.LLAMA) {
          throw new CheckpointException("config.json: rope scaling llama3 of a "
              + family.architecture() + " model is not known to llama.cpp; write a Hugging Face folder");
        }
      }
      default -> throw new CheckpointException("config.json: rope scaling " + ropeType()
          + " cannot be written as a GGUF file; write a Hugging Face folder");
    }
    keys.number(key("rope.freq_base"), ropeBase());
  }

  /** Divisors of the frequencies: 1 for short waves, the factor for long ones, a blend between. */
  private float[] llama3Divisors() {
    double factor = rope().path("factor").asDouble(8);
    double low = rope().path("low_freq_factor").asDouble(1);
    double high = rope().path("high_freq_factor").asDouble(4);
    double original = rope().path("original_max_position_embeddings").asDouble(8192);
    float[] divisors = new float[headSize(config) / 2];
    for (int i = 0; i < divisors.length; i++) {
      double wave = 2 * Math.PI * Math.pow(ropeBase(), 2.0 * i / headSize(config));
      double kept = Math.min(1, Math.max(0, (original / wave - low) / (high - low)));
      divisors[i] = (float) (1 / ((1 - kept) / factor + kept));
    }
    return divisors;
  }
}
