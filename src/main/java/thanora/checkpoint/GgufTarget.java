package thanora.checkpoint;

import java.util.Map;

/**
 * How a GGUF file names a model's tensors, orders their rows and changes their values.
 *
 * @param family its architecture
 * @param queryHeads heads of the queries
 * @param keyHeads heads of the keys
 * @param extras tensors of one dimension that are no weights, by their name in the file
 */
public record GgufTarget(GgufFamily family, int queryHeads, int keyHeads, Map<String, float[]> extras) {

  /** The name in {@code general.architecture}. */
  public String architecture() {
    return family.architecture();
  }

  /**
   * The name of a tensor in the file.
   *
   * @param name Hugging Face's
   * @throws CheckpointException if llama.cpp has no such tensor
   */
  public String name(String name) {
    return GgufNames.llamaCpp(family, name);
  }

  /** The heads that a tensor's rows are interleaved by, 0 if they are not; Hugging Face's name. */
  public int heads(String name) {
    if (!family.interleavesHeads()) {
      return 0;
    }
    return GgufNames.isQuery(name) ? queryHeads : GgufNames.isKey(name) ? keyHeads : 0;
  }

  /** What the file's values are larger by; Hugging Face's name. */
  public float added(String name) {
    return family.added(name);
  }
}
