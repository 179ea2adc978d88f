package thanora.checkpoint;

import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** llama.cpp's tensor names and Hugging Face's for the same tensors. */
final class GgufNames {
  static final String EMBEDDING = "token_embd.weight";
  static final String HEAD = "output.weight";
  static final String ROPE_FACTORS = "rope_freqs.weight";

  /** Tensors that are no weights of the network. */
  static final Set<String> EXTRAS = Set.of(ROPE_FACTORS);

  private static final Map<String, String> TOP = Map.of(
      "token_embd", "model.embed_tokens", "output_norm", "model.norm", "output", "lm_head");
  private static final Map<String, String> LAYER = Map.ofEntries(
      Map.entry("attn_norm", "input_layernorm"), Map.entry("attn_q", "self_attn.q_proj"),
      Map.entry("attn_k", "self_attn.k_proj"), Map.entry("attn_v", "self_attn.v_proj"),
      Map.entry("attn_output", "self_attn.o_proj"), Map.entry("attn_q_norm", "self_attn.q_norm"),
      Map.entry("attn_k_norm", "self_attn.k_norm"),
      Map.entry("ffn_norm", "post_attention_layernorm"), Map.entry("ffn_gate", "mlp.gate_proj"),
      Map.entry("ffn_up", "mlp.up_proj"), Map.entry("ffn_down", "mlp.down_proj"));
  private static final Pattern NAME =
      Pattern.compile("(?:blk\\.(\\d{1,6})\\.)?([a-z_]+)\\.(weight|bias)(\\.lora_[ab])?");
  private static final Pattern HUGGING_FACE =
      Pattern.compile("(?:model\\.layers\\.(\\d{1,6})\\.)?(.+)\\.(weight|bias)");

  private GgufNames() {}

  /** Hugging Face's name; the name itself where Hugging Face has no such tensor. */
  static String huggingFace(String name) {
    Matcher match = NAME.matcher(name);
    if (!match.matches()) {
      return name;
    }
    String block = match.group(1);
    Optional<String> stem = Optional.ofNullable((block == null ? TOP : LAYER).get(match.group(2)));
    String prefix = block == null ? "" : "model.layers." + block + ".";
    String ending = match.group(3) + Optional.ofNullable(match.group(4)).orElse("");
    return stem.map(found -> prefix + found + "." + ending).orElse(name);
  }

  /**
   * llama.cpp's name.
   *
   * @throws CheckpointException if llama.cpp has no such tensor
   */
  static String llamaCpp(String huggingFaceName) {
    Matcher match = HUGGING_FACE.matcher(huggingFaceName);
    if (match.matches()) {
      String layer = match.group(1);
      for (Map.Entry<String, String> entry : (layer == null ? TOP : LAYER).entrySet()) {
        if (entry.getValue().equals(match.group(2))) {
          return (layer == null ? "" : "blk." + layer + ".") + entry.getKey() + "." + match.group(3);
        }
      }
    }
    throw new CheckpointException(
        "tensor " + huggingFaceName + " has no name in GGUF files; write a Hugging Face folder");
  }

  /** Whether the rows of a tensor are those of query heads. */
  static boolean isQuery(String huggingFaceName) {
    return huggingFaceName.contains(".self_attn.q_proj.");
  }

  /** Whether the rows of a tensor are those of key heads. */
  static boolean isKey(String huggingFaceName) {
    return huggingFaceName.contains(".self_attn.k_proj.");
  }
}
