package thanora.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The architectures of GGUF files that are read and written: Hugging Face's names for them, and what
 * llama.cpp's converter changes in their weights. Models of every architecture are written where the base
 * is such a file itself; where it is a Hugging Face folder, those with types of their own here.
 *
 * <p>Source: convert_hf_to_gguf.py of llama.cpp.
 */
public enum GgufFamily {
  LLAMA("llama", "LlamaForCausalLM", Change.HEADS_INTERLEAVED, "llama", "mistral"),
  MISTRAL("mistral", "MistralForCausalLM", Change.HEADS_INTERLEAVED),
  QWEN2("qwen2", "Qwen2ForCausalLM", Change.NONE, "qwen2"),
  QWEN3("qwen3", "Qwen3ForCausalLM", Change.NONE, "qwen3"),
  PHI3("phi3", "Phi3ForCausalLM", Change.NONE),
  SMOLLM3("smollm3", "SmolLM3ForCausalLM", Change.HEADS_INTERLEAVED),
  GEMMA2("gemma2", "Gemma2ForCausalLM", Change.NORMS_PLUS_ONE),
  GEMMA3("gemma3", "Gemma3ForCausalLM", Change.NORMS_PLUS_ONE);

  /** What the converter does to weights. */
  private enum Change {
    NONE,
    HEADS_INTERLEAVED,
    NORMS_PLUS_ONE
  }

  private static final Map<String, String> LLAMA_NAMES = Map.ofEntries(
      Map.entry("attn_norm", "input_layernorm"), Map.entry("attn_q", "self_attn.q_proj"),
      Map.entry("attn_k", "self_attn.k_proj"), Map.entry("attn_v", "self_attn.v_proj"),
      Map.entry("attn_output", "self_attn.o_proj"), Map.entry("attn_q_norm", "self_attn.q_norm"),
      Map.entry("attn_k_norm", "self_attn.k_norm"),
      Map.entry("ffn_norm", "post_attention_layernorm"), Map.entry("ffn_gate", "mlp.gate_proj"),
      Map.entry("ffn_up", "mlp.up_proj"), Map.entry("ffn_down", "mlp.down_proj"));
  private static final Map<String, String> PHI3_NAMES = Map.of(
      "attn_qkv", "self_attn.qkv_proj", "ffn_up", "mlp.gate_up_proj");
  private static final Map<String, String> GEMMA_NAMES = Map.of(
      "post_attention_norm", "post_attention_layernorm", "ffn_norm", "pre_feedforward_layernorm",
      "post_ffw_norm", "post_feedforward_layernorm");

  private final String architecture;
  private final String className;
  private final Change change;
  private final Set<String> written;

  /**
   * A family.
   *
   * @param written values of {@code model_type} that are written as this architecture
   */
  GgufFamily(String architecture, String className, Change change, String... written) {
    this.architecture = architecture;
    this.className = className;
    this.change = change;
    this.written = Set.of(written);
  }

  static GgufFamily of(GgufMetadata metadata) {
    return Arrays.stream(values()).filter(family -> family.architecture.equals(metadata.architecture()))
        .findFirst().orElseThrow(() -> metadata.fault("has architecture " + metadata.architecture()
            + ", which is not supported; use one of "
            + Arrays.stream(values()).map(family -> family.architecture).collect(Collectors.joining(", "))));
  }

  /**
   * The family that a model is written as.
   *
   * @param config its config.json
   * @throws CheckpointException if there is none
   */
  static GgufFamily of(JsonNode config) {
    String type = config.path("model_type").asText();
    return Arrays.stream(values()).filter(family -> family.written.contains(type)).findFirst()
        .orElseThrow(() -> new CheckpointException("model_type " + type
            + " cannot be written as a GGUF file from a Hugging Face folder; those that can are "
            + Arrays.stream(values()).flatMap(family -> family.written.stream()).sorted()
                .collect(Collectors.joining(", ")) + "; of others begin with the base's GGUF file"));
  }

  /** The name in {@code general.architecture}, which begins the keys of sizes. */
  String architecture() {
    return architecture;
  }

  String modelType() {
    return this == GEMMA3 ? "gemma3_text" : architecture;
  }

  /** The class of transformers. */
  String className() {
    return className;
  }

  boolean isGemma() {
    return List.of(GEMMA2, GEMMA3).contains(this);
  }

  /** Whether query and key rows are in llama.cpp's order. */
  boolean interleavesHeads() {
    return change == Change.HEADS_INTERLEAVED;
  }

  /** What was added to a tensor. */
  float added(String huggingFaceName) {
    return change == Change.NORMS_PLUS_ONE && huggingFaceName.endsWith("norm.weight") ? 1 : 0;
  }

  /** Names of the parts of a layer, llama.cpp's to Hugging Face's. */
  Map<String, String> layerParts() {
    Map<String, String> parts = new LinkedHashMap<>(LLAMA_NAMES);
    parts.putAll(this == PHI3 ? PHI3_NAMES : isGemma() ? GEMMA_NAMES : Map.of());
    return parts;
  }
}
