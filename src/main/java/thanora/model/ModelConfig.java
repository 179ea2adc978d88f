package thanora.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import thanora.checkpoint.TextConfig;

/**
 * What a decoder's {@code config.json} says; {@link Family} knows what it means.
 *
 * @param modelType its {@code model_type}
 * @param modules what the names of its layers start with: {@code model.}, or more as a part of a larger model
 * @param vocabulary rows of the embedding, V
 * @param hidden width of the residual stream, D
 * @param heads query heads, H
 * @param kvHeads key and value heads, Hkv; divides H
 * @param headDim width of a head, Dh
 * @param feedForward inner width of the feed-forward block
 * @param maxPositions longest sequence the model was made for
 * @param tied whether the head is the embedding
 * @param stacked whether q, k and v are one linear layer, and gate and up another (Phi-3)
 * @param attentionBias whether q, k and v have a bias
 * @param outputBias whether o has a bias
 * @param feedForwardBias whether gate, up and down have a bias
 * @param norms the norms
 * @param activation of the gate
 * @param embeddingScale factor of embeddings
 * @param scores how queries meet keys
 * @param logitCap soft cap of the logits, 0 for none
 * @param byLayer what differs between layers
 * @param vision the part that sees images, if there is one
 * @param imageToken the token in whose place a vector of an image comes; -1 where there is no vision part
 */
public record ModelConfig(
    String modelType,
    String modules,
    int vocabulary,
    int hidden,
    int heads,
    int kvHeads,
    int headDim,
    int feedForward,
    int maxPositions,
    boolean tied,
    boolean stacked,
    boolean attentionBias,
    boolean outputBias,
    boolean feedForwardBias,
    Norms norms,
    Activation activation,
    double embeddingScale,
    Scores scores,
    double logitCap,
    List<Layer> byLayer,
    Optional<VisionConfig> vision,
    int imageToken) {

  private static final String TYPE = "model_type";
  static final String FULL = "full_attention";
  static final String SLIDING = "sliding_attention";
  static final int DEFAULT_POSITIONS = 2048;

  /**
   * Root-mean-square norms.
   *
   * @param eps epsilon
   * @param ofHeads whether q and k heads are normalised too
   * @param offset what is added to a norm's weight: 1 in Gemma, else 0
   * @param after whether also what attention and feed-forward give is normalised (Gemma)
   */
  record Norms(double eps, boolean ofHeads, double offset, boolean after) {}

  /**
   * A layer.
   *
   * @param window keys a query sees, itself included; 0 for all
   * @param rope its rotary frequencies, if it knows positions
   */
  record Layer(int window, Optional<RopeConfig> rope) {}

  /**
   * Reads a Hugging Face {@code config.json}.
   *
   * @throws IllegalArgumentException naming the field, its value and what is supported
   */
  public static ModelConfig from(JsonNode json) {
    String type = json.path(TYPE).asText("");
    return switch (type) {
      case Family.LARGER_GEMMA3 -> read(
          type, "model.language_model.", Family.GEMMA3, Family.GEMMA3.fields(json.path("text_config")), Images.NONE);
      case "llava" -> {
        int width = new ConfigFields(TextConfig.of(json), "{}").positive("hidden_size");
        yield decoder(json, new Images(
            Optional.of(VisionConfig.llava(json, width)), json.path("image_token_index").asInt(32000)));
      }
      case "idefics3", "smolvlm" -> decoder(json, new Images(
          Optional.of(VisionConfig.idefics3(json)), json.path("image_token_id").asInt(128257)));
      default -> decoder(json, Images.NONE);
    };
  }

  private static ModelConfig decoder(JsonNode json, Images images) {
    ObjectNode text = TextConfig.of(json);
    Family family = Family.of(text.path(TYPE).asText(""));
    return read(json.path(TYPE).asText(), TextConfig.modules(json), family, family.fields(text), images);
  }

  /** What a model sees images by. */
  private record Images(Optional<VisionConfig> vision, int token) {
    static final Images NONE = new Images(Optional.empty(), -1);
  }

  private static ModelConfig read(String type, String modules, Family family, ConfigFields config, Images images) {
    if (config.flag("use_bidirectional_attention")) {
      throw new IllegalArgumentException(
          "config.json: use_bidirectional_attention is not supported; a decoder looks back only");
    }
    int hidden = config.positive("hidden_size");
    int heads = config.positive("num_attention_heads");
    int kvHeads = config.optional("num_key_value_heads").orElse(heads);
    int headDim = config.optional("head_dim").orElse(hidden / heads);
    if (heads % kvHeads != 0) {
      throw new IllegalArgumentException("config.json: num_attention_heads " + heads
          + " is not a multiple of num_key_value_heads " + kvHeads);
    }
    boolean gemma = family.gemma();
    return new ModelConfig(
        type,
        modules,
        config.positive("vocab_size"),
        hidden,
        heads,
        kvHeads,
        headDim,
        config.positive("intermediate_size"),
        config.optional("max_position_embeddings").orElse(DEFAULT_POSITIONS),
        config.flag("tie_word_embeddings"),
        family.stacked(),
        family.attentionBias(config),
        family.outputBias(config),
        config.flag("mlp_bias"),
        new Norms(config.number("rms_norm_eps", 1e-6), family.headNorm(), gemma ? 1 : 0, gemma),
        Activation.named(config.text("hidden_activation", config.text("hidden_act", "silu"))),
        gemma ? Math.sqrt(hidden) : 1,
        new Scores(1 / Math.sqrt(config.number("query_pre_attn_scalar", headDim)), family.scoreCap(config)),
        config.number("final_logit_softcapping", 0),
        layers(config, family, headDim),
        images.vision,
        images.token);
  }

  private static List<Layer> layers(ConfigFields config, Family family, int headDim) {
    List<Layer> layers = new ArrayList<>();
    for (int i = 0; i < config.positive("num_hidden_layers"); i++) {
      boolean slides = family.slides(config, i);
      RopeReader reader = new RopeReader(config, slides ? SLIDING : FULL, headDim);
      layers.add(new Layer(
          slides ? config.optional("sliding_window").orElse(0) : 0,
          family.hasPositions(config, i) ? Optional.of(family.rope(config, reader, slides)) : Optional.empty()));
    }
    return List.copyOf(layers);
  }

  /** Whether a tensor belongs to the larger model that the decoder is a part of, and is carried along. */
  public boolean carries(String tensor) {
    return isPart() && tensor.startsWith(TextConfig.ALONE) && !tensor.startsWith(modules);
  }

  /** Whether the decoder is a part of a larger model. */
  public boolean isPart() {
    return !modules.equals(TextConfig.ALONE);
  }

  /** Number of decoder layers. */
  public int layers() {
    return byLayer.size();
  }

  /** Width of the queries, H · Dh. */
  public int queryWidth() {
    return heads * headDim;
  }

  /** Width of the keys and of the values, Hkv · Dh. */
  public int kvWidth() {
    return kvHeads * headDim;
  }

  /** Longest row, in tokens, after which rotary frequencies change. */
  int ropeBorder() {
    return byLayer.stream().flatMap(layer -> layer.rope().stream()).mapToInt(RopeConfig::border).min()
        .orElse(RopeConfig.NO_BORDER);
  }
}
