package thanora.checkpoint;

import java.util.Map;

/**
 * A decoder in a GGUF file.
 *
 * @param family its architecture
 * @param modules what Hugging Face's names of its layers start with: {@code model.}, or more as a part of a larger
 *     model
 * @param queryHeads heads of the queries
 * @param keyHeads heads of the keys
 * @param extras tensors of one dimension that are no weights, by their name in the file
 */
public record GgufTarget(
    GgufFamily family, String modules, int queryHeads, int keyHeads, Map<String, float[]> extras)
    implements GgufNaming {

  /** The name in {@code general.architecture}. */
  public String architecture() {
    return family.architecture();
  }

  /** Whether a tensor is the decoder's, not another part's of the larger model; Hugging Face's name. */
  public boolean holds(String name) {
    return name.startsWith(modules) || !name.startsWith(TextConfig.ALONE);
  }

  @Override
  public String name(String name) {
    return GgufNames.llamaCpp(
        family, name.startsWith(modules) ? TextConfig.ALONE + name.substring(modules.length()) : name);
  }

  @Override
  public String huggingFace(String name) {
    String alone = GgufNames.huggingFace(family, name);
    return alone.startsWith(TextConfig.ALONE) ? modules + alone.substring(TextConfig.ALONE.length()) : alone;
  }

  @Override
  public int heads(String name) {
    if (!family.interleavesHeads()) {
      return 0;
    }
    return GgufNames.isQuery(name) ? queryHeads : GgufNames.isKey(name) ? keyHeads : 0;
  }

  @Override
  public float added(String name) {
    return family.added(name);
  }
}
