package thanora.data;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import thanora.data.DataReport.SplitReport;

/** Encodes the chosen rows of one split under the length rule, and counts. */
final class SplitEncoder {
  private final String name;
  private final Path file;
  private final int task;
  private final ReadOptions options;

  private final List<Sample> samples = new ArrayList<>();
  private final List<Row> rows = new ArrayList<>();
  private int tooLong;
  private int firstTooLong;
  private int dropped;
  private int truncated;
  private int unlabelled;
  private int longest;

  /**
   * Starts a split.
   *
   * @param name the task's and the split's name, for messages
   */
  SplitEncoder(String name, Path file, int task, ReadOptions options) {
    this.name = name;
    this.file = file;
    this.task = task;
    this.options = options;
  }

  /** Encodes the rows of these indices. */
  Split encode(List<JsonlReader.Line> lines, int[] chosen, SampleEncoder encoder) {
    for (int index : chosen) {
      JsonlReader.Line line = lines.get(index);
      add(line, index, encoder.encode(line.row()));
    }
    if (tooLong > 0 && options.longRows() == LongRows.REFUSE) {
      throw new DataException(
          String.format(
              Locale.ROOT,
              "%s: %d of %d rows are longer than %d tokens, the longest %d, the first at %s:%d;"
                  + " raise the max length, or have long rows dropped or truncated",
              name, tooLong, chosen.length, options.maxLength(), longest, file, firstTooLong));
    }
    if (samples.isEmpty()) {
      throw new DataException(
          String.format(
              Locale.ROOT,
              "%s: none of the %d rows of %s is left: %d too long for %d tokens, %d without a token"
                  + " to train on; raise the max length or mend the rows",
              name, chosen.length, file, dropped, options.maxLength(), unlabelled));
    }
    return new Split(samples, rows);
  }

  /** The counts, once encoded. */
  SplitReport report(Set<String> trainPrompts) {
    Set<Row> distinct = new HashSet<>(rows);
    return new SplitReport(
        rows.size(),
        dropped,
        truncated,
        unlabelled,
        samples.stream().mapToLong(sample -> sample.ids().length).sum(),
        samples.stream().mapToLong(Sample::labels).sum(),
        longest,
        rows.size() - distinct.size(),
        (int) rows.stream().filter(row -> trainPrompts.contains(row.prompt())).count());
  }

  private void add(JsonlReader.Line line, int index, EncodedRow encoded) {
    int limit = options.maxLength();
    int[] ids = encoded.ids();
    longest = Math.max(longest, ids.length);
    boolean isLong = ids.length > limit;
    if (isLong) {
      firstTooLong = tooLong++ == 0 ? line.number() : firstTooLong;
      if (options.longRows() != LongRows.TRUNCATE || encoded.promptLength() >= limit) {
        dropped++;
        return;
      }
      ids = Arrays.copyOf(ids, limit);
    }
    Sample sample = new Sample(task, index, ids, encoded.promptLength());
    if (sample.labels() == 0) {
      unlabelled++;
      return;
    }
    truncated += isLong ? 1 : 0;
    samples.add(sample);
    rows.add(line.row());
  }
}
