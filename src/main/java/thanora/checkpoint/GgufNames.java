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

  static final String LONG_FACTORS = "rope_factors_long.weight";
  static final String SHORT_FACTORS = "rope_factors_short.weight";

  /** Tensors that are no weights of the network. */
  static final Set<String> EXTRAS = Set.of(ROPE_FACTORS, LONG_FACTORS, SHORT_FACTORS);

  private static final Map<String, String> TOP = Map.of(
      "token_embd", "model.embed_tokens", "output_norm", "model.norm", "output", "lm_head");
  private static final Pattern NAME =
      Pattern.compile("(?:blk\\.(\\d{1,6})\\.)?([a-z_]+)\\.(weight|bias)(\\.lora_[ab])?");
  private static final Pattern HUGGING_FACE =
      Pattern.compile("(?:model\\.layers\\.(\\d{1,6})\\.)?(.+)\\.(weight|bias)");

  private GgufNames() {}

  /** Hugging Face's name; the name itself where Hugging Face has no such tensor. */
  static String huggingFace(GgufFamily family, String name) {
    Matcher match = NAME.matcher(name);
    if (!match.matches()) {
      return name;
    }
    String block = match.group(1);
    String part = match.group(2);
    Optional<String> stem =
        Optional.ofNullable((block == null ? TOP : family.layerParts()).get(part));
    String prefix = block == null ? "" : "model.layers." + block + ".";
    String ending = match.group(3) + Optional.ofNullable(match.group(4)).orElse("");
    return stem.map(found -> prefix + found + "." + ending).orElse(name);
  }

  /**
   * llama.cpp's name.
   *
   * @throws CheckpointException if llama.cpp has no such tensor
   */
  static String llamaCpp(GgufFamily family, String huggingFaceName) {
    Matcher match = HUGGING_FACE.matcher(huggingFaceName);
    if (match.matches()) {
      String layer = match.group(1);
      for (Map.Entry<String, String> entry : (layer == null ? TOP : family.layerParts()).entrySet()) {
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
