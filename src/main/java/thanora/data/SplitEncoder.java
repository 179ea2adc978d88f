package thanora.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;
import thanora.data.DataReport.SplitReport;
import thanora.image.ImageException;
import thanora.text.Encoded;
import thanora.text.TokenizerException;
import thanora.text.jinja.TemplateException;

/** Encodes the chosen rows of one split under the length rule, and counts. */
final class SplitEncoder {
  private final String name;
  private final int task;
  private final ReadOptions options;

  private final List<Sample> samples = new ArrayList<>();
  private final List<Row> rows = new ArrayList<>();
  private int tooLong;
  private Place firstTooLong;
  private int dropped;
  private int truncated;
  private int unlabelled;
  private int longest;
  private final List<String> faultyImages = new ArrayList<>();
  private int imageRows;
  private int images;
  private long imageTokens;

  /**
   * Starts a split.
   *
   * @param name the task's and the split's name, for messages
   */
  SplitEncoder(String name, int task, ReadOptions options) {
    this.name = name;
    this.task = task;
    this.options = options;
  }

  /** Encodes the rows of these indices, on all cores; which of several faults is said is the first's. */
  Split encode(List<RowFiles.Line> lines, int[] chosen, SampleEncoder encoder) {
    List<Outcome> outcomes = IntStream.of(chosen).parallel()
        .mapToObj(index -> Outcome.of(lines.get(index), index, encoder)).toList();
    for (Outcome outcome : outcomes) {
      if (outcome.fault.isEmpty()) {
        outcome.encoded.ifPresentOrElse(
            encoded -> add(outcome.line, outcome.index, encoded, encoder.imageToken()), () -> unlabelled++);
      } else if (options.countsFaultyImages() && outcome.fault.get().getCause() instanceof ImageException) {
        faultyImages.add(outcome.fault.get().getMessage());
      } else {
        throw outcome.fault.get();
      }
    }
    if (tooLong > 0 && options.longRows() == LongRows.REFUSE) {
      throw new DataException(
          String.format(
              Locale.ROOT,
              "%s: %d of %d rows are longer than %d tokens, the longest %d, the first at %s;"
                  + " raise the max length, or have long rows dropped or truncated",
              name, tooLong, chosen.length, options.maxLength(), longest, firstTooLong));
    }
    if (samples.isEmpty() && faultyImages.isEmpty()) {
      throw new DataException(
          String.format(
              Locale.ROOT,
              "%s: none of the %d rows is left: %d too long for %d tokens, %d without a token"
                  + " to train on; raise the max length or mend the rows",
              name, chosen.length, dropped, options.maxLength(), unlabelled));
    }
    return new Split(samples, rows);
  }

  /** The counts, once encoded. */
  SplitReport report(Set<Row.Asked> inTrain) {
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
        (int) rows.stream().filter(row -> inTrain.contains(row.asked())).count(),
        new DataReport.Images(imageRows, images, imageTokens, faultyImages));
  }

  /** A row's tokens, none where it has nothing to train on; or why there are none. */
  private record Outcome(RowFiles.Line line, int index, Optional<Encoded> encoded, Optional<DataException> fault) {
    static Outcome of(RowFiles.Line line, int index, SampleEncoder encoder) {
      try {
        boolean empty = line.row().completion().isBlank();
        return new Outcome(
            line, index, empty ? Optional.empty() : Optional.of(encoder.encode(line.row())), Optional.empty());
      } catch (TokenizerException | TemplateException | ImageException e) {
        String place = line.place() + ": ";
        boolean named = e.getMessage().startsWith(place); // as images are
        return new Outcome(line, index, Optional.empty(),
            Optional.of(new DataException(named ? e.getMessage() : place + e.getMessage(), e)));
      }
    }
  }

  private void add(RowFiles.Line line, int index, Encoded encoded, OptionalInt imageToken) {
    int limit = options.maxLength();
    int[] ids = encoded.ids();
    boolean[] trained = encoded.trained();
    longest = Math.max(longest, ids.length);
    boolean isLong = ids.length > limit;
    if (isLong) {
      firstTooLong = tooLong++ == 0 ? line.place() : firstTooLong;
      if (options.longRows() != LongRows.TRUNCATE || encoded.promptLength() >= limit
          || imagesIn(Arrays.copyOfRange(ids, limit, ids.length), imageToken) > 0) {
        dropped++;
        return;
      }
      ids = Arrays.copyOf(ids, limit);
      trained = Arrays.copyOf(trained, limit);
    }
    Sample sample = new Sample(task, index, ids, trained, line.row().images());
    if (sample.labels() == 0) {
      unlabelled++;
      return;
    }
    truncated += isLong ? 1 : 0;
    samples.add(sample);
    rows.add(line.row());
    imageRows += sample.images().isEmpty() ? 0 : 1;
    images += sample.images().size();
    imageTokens += imagesIn(ids, imageToken);
  }

  private static long imagesIn(int[] ids, OptionalInt imageToken) {
    return imageToken.isEmpty() ? 0 : IntStream.of(ids).filter(id -> id == imageToken.getAsInt()).count();
  }
}
