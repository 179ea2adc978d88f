package thanora.checkpoint;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The architectures of GGUF files that are read: Hugging Face's names for them, and what llama.cpp's
 * converter changes in their weights.
 *
 * <p>Source: convert_hf_to_gguf.py of llama.cpp.
 */
enum GgufFamily {
  LLAMA("llama", "LlamaForCausalLM", Change.HEADS_INTERLEAVED),
  MISTRAL("mistral", "MistralForCausalLM", Change.HEADS_INTERLEAVED),
  QWEN2("qwen2", "Qwen2ForCausalLM", Change.NONE),
  QWEN3("qwen3", "Qwen3ForCausalLM", Change.NONE),
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

  GgufFamily(String architecture, String className, Change change) {
    this.architecture = architecture;
    this.className = className;
    this.change = change;
  }

  static GgufFamily of(GgufMetadata metadata) {
    return Arrays.stream(values()).filter(family -> family.architecture.equals(metadata.architecture()))
        .findFirst().orElseThrow(() -> metadata.fault("has architecture " + metadata.architecture()
            + ", which is not supported; use one of "
            + Arrays.stream(values()).map(family -> family.architecture).collect(Collectors.joining(", "))));
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

  /** Hugging Face's name of a part of a layer, null if there is none. */
  String layerPart(String name) {
    Map<String, String> own = this == PHI3 ? PHI3_NAMES : isGemma() ? GEMMA_NAMES : Map.of();
    return own.getOrDefault(name, LLAMA_NAMES.get(name));
  }
}
