package thanora.checkpoint;

import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** Whether a checkpoint holds exactly the tensors that its architecture has. */
public final class ExpectedTensors {
  private static final int SHOWN = 5;
  /** Buffers that older versions of transformers saved, computed anew by everyone. */
  private static final Set<String> BUFFERS =
      Set.of("rotary_emb.inv_freq", "attn.bias", "attn.masked_bias", "attention.masked_bias");

  private ExpectedTensors() {}

  /**
   * Checks names both ways.
   *
   * @param source what to name in messages
   * @return tensors that nobody expects and that are no known buffers, for a warning
   * @throws CheckpointException if a tensor is missing, with the first few and their number
   */
  public static List<String> check(String source, Weights weights, Collection<String> expected) {
    List<String> missing =
        expected.stream().filter(name -> !weights.names().contains(name)).toList();
    if (!missing.isEmpty()) {
      throw new CheckpointException(source + ": lacks " + listed(missing)
          + "; config.json and the weights are not of the same model");
    }
    Set<String> known = Set.copyOf(expected);
    return weights.names().stream()
        .filter(name -> !known.contains(name) && BUFFERS.stream().noneMatch(name::endsWith))
        .toList();
  }

  /** How many there are and the first few, for a message. */
  public static String listed(List<String> names) {
    return names.size() + (names.size() == 1 ? " tensor: " : " tensors: ")
        + names.stream().limit(SHOWN).collect(Collectors.joining(", "))
        + (names.size() > SHOWN ? ", ..." : "");
  }
}
