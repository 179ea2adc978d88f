package thanora.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The families of decoders, a constant each: in what they differ from Llama, and what transformers takes
 * where their {@code config.json} is silent.
 *
 * <p>Source: the model cards' configurations and the classes of transformers 5 of the same names.
 */
enum Family {
  LLAMA("llama", "{}"),

  MISTRAL("mistral", "{'sliding_window': 4096}") {
    @Override
    boolean slides(ConfigFields config, int layer) {
      return true;
    }
  },

  QWEN2("qwen2", "{'sliding_window': 4096, 'max_window_layers': 28}") {
    @Override
    boolean attentionBias(ConfigFields config) {
      return true;
    }

    @Override
    boolean outputBias(ConfigFields config) {
      return false;
    }

    @Override
    boolean slides(ConfigFields config, int layer) {
      return lastLayersSlide(config, layer);
    }
  },

  QWEN3("qwen3", "{'head_dim': 128, 'sliding_window': 4096, 'max_window_layers': 28}") {
    @Override
    boolean headNorm() {
      return true;
    }

    @Override
    boolean slides(ConfigFields config, int layer) {
      return lastLayersSlide(config, layer);
    }
  },

  /** q, k and v are one linear layer, gate and up another. */
  PHI3("phi3", "{'rms_norm_eps': 1e-5, 'max_position_embeddings': 4096, 'original_max_position_embeddings': 4096}") {
    @Override
    boolean stacked() {
      return true;
    }

    @Override
    boolean slides(ConfigFields config, int layer) {
      return true;
    }

    /** Also under its older names. */
    @Override
    RopeConfig rope(ConfigFields config, RopeReader reader, boolean slides) {
      String type = reader.type();
      return reader.named(type.equals("su") || type.equals("yarn") ? "longrope" : type);
    }
  },

  /** Some layers know no positions. */
  SMOLLM3("smollm3", "{'tie_word_embeddings': true, 'rope_theta': 2e6, 'max_position_embeddings': 32768,"
      + " 'no_rope_layer_interval': 4}") {
    @Override
    boolean hasPositions(ConfigFields config, int layer) {
      List<String> given = config.perLayer("no_rope_layers");
      return given.isEmpty()
          ? (layer + 1) % config.positive("no_rope_layer_interval") != 0 : !given.get(layer).equals("0");
    }

    @Override
    boolean slides(ConfigFields config, int layer) {
      return config.flag("use_sliding_window") && typeSlides(config, layer, !hasPositions(config, layer));
    }
  },

  GEMMA2("gemma2", "{'vocab_size': 256000, 'hidden_size': 2304, 'intermediate_size': 9216, 'num_hidden_layers': 26,"
      + " 'num_attention_heads': 8, 'num_key_value_heads': 4, 'head_dim': 256, 'max_position_embeddings': 8192,"
      + " 'tie_word_embeddings': true, 'query_pre_attn_scalar': 256, 'sliding_window': 4096,"
      + " 'hidden_activation': 'gelu_pytorch_tanh', 'final_logit_softcapping': 30.0,"
      + " 'attn_logit_softcapping': 50.0}") {
    @Override
    boolean gemma() {
      return true;
    }

    @Override
    boolean slides(ConfigFields config, int layer) {
      return typeSlides(config, layer, (layer + 1) % 2 != 0);
    }

    @Override
    double scoreCap(ConfigFields config) {
      return config.number("attn_logit_softcapping", 0);
    }
  },

