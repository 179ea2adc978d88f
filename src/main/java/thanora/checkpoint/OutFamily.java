package thanora.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The families of models that are written as GGUF files: a constant here, and the names of its tensors
 * in {@link GgufNames}, are all that a further one needs.
 *
 * <p>Source: the classes of models in llama.cpp's convert_hf_to_gguf.py.
 */
enum OutFamily {
  /** Rows of queries and keys in llama.cpp's order; Llama 3's rope scaling as a tensor. */
  LLAMA("llama", true, "llama", "mistral") {
    @Override
    void addKeys(JsonNode config, GgufValues keys) {
      keys.integer("llama.vocab_size", config.path("vocab_size").asLong());
      keys.integer("llama.rope.dimension_count", GgufKeys.headSize(config));
    }
  },
  QWEN2("qwen2", false, "qwen2"),
  QWEN3("qwen3", false, "qwen3");

  private final String architecture;
  private final boolean permutesHeads;
  private final Set<String> modelTypes;

  OutFamily(String architecture, boolean permutesHeads, String... modelTypes) {
    this.architecture = architecture;
    this.permutesHeads = permutesHeads;
    this.modelTypes = Set.of(modelTypes);
  }

  /**
   * The family of a model.
   *
   * @param config its config.json
   * @throws CheckpointException if there is none
   */
  static OutFamily of(JsonNode config) {
    String type = config.path("model_type").asText();
    return Arrays.stream(values()).filter(family -> family.modelTypes.contains(type)).findFirst()
        .orElseThrow(() -> new CheckpointException("model_type " + type
            + " cannot be written as a GGUF file; those that can are " + Arrays.stream(values())
                .flatMap(family -> family.modelTypes.stream()).sorted().collect(Collectors.joining(", "))));
  }

  /** The name in {@code general.architecture}, which begins the keys of sizes. */
  String architecture() {
    return architecture;
  }

  /** Whether the rows of query and key heads are interleaved, see {@link GgufWeights}. */
  boolean permutesHeads() {
    return permutesHeads;
  }

  /** Adds the keys that this family alone has. */
  void addKeys(JsonNode config, GgufValues keys) {}
}
