package thanora;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import thanora.data.DataCheck;
import thanora.data.DataReport.SplitReport;
import thanora.data.DataReport.TaskReport;
import thanora.data.Sample;
import thanora.data.Split;
import thanora.data.TaskData;
import thanora.data.TaskSet;
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
   */
  public record Counts(
      int rows, long tokens, long trained, int median, int longest, int tooLong, int cut, int empty,
      int duplicates) {}

  /**
   * A row.
   *
   * @param row its number among the rows of its files, from 1
   * @param pieces its text, cut where trained and given tokens meet
   */
  public record Shown(int row, int tokens, int trained, List<Piece> pieces) {}

  /** Neighbouring tokens that are all trained, or all given. */
  public record Piece(String text, boolean trained) {}

  /**
   * Reads the rows of a recipe.
   *
   * @param rows training rows of each task to show
   */
  public static DataPreview of(Recipe recipe, int rows) {
    try (ModelText model = ModelText.open(recipe)) {
      TaskSet set = Tasks.read(recipe, model.config().maxPositions(), Tasks.counted(recipe), model::encode);
      List<Task> tasks = new ArrayList<>();
      Map<String, List<String>> ignored = new LinkedHashMap<>();
      for (int i = 0; i < set.tasks().size(); i++) {
        TaskReport report = set.report().tasks().get(i);
        tasks.add(task(set.tasks().get(i), report, rows, model.tokenizer()));
        if (!report.ignoredFields().isEmpty()) {
          ignored.put(report.task(), report.ignoredFields());
        }
      }
      int limit = Math.min(recipe.train().maxLength(), model.config().maxPositions());
      return new DataPreview(limit, tasks, DataCheck.of(set), ignored);
    }
  }

  private static Task task(TaskData task, TaskReport report, int rows, Tokenizer tokenizer) {
    Map<String, Counts> splits = new LinkedHashMap<>();
    put(splits, "train", task.train(), report.train());
    put(splits, "validation", task.validation(), report.validation());
    put(splits, "test", task.test(), report.test());
    return new Task(task.name(), splits, task.train().samples().stream().limit(rows)
        .map(sample -> shown(sample, tokenizer)).toList());
  }

  private static void put(
      Map<String, Counts> splits, String name, Split split, SplitReport report) {
    if (split.size() > 0) {
      int[] lengths = split.samples().stream().mapToInt(row -> row.ids().length).sorted().toArray();
      splits.put(name, new Counts(report.rows(), report.tokens(), report.trainedTokens(),
          lengths[lengths.length / 2], report.longest(), report.dropped(), report.truncated(),
          report.unlabelled(), report.duplicates()));
    }
  }

  private static Shown shown(Sample sample, Tokenizer tokenizer) {
    List<Piece> pieces = new ArrayList<>();
    boolean[] trained = sample.trained();
    for (int start = 0; start < trained.length; ) {
      int end = start;
      while (end < trained.length && trained[end] == trained[start]) {
        end++;
      }
      pieces.add(new Piece(
          tokenizer.decode(Arrays.copyOfRange(sample.ids(), start, end), false), trained[start]));
      start = end;
    }
    return new Shown(sample.row() + 1, sample.ids().length, sample.labels(), pieces);
  }
}