  /** Layers of two kinds, each with rotary frequencies of its own. */
  GEMMA3("gemma3_text", "{'vocab_size': 262208, 'hidden_size': 2304, 'intermediate_size': 9216,"
      + " 'num_hidden_layers': 26, 'num_attention_heads': 8, 'num_key_value_heads': 4, 'head_dim': 256,"
      + " 'max_position_embeddings': 131072, 'tie_word_embeddings': true, 'query_pre_attn_scalar': 256,"
      + " 'sliding_window': 4096, 'sliding_window_pattern': 6, 'hidden_activation': 'gelu_pytorch_tanh',"
      + " 'rope_theta': 1e6, 'rope_local_base_freq': 1e4}") {
    @Override
    boolean gemma() {
      return true;
    }

    @Override
    boolean headNorm() {
      return true;
    }

    @Override
    boolean slides(ConfigFields config, int layer) {
      return typeSlides(config, layer, (layer + 1) % config.positive("sliding_window_pattern") != 0);
    }

    @Override
    RopeConfig rope(ConfigFields config, RopeReader reader, boolean slides) {
      return slides && !reader.isOfLayerType()
          ? RopeConfig.plain(config.number("rope_local_base_freq", 0), reader.width()) : reader.read();
    }
  };

  /** The model of which {@link #GEMMA3} is the text part. */
  static final String LARGER_GEMMA3 = "gemma3";

  private final String modelType;
  private final String defaults;

  Family(String modelType, String defaults) {
    this.modelType = modelType;
    this.defaults = defaults;
  }

  /**
   * The family of a {@code model_type}.
   *
   * @throws IllegalArgumentException naming it and those that are supported
   */
  static Family of(String modelType) {
    return Arrays.stream(values()).filter(family -> family.modelType.equals(modelType)).findFirst()
        .orElseThrow(() -> new IllegalArgumentException("config.json: model_type "
            + (modelType.isEmpty() ? "is missing" : modelType + " is not supported") + "; supported are "
            + Arrays.stream(values()).map(family -> family.modelType).collect(Collectors.joining(", "))
            + ", " + LARGER_GEMMA3 + ", llava, idefics3, smolvlm"));
  }

  ConfigFields fields(JsonNode json) {
    return new ConfigFields(json, defaults);
  }

  /** Whether q, k and v have a bias. */
  boolean attentionBias(ConfigFields config) {
    return config.flag("attention_bias");
  }

  /** Whether o has a bias. */
  boolean outputBias(ConfigFields config) {
    return config.flag("attention_bias");
  }

  /** Whether q, k and v are one linear layer, and gate and up another. */
  boolean stacked() {
    return false;
  }

  /** Whether q and k heads are normalised. */
  boolean headNorm() {
    return false;
  }

  /**
   * Gemma's ways: norms multiply by 1 + w and stand also after attention and feed-forward; embeddings are
   * scaled by √D.
   */
  boolean gemma() {
    return false;
  }

  /** Whether a layer has rotary positions. */
  boolean hasPositions(ConfigFields config, int layer) {
    return true;
  }

  /** Whether a layer's queries see only the keys of a window, if there is one. */
  boolean slides(ConfigFields config, int layer) {
    return false;
  }

  /** The rotary frequencies of a layer that {@code slides} or not. */
  RopeConfig rope(ConfigFields config, RopeReader reader, boolean slides) {
    return reader.read();
  }

  /** The cap of attention's scores, 0 for none. */
  double scoreCap(ConfigFields config) {
    return 0;
  }

  /** What {@code layer_types} says, or {@code otherwise}. */
  static boolean typeSlides(ConfigFields config, int layer, boolean otherwise) {
    List<String> types = config.perLayer("layer_types");
    if (types.isEmpty()) {
      return otherwise;
    }
    return switch (types.get(layer)) {
      case ModelConfig.SLIDING -> true;
      case ModelConfig.FULL -> false;
      default -> throw new IllegalArgumentException("config.json: layer_types " + types.get(layer)
          + " is not supported; supported are full_attention and sliding_attention");
    };
  }

  private static boolean lastLayersSlide(ConfigFields config, int layer) {
    Optional<Integer> window = config.optional("sliding_window");
    return config.flag("use_sliding_window")
        && typeSlides(config, layer, window.isPresent() && layer >= config.number("max_window_layers", 0));
  }
}
