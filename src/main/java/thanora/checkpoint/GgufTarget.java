package thanora.checkpoint;

import java.util.Map;

/**
 * How a GGUF file names a model's tensors and orders their rows.
 *
 * @param architecture the name in {@code general.architecture}
 * @param queryHeads heads whose query rows are interleaved; 0 where rows keep their order
 * @param keyHeads the same for keys
 * @param extras tensors of one dimension that are no weights, by their name in the file
 */
public record GgufTarget(
    String architecture, int queryHeads, int keyHeads, Map<String, float[]> extras) {

  /**
   * The name of a tensor in the file.
   *
   * @param name Hugging Face's
   * @throws CheckpointException if llama.cpp has no such tensor
   */
  public String name(String name) {
    return GgufNames.llamaCpp(name);
  }

  /** The heads that a tensor's rows are interleaved by, 0 if they are not; Hugging Face's name. */
  public int heads(String name) {
    return GgufNames.isQuery(name) ? queryHeads : GgufNames.isKey(name) ? keyHeads : 0;
  }
}
