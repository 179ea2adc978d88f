package thanora.data;

import java.util.List;

/**
 * One split of a task, as tokens and as text.
 *
 * @param samples the rows taken, in file order
 * @param rows their text: {@code rows.get(i)} is what {@code samples.get(i)} encodes
 */
public record Split(List<Sample> samples, List<Row> rows) {
  public Split {
    samples = List.copyOf(samples);
    rows = List.copyOf(rows);
    if (samples.size() != rows.size()) {
      throw new IllegalArgumentException(
          samples.size() + " samples and " + rows.size() + " rows of one split");
    }
  }

  /** A split without rows. */
  public static Split empty() {
    return new Split(List.of(), List.of());
  }

  /** How many rows the split has. */
  public int size() {
    return samples.size();
  }

  /** How many tokens are predicted in it. */
  public long labels() {
    return samples.stream().mapToLong(Sample::labels).sum();
  }
}
