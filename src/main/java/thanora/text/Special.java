package thanora.text;

import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;

/**
 * The ids with a role of their own. What the model does not have is empty.
 *
 * @param bos begins a text
 * @param eos ends a text
 * @param pad fills a batch
 * @param unknown stands for text outside of the vocabulary
 * @param endIds every id at which generation stops; the eos belongs to it in any case
 */
public record Special(
    OptionalInt bos, OptionalInt eos, OptionalInt pad, OptionalInt unknown, Set<Integer> endIds) {
  /** Adds the eos to the end ids. */
  public Special {
    Set<Integer> ends = new TreeSet<>(endIds);
    eos.ifPresent(ends::add);
    endIds = Set.copyOf(ends);
  }
}
