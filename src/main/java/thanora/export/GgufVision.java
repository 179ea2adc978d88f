package thanora.export;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import thanora.checkpoint.CheckpointException;
import thanora.checkpoint.GgufNaming;
import thanora.checkpoint.GgufValues;
import thanora.checkpoint.OutType;
import thanora.image.Normaliser;
import thanora.image.SquareTiles;
import thanora.model.Decoder;
import thanora.model.VisionActivation;
import thanora.model.VisionConfig;

/**
 * Tower and connector of a model that sees images in a GGUF file of their own, {@code mmproj}, as llama.cpp's libmtmd
 * reads it beside the decoder's.
 *
 * <p>Source: tools/mtmd/clip.cpp of llama.cpp, which reads such files, and conversion/smolvlm.py and
 * tools/mtmd/legacy-models/convert_image_encoder_to_gguf.py, which write them.
 */
final class GgufVision implements GgufNaming {
  private static final String LAYER = "encoder.layers.";
  private static final Map<String, String> OF_TOWER = Map.of(
      "embeddings.class_embedding", "v.class_embd", "embeddings.patch_embedding", "v.patch_embd",
      "embeddings.position_embedding", "v.position_embd", "pre_layrnorm", "v.pre_ln", "post_layernorm", "v.post_ln");
  private static final Map<String, String> OF_LAYER = Map.of(
      "layer_norm1", "ln1", "layer_norm2", "ln2", "self_attn.q_proj", "attn_q", "self_attn.k_proj", "attn_k",
      "self_attn.v_proj", "attn_v", "self_attn.out_proj", "attn_out", "mlp.fc1", "ffn_up", "mlp.fc2", "ffn_down");

  private final VisionConfig config;
  private final SquareTiles processor;
  private final int decoderWidth;
  private final boolean llava;
  private final Map<String, String> names = new LinkedHashMap<>(); // Hugging Face's to the file's
  private final Map<String, String> back = new LinkedHashMap<>();

  /**
   * The vision part of a model that has one.
   *
   * @param processor makes pixels of images
   * @throws CheckpointException if llama.cpp computes no such part
   */
  GgufVision(Decoder model, SquareTiles processor) {
    this.processor = processor;
    config = model.config().vision().orElseThrow();
    decoderWidth = model.config().hidden();
    llava = config.connector().shuffle() == 1;
    check();
    for (String name : model.tensorNames()) {
      if (config.isOfTower(name) || config.isOfConnector(name.replaceFirst("\\.(weight|bias)$", ""))) {
        names.put(name, translated(name));
        back.put(translated(name), name);
      }
    }
  }

  private void check() {
    require(config.hidden() != config.feedForward(), "whose feed-forward block is as wide as itself");
    require(!config.classKept(), "whose class token the decoder sees (vision_feature_select_strategy full)");
    if (llava) {
      require(config.connector().activation() == VisionActivation.GELU, "with a projector_hidden_act other than gelu");
    }
  }

  private static void require(boolean right, String what) {
    if (!right) {
      throw new CheckpointException("a vision tower " + what
          + " cannot be written as a GGUF file for llama.cpp; write a Hugging Face folder");
    }
  }

  private String translated(String name) {
    String ending = name.endsWith(".weight") ? ".weight" : name.endsWith(".bias") ? ".bias" : "";
    String stem = name.substring(0, name.length() - ending.length());
    if (config.isOfConnector(stem)) {
      return (llava ? "mm." + 2 * config.connector().names().indexOf(stem) : "mm.model.fc") + ending;
    }
    String part = stem.substring(config.tower().length());
    if (part.startsWith(LAYER)) {
      int dot = part.indexOf('.', LAYER.length());
      return "v.blk." + part.substring(LAYER.length(), dot + 1) + OF_LAYER.get(part.substring(dot + 1)) + ending;
    }
    return OF_TOWER.get(part) + ending;
  }

  /** Hugging Face's names of its tensors. */
  Set<String> tensors() {
    return names.keySet();
  }

  @Override
  public String name(String name) {
    return names.get(name);
  }

  @Override
  public String huggingFace(String name) {
    return back.getOrDefault(name, name);
  }

  /** As llama.cpp's converter has it: its convolution reads no other types, positions lose nothing. */
  @Override
  public OutType type(String name, OutType most) {
    if (name.equals("v.patch_embd.weight")) {
      return most == OutType.F16 ? most : OutType.F32;
    }
    return name.equals("v.position_embd.weight") ? OutType.F32 : most;
  }

  /** Zeros where llama.cpp wants a bias that the model has not. */
  Map<String, float[]> extras() {
    return !llava || config.connector().bias() ? Map.of()
        : Map.of("mm.0.bias", new float[config.connector().inner()], "mm.2.bias", new float[decoderWidth]);
  }

  /** In what llama.cpp computes otherwise, a line each. */
  List<String> differences() {
    List<String> lines = new ArrayList<>();
    if (config.clip()) {
      lines.add("llama.cpp misplaces the class token of a CLIP tower (github.com/ggml-org/llama.cpp/issues/25814), so"
          + " its answers to images differ until that is mended there; the files are right");
    }
    if (!llava && processor.longestEdge() == 0) {
      lines.add("llama.cpp cuts every image into tiles, which this model's processor does not; its answers to images"
          + " differ");
    }
    return lines;
  }

  /** The metadata, all but the types of tensors. */
  GgufValues values(String name) {
    GgufValues keys = new GgufValues();
    keys.text("general.architecture", "clip").text("general.type", "mmproj").text("general.name", name);
    keys.flag("clip.has_vision_encoder", true).text("clip.projector_type", llava ? "mlp" : "idefics3");
    if (config.activation() != VisionActivation.QUICK_GELU) { // which is what it takes without a word
      keys.flag("clip.use_gelu", true);
    }
    size(keys, "projection_dim", decoderWidth);
    size(keys, "image_size", config.imageSize());
    size(keys, "patch_size", config.patch());
    size(keys, "embedding_length", config.hidden());
    size(keys, "feed_forward_length", config.feedForward());
    size(keys, "block_count", config.layers());
    size(keys, "attention.head_count", config.heads());
    keys.number("clip.vision.attention.layer_norm_epsilon", config.eps());
    Normaliser pixels = processor.normaliser();
    keys.numbers("clip.vision.image_mean", scaled(pixels.mean(), pixels.factor()));
    keys.numbers("clip.vision.image_std", scaled(pixels.deviation(), pixels.factor()));
    if (llava) { // without it the last layer that is there is left out
      keys.integers("clip.vision.feature_layer", List.of(config.layers()));
    } else {
      size(keys, "projector.scale_factor", config.connector().shuffle());
      size(keys, "preproc_image_size", processor.longestEdge() > 0 ? processor.longestEdge() : config.imageSize());
    }
    return keys;
  }

  private static void size(GgufValues keys, String key, long value) {
    keys.integer("clip.vision." + key, value);
  }

  /** llama.cpp takes 1/255 of a value before it normalises. */
  private static List<Float> scaled(List<Double> values, double factor) {
    return values.stream().map(value -> (float) (value / (255 * factor))).toList();
  }
}
