package thanora;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import thanora.data.DataCheck;
import thanora.data.DataReport.Images;
import thanora.data.DataReport.SplitReport;
import thanora.data.DataReport.TaskReport;
import thanora.data.Row;
import thanora.data.Sample;
import thanora.data.SampleEncoder;
import thanora.data.Split;
import thanora.data.TaskData;
import thanora.data.TaskSet;
import thanora.image.ImageSource;
import thanora.image.ModelImages;
import thanora.text.Encoded;
import thanora.text.Tokenizer;

/**
 * The rows of a recipe as its model will see them, and what is odd about them; no weights are read.
 *
 * @param maxLength most tokens of a row: train.max_length, or less where the model's context ends
 * @param tasks each task's splits and first training rows
 * @param check what is odd about the rows taken together
 * @param ignoredFields names of fields of the files that are of no use, by task
 */
public record DataPreview(
    int maxLength, List<Task> tasks, DataCheck check, Map<String, List<String>> ignoredFields) {

  /** A task: its counts by the name of the split, and some rows. */
  public record Task(String name, Map<String, Counts> splits, List<Shown> rows) {}

  /**
   * Counts of one split.
   *
   * @param tokens of the rows taken
   * @param trained those of them that are trained on
   * @param median tokens of half of the rows, at most
   * @param longest tokens of the longest row, before any was left out or cut
   * @param tooLong rows left out, since they are longer than max_length
   * @param cut rows cut to max_length
   * @param empty rows left out, since nothing of them would be trained
   * @param duplicates rows equal to an earlier one
   * @param images of its rows, each read in full
   */
  public record Counts(
      int rows, long tokens, long trained, int median, int longest, int tooLong, int cut, int empty,
      int duplicates, Images images) {}

  /**
   * A row.
   *
   * @param row its number among the rows of its files, from 1
   * @param images what they are called
   * @param pieces its text, cut where trained and given tokens meet; of the tokens of an image that follow one
   *     another the first with their number
   */
  public record Shown(int row, int tokens, int trained, List<String> images, List<Piece> pieces) {}

  /** Whether an image is missing or broken, or a row has another number of them than of places for them. */
  public boolean hasFaultyImages() {
    return tasks.stream().flatMap(task -> task.splits().values().stream())
        .anyMatch(split -> !split.images().faults().isEmpty());
  }

  /** Neighbouring tokens that are all trained, or all given. */
  public record Piece(String text, boolean trained) {}

  /**
   * Reads the rows of a recipe.
   *
   * @param rows training rows of each task to show
   */
  public static DataPreview of(Recipe recipe, int rows) {
    try (ModelText model = ModelText.open(recipe)) {
      return of(recipe, rows, model);
    }
  }

  static DataPreview of(Recipe recipe, int rows, ModelText model) {
    SampleEncoder encoder = new Looking(model.rows(), model.images());
    TaskSet set = Tasks.read(recipe, model.config().maxPositions(), Tasks.counted(recipe), true, encoder);
    List<Task> tasks = new ArrayList<>();
    Map<String, List<String>> ignored = new LinkedHashMap<>();
    for (int i = 0; i < set.tasks().size(); i++) {
      TaskReport report = set.report().tasks().get(i);
      tasks.add(task(set.tasks().get(i), report, rows, new TokenText(model.tokenizer(), encoder.imageToken())));
      if (!report.ignoredFields().isEmpty()) {
        ignored.put(report.task(), report.ignoredFields());
      }
    }
    int limit = Math.min(recipe.train().maxLength(), model.config().maxPositions());
    return new DataPreview(limit, tasks, DataCheck.of(set), ignored);
  }

  /** An encoder that makes pixels of every image first, so that a broken one is found. */
  private record Looking(SampleEncoder encoder, Optional<ModelImages> model) implements SampleEncoder {
    @Override
    public Encoded encode(Row row) {
      model.ifPresent(images -> row.images().forEach(images.processor()::pixels));
      return encoder.encode(row);
    }

    @Override
    public OptionalInt imageToken() {
      return encoder.imageToken();
    }
  }

  private static Task task(TaskData task, TaskReport report, int rows, TokenText text) {
    Map<String, Counts> splits = new LinkedHashMap<>();
    put(splits, "train", task.train(), report.train());
    put(splits, "validation", task.validation(), report.validation());
    put(splits, "test", task.test(), report.test());
    return new Task(task.name(), splits, task.train().samples().stream().limit(rows)
        .map(sample -> shown(sample, text)).toList());
  }

  private static void put(
      Map<String, Counts> splits, String name, Split split, SplitReport report) {
    if (split.size() > 0 || !report.images().faults().isEmpty()) {
      int[] lengths = split.samples().stream().mapToInt(row -> row.ids().length).sorted().toArray();
      splits.put(name, new Counts(report.rows(), report.tokens(), report.trainedTokens(),
          lengths.length == 0 ? 0 : lengths[lengths.length / 2], report.longest(), report.dropped(),
          report.truncated(), report.unlabelled(), report.duplicates(), report.images()));
    }
  }

  /** Tokens as text. */
  private record TokenText(Tokenizer tokenizer, OptionalInt imageToken) {
    String of(int[] ids) {
      StringBuilder text = new StringBuilder();
      for (int start = 0; start < ids.length; ) {
        boolean image = isImage(ids[start]);
        int end = start + 1;
        while (end < ids.length && isImage(ids[end]) == image) {
          end++;
        }
        boolean many = image && end - start > 1;
        text.append(tokenizer.decode(Arrays.copyOfRange(ids, start, many ? start + 1 : end), false))
            .append(many ? "\u00d7" + (end - start) : "");
        start = end;
      }
      return text.toString();
    }

    private boolean isImage(int id) {
      return imageToken.isPresent() && imageToken.getAsInt() == id;
    }
  }

  private static Shown shown(Sample sample, TokenText text) {
    List<Piece> pieces = new ArrayList<>();
    boolean[] trained = sample.trained();
    for (int start = 0; start < trained.length; ) {
      int end = start;
      while (end < trained.length && trained[end] == trained[start]) {
        end++;
      }
      pieces.add(new Piece(text.of(Arrays.copyOfRange(sample.ids(), start, end)), trained[start]));
      start = end;
    }
    return new Shown(sample.row() + 1, sample.ids().length, sample.labels(),
        sample.images().stream().map(ImageSource::name).toList(), pieces);
  }
}
