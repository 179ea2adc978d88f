package thanora.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Set;

/**
 * What a decoder's {@code config.json} says.
 *
 * @param modelType {@code llama}, {@code mistral}, {@code qwen2} or {@code qwen3}
 * @param vocabulary rows of the embedding, V
 * @param hidden width of the residual stream, D
 * @param layers number of decoder layers
 * @param heads query heads, H
 * @param kvHeads key and value heads, Hkv; divides H
 * @param headDim width of a head, Dh
 * @param feedForward inner width of the SwiGLU block
 * @param rmsEps epsilon of the norms
 * @param rope rotary frequencies
 * @param maxPositions longest sequence the model was made for
 * @param slidingWindow keys a query sees, itself included; 0 is no limit
 * @param tied whether the head is the embedding
 * @param attentionBias whether q, k and v have a bias
 * @param outputBias whether o has a bias
 * @param feedForwardBias whether gate, up and down have a bias
 * @param headNorm whether q and k heads are normalised (Qwen3)
 */
public record ModelConfig(
    String modelType,
    int vocabulary,
    int hidden,
    int layers,
    int heads,
    int kvHeads,
    int headDim,
    int feedForward,
    double rmsEps,
    Rope.Frequencies rope,
    int maxPositions,
    int slidingWindow,
    boolean tied,
    boolean attentionBias,
    boolean outputBias,
    boolean feedForwardBias,
    boolean headNorm) {

  private static final Set<String> KNOWN = Set.of("llama", "mistral", "qwen2", "qwen3");
  private static final double DEFAULT_THETA = 10000;

  /**
   * Reads a Hugging Face {@code config.json}.
   *
   * @throws IllegalArgumentException naming the field, its value and what is supported
   */
  public static ModelConfig from(JsonNode json) {
    String type = json.path("model_type").asText("");
    if (!KNOWN.contains(type)) {
      throw new IllegalArgumentException(
          "config.json: model_type " + (type.isEmpty() ? "is missing" : type + " is unknown")
              + "; supported are llama, mistral, qwen2, qwen3");
    }
    String activation = json.path("hidden_act").asText("silu");
    if (!activation.equals("silu") && !activation.equals("swish")) {
      throw new IllegalArgumentException(
          "config.json: hidden_act " + activation + " is not supported; these models use silu");
    }
    int hidden = positive(json, "hidden_size");
    int heads = positive(json, "num_attention_heads");
    int kvHeads = json.hasNonNull("num_key_value_heads") ? positive(json, "num_key_value_heads") : heads;
    int headDim = json.hasNonNull("head_dim") ? positive(json, "head_dim") : hidden / heads;
    if (heads % kvHeads != 0) {
      throw new IllegalArgumentException("config.json: num_attention_heads " + heads
          + " is not a multiple of num_key_value_heads " + kvHeads);
    }
    if (headDim % 2 != 0) {
      throw new IllegalArgumentException("config.json: head_dim " + headDim + " is odd; rotary positions need pairs");
    }
    int layers = positive(json, "num_hidden_layers");
    boolean bias = type.equals("qwen2") || json.path("attention_bias").asBoolean(false);
    return new ModelConfig(
        type,
        positive(json, "vocab_size"),
        hidden,
        layers,
        heads,
        kvHeads,
        headDim,
        positive(json, "intermediate_size"),
        json.path("rms_norm_eps").asDouble(1e-6),
        Rope.Frequencies.from(json, DEFAULT_THETA, headDim),
        json.path("max_position_embeddings").asInt(2048),
        slidingWindow(json, type, layers),
        json.path("tie_word_embeddings").asBoolean(false),
        bias,
        json.path("attention_bias").asBoolean(false) && !type.equals("qwen2"),
        json.path("mlp_bias").asBoolean(false),
        type.equals("qwen3"));
  }

  private static int slidingWindow(JsonNode json, String type, int layers) {
    if (!json.hasNonNull("sliding_window")) {
      return 0;
    }
    if (type.equals("mistral")) {
      return json.get("sliding_window").asInt();
    }
    boolean used = json.path("use_sliding_window").asBoolean(false);
    if (used && json.path("max_window_layers").asInt(layers) < layers) {
      throw new IllegalArgumentException(
          "config.json: use_sliding_window on some layers only is not supported; rows no longer than "
              + json.get("sliding_window").asInt() + " tokens need none: set it to false");
    }
    return 0;
  }

  private static int positive(JsonNode json, String field) {
    JsonNode value = json.path(field);
    if (!value.canConvertToInt() || value.asInt() < 1) {
      throw new IllegalArgumentException("config.json: " + field + " "
          + (value.isMissingNode() ? "is missing" : value + " is not a positive integer"));
    }
    return value.asInt();
  }

  /** Width of the queries, H · Dh. */
  public int queryWidth() {
    return heads * headDim;
  }

  /** Width of the keys and of the values, Hkv · Dh. */
  public int kvWidth() {
    return kvHeads * headDim;
  }
}
