package thanora.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;

/** The decoder in the {@code config.json} of a model that sees images. */
public final class TextConfig {
  /** What the names of a decoder's layers start with where it is no part of a larger model. */
  public static final String ALONE = "model.";

  private static final Map<String, String> MODULES = Map.of("llava", "model.language_model.",
      "idefics3", "model.text_model.", "smolvlm", "model.text_model.");
  private static final String TYPE = "model_type";
  private static final String TIED = "tie_word_embeddings";

  private TextConfig() {}

  /** What the names of the decoder's layers start with. */
  public static String modules(JsonNode config) {
    return MODULES.getOrDefault(config.path(TYPE).asText(), ALONE);
  }

  /**
   * The decoder's own configuration: the whole one of a model of text alone. That of a Llama in a model that sees
   * images may leave its sizes out; those that transformers takes then are in it.
   */
  public static ObjectNode of(JsonNode config) {
    if (!MODULES.containsKey(config.path(TYPE).asText())) {
      return config.deepCopy();
    }
    ObjectNode text = JsonNodeFactory.instance.objectNode();
    if (config.path("text_config").isObject()) {
      text.setAll((ObjectNode) config.get("text_config").deepCopy());
    }
    if (!text.hasNonNull(TYPE)) {
      text.put(TYPE, "llama");
    }
    if (text.get(TYPE).asText().equals("llama")) {
      Map.of("vocab_size", 32000, "hidden_size", 4096, "intermediate_size", 11008, "num_hidden_layers", 32,
          "num_attention_heads", 32, "max_position_embeddings", 2048).forEach((field, size) -> {
            if (!text.has(field)) {
              text.put(field, size);
            }
          });
    }
    if (config.path(TIED).asBoolean(false)) {
      text.put(TIED, true);
    }
    return text;
  }
}
