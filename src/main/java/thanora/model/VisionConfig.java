package thanora.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * The vision part of a model, as its {@code config.json} says it: a tower that makes a vector of each patch of
 * a tile, and a connector that makes them vectors of the decoder.
 *
 * @param tower what the names of its layers start with
 * @param hidden width of the tower, C
 * @param layers of the tower that are run; later ones are of no use to the decoder
 * @param heads of attention
 * @param feedForward inner width of the feed-forward block
 * @param imageSize height and width of a tile, in pixels
 * @param patch height and width of a patch
 * @param eps of the norms
 * @param activation of the feed-forward block
 * @param clip whether it is CLIP's: a class token before the patches, a norm before the first layer
 * @param normAfter whether what the last layer gives is normalised
 * @param classKept whether the decoder sees the class token
 * @param connector from the tower to the decoder
 */
public record VisionConfig(
    String tower,
    int hidden,
    int layers,
    int heads,
    int feedForward,
    int imageSize,
    int patch,
    double eps,
    VisionActivation activation,
    boolean clip,
    boolean normAfter,
    boolean classKept,
    Connector connector) {

  private static final Map<String, String> DEFAULTS = Map.of(
      "clip_vision_model", "{'hidden_size': 768, 'intermediate_size': 3072, 'num_hidden_layers': 12,"
          + " 'num_attention_heads': 12, 'image_size': 224, 'patch_size': 32, 'hidden_act': 'quick_gelu',"
          + " 'layer_norm_eps': 1e-5}",
      "siglip_vision_model", "{'hidden_size': 768, 'intermediate_size': 3072, 'num_hidden_layers': 12,"
          + " 'num_attention_heads': 12, 'image_size': 224, 'patch_size': 16, 'hidden_act': 'gelu_pytorch_tanh',"
          + " 'layer_norm_eps': 1e-6}",
      "idefics3", "{'hidden_size': 1152, 'intermediate_size': 3072, 'num_hidden_layers': 12,"
          + " 'num_attention_heads': 16, 'image_size': 224, 'patch_size': 32, 'hidden_act': 'gelu_pytorch_tanh',"
          + " 'layer_norm_eps': 1e-6}");

  /** LLaVA's own tower, where its configuration has none: CLIP ViT-L/14 at 336 pixels. */
  private static final String LLAVA_TOWER = "{'model_type': 'clip_vision_model', 'hidden_size': 1024,"
      + " 'intermediate_size': 4096, 'num_hidden_layers': 24, 'num_attention_heads': 16, 'image_size': 336,"
      + " 'patch_size': 14}";

  /**
   * From the tower's width to the decoder's.
   *
   * @param names of its linear layers, one or two
   * @param shuffle side of the square of patches that become one vector; 1 for each by itself
   * @param inner width between two linear layers
   * @param bias whether they have one
   * @param activation between two
   */
  public record Connector(List<String> names, int shuffle, int inner, boolean bias, VisionActivation activation) {}

  /** Of a {@code llava} model: tower of CLIP or SigLIP, two linear layers with a bend between. */
  static VisionConfig llava(JsonNode json, int decoderWidth) {
    JsonNode given = json.hasNonNull("vision_config") ? json.get("vision_config") : ConfigFields.parse(LLAVA_TOWER);
    String type = given.path("model_type").asText("clip_vision_model");
    if (!DEFAULTS.containsKey(type) || type.equals("idefics3")) {
      throw new IllegalArgumentException("config.json: vision_config.model_type " + type
          + " is not supported; supported are clip_vision_model and siglip_vision_model");
    }
    ConfigFields top = new ConfigFields(json, "{'vision_feature_select_strategy': 'default',"
        + " 'vision_feature_layer': -2, 'projector_hidden_act': 'gelu', 'multimodal_projector_bias': true}");
    boolean clip = type.equals("clip_vision_model");
    String select = top.text("vision_feature_select_strategy", "");
    if (!select.equals("default") && !select.equals("full")) {
      throw new IllegalArgumentException("config.json: vision_feature_select_strategy " + select
          + " is not supported; supported are default and full");
    }
    if (!clip && select.equals("default")) {
      throw new IllegalArgumentException("config.json: vision_feature_select_strategy default drops the class token,"
          + " which a SigLIP tower has not; it must be full");
    }
    Connector connector = new Connector(
        List.of("model.multi_modal_projector.linear_1", "model.multi_modal_projector.linear_2"), 1,
        decoderWidth, top.flag("multimodal_projector_bias"),
        VisionActivation.named(top.text("projector_hidden_act", "")));
    return of("model.vision_tower.", new ConfigFields(given, DEFAULTS.get(type)), clip,
        OptionalInt.of(layer(top.get("vision_feature_layer"))), select.equals("full"), connector);
  }

  private static int layer(JsonNode value) {
    if (!value.isInt()) {
      throw new IllegalArgumentException("config.json: vision_feature_layer " + value
          + " is not supported; it must be one number");
    }
    return value.asInt();
  }

  /** Of an {@code idefics3} or {@code smolvlm} model: SigLIP, squares of patches become one vector, one linear layer. */
  static VisionConfig idefics3(JsonNode json) {
    ConfigFields top = new ConfigFields(json, "{'scale_factor': 2}");
    Connector connector = new Connector(List.of("model.connector.modality_projection.proj"),
        top.positive("scale_factor"), 0, false, VisionActivation.GELU);
    return of("model.vision_model.", new ConfigFields(json.path("vision_config"), DEFAULTS.get("idefics3")), false,
        OptionalInt.empty(), true, connector);
  }

  /**
   * @param feature which layer's output the decoder sees, counted from the embedding or, below zero, from the end;
   *     that of the last one after its norm where empty
   */
  private static VisionConfig of(String tower, ConfigFields config, boolean clip, OptionalInt feature,
      boolean classKept, Connector connector) {
    int layers = config.positive("num_hidden_layers");
    int at = feature.orElse(layers);
    int run = at < 0 ? layers + 1 + at : at;
    if (run < 0 || run > layers) {
      throw new IllegalArgumentException("config.json: vision_feature_layer " + at + " is none of a tower of "
          + layers + " layers");
    }
    VisionConfig vision = new VisionConfig(tower, config.positive("hidden_size"), run,
        config.positive("num_attention_heads"), config.positive("intermediate_size"), config.positive("image_size"),
        config.positive("patch_size"), config.number("layer_norm_eps", 0),
        VisionActivation.named(config.text("hidden_act", "")), clip, feature.isEmpty(), clip && classKept, connector);
    vision.check();
    return vision;
  }

  private void check() {
    if (hidden % heads != 0 || imageSize % patch != 0 || side() % connector.shuffle != 0) {
      throw new IllegalArgumentException("config.json: vision_config of width " + hidden + " with " + heads
          + " heads, images of " + imageSize + " in patches of " + patch + " and a scale factor of "
          + connector.shuffle + " does not divide evenly");
    }
  }

  /** Whether a module is one of the tower's. */
  public boolean isOfTower(String module) {
    return module.startsWith(tower);
  }

  /** Whether a module is one of the connector's. */
  public boolean isOfConnector(String module) {
    return connector.names.contains(module);
  }

  /** The linear layers in order of the forward pass. */
  List<DecoderMemory.Linear> linears(int decoderWidth) {
    List<DecoderMemory.Linear> linears = new ArrayList<>();
    for (int i = 0; i < layers; i++) {
      String at = tower + "encoder.layers." + i + ".";
      for (String name : List.of("q_proj", "k_proj", "v_proj", "out_proj")) {
        linears.add(new DecoderMemory.Linear(at + "self_attn." + name, hidden, hidden, true));
      }
      linears.add(new DecoderMemory.Linear(at + "mlp.fc1", hidden, feedForward, true));
      linears.add(new DecoderMemory.Linear(at + "mlp.fc2", feedForward, hidden, true));
    }
    int in = hidden * connector.shuffle * connector.shuffle;
    for (int i = 0; i < connector.names.size(); i++) {
      int out = i == connector.names.size() - 1 ? decoderWidth : connector.inner;
      linears.add(new DecoderMemory.Linear(connector.names.get(i), in, out, true));
      in = out;
    }
    return linears;
  }

  /** Patches side by side. */
  int side() {
    return imageSize / patch;
  }

  /** Tokens of a tile on their way through the tower, P. */
  public int towerTokens() {
    return side() * side() + (clip ? 1 : 0);
  }

  /** Vectors that the tower gives of a tile. */
  public int selectedTokens() {
    return side() * side() + (classKept ? 1 : 0);
  }

  /** Vectors of a tile that the decoder sees: image tokens. */
  public int tileTokens() {
    return selectedTokens() / (connector.shuffle * connector.shuffle);
  }
}
