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
      Pattern.compile("(?:blk\\.(\\d{1,6})\\.)?([a-z_]+)\\.(weight|bias)");

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
        Optional.ofNullable(block == null ? TOP.get(part) : family.layerPart(part));
    String prefix = block == null ? "" : "model.layers." + block + ".";
    return stem.map(found -> prefix + found + "." + match.group(3)).orElse(name);
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
