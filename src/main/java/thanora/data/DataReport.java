package thanora.data;

import java.util.ArrayList;
import java.util.List;

/** What was taken from each task's files, what was left out, and what looks odd; for the log. */
public record DataReport(List<TaskReport> tasks) {
  public DataReport {
    tasks = List.copyOf(tasks);
  }

  /**
   * One task.
   *
   * @param ignoredFields names of fields, beside prompt and completion, that its files have
   */
  public record TaskReport(
      String task,
      SplitReport train,
      SplitReport validation,
      SplitReport test,
      List<String> ignoredFields) {
    public TaskReport {
      ignoredFields = List.copyOf(ignoredFields);
    }
  }

  /**
   * The images of a split.
   *
   * @param rows rows taken that have some
   * @param count how many they have
   * @param tokens tokens of these rows that are vectors of an image
   * @param faults of rows left out, a line each, in the order of the rows
   */
  public record Images(int rows, int count, long tokens, List<String> faults) {
    /** Of rows of text. */
    public static final Images NONE = new Images(0, 0, 0, List.of());

    public Images {
      faults = List.copyOf(faults);
    }

    private String words(String split) {
      return split + ": " + count + " images in " + rows + " rows, " + tokens + " tokens";
    }
  }

  /**
   * One split of a task.
   *
   * @param rows rows taken
   * @param dropped rows left out because they are too long
   * @param truncated rows taken with the end of their completion cut off
   * @param unlabelled rows left out because they hold no token to train on
   * @param tokens tokens of the rows taken
   * @param trainedTokens those of them that are predicted
   * @param longest tokens of the longest row, before any was dropped or cut
   * @param duplicates rows taken that are equal, prompt and completion, to an earlier one
   * @param inTrain rows taken whose prompt is one of the task's training prompts; 0 for train
   * @param images those of its rows
   */
  public record SplitReport(
      int rows,
      int dropped,
      int truncated,
      int unlabelled,
      long tokens,
      long trainedTokens,
      int longest,
      int duplicates,
      int inTrain,
      Images images) {
    /** Without images. */
    public SplitReport(int rows, int dropped, int truncated, int unlabelled, long tokens, long trainedTokens,
        int longest, int duplicates, int inTrain) {
      this(rows, dropped, truncated, unlabelled, tokens, trainedTokens, longest, duplicates, inTrain, Images.NONE);
    }

    /** A split without rows. */
    public static SplitReport empty() {
      return new SplitReport(0, 0, 0, 0, 0, 0, 0, 0, 0);
    }

    /** What is odd about it, nothing in most cases. */
    private String oddities() {
      StringBuilder line = new StringBuilder();
      append(line, dropped, "too long and dropped");
      append(line, truncated, "cut to the limit");
      append(line, unlabelled, "without a token to train on and dropped");
      append(line, duplicates, "equal to an earlier one");
      append(line, inTrain, "with a prompt that is in train");
      append(line, images.faults().size(), "with a faulty image and left out");
      return line.toString();
    }

    private static void append(StringBuilder line, int count, String what) {
      if (count > 0) {
        line.append(line.isEmpty() ? "" : ", ").append(count).append(' ').append(what);
      }
    }
  }

  /** A table with a line a task, then a line for each split and task that is odd in some way. */
  public List<String> lines() {
    int name = tasks.stream().mapToInt(task -> task.task().length()).max().orElse(0);
    String layout = "%-" + Math.max(4, name) + "s  %10s  %9s  %12s  %7s  %7s";
    List<String> lines = new ArrayList<>();
    lines.add(String.format(
        layout, "task", "train rows", "test rows", "train tokens", "trained", "longest"));
    for (TaskReport task : tasks) {
      SplitReport train = task.train();
      int longest = Math.max(train.longest(),
          Math.max(task.validation().longest(), task.test().longest()));
      lines.add(String.format(layout, task.task(), train.rows(), task.test().rows(),
          train.tokens(), train.trainedTokens(), longest));
    }
    for (TaskReport task : tasks) {
      addOddities(lines, task.task() + " train", task.train());
      addOddities(lines, task.task() + " validation", task.validation());
      addOddities(lines, task.task() + " test", task.test());
      if (!task.ignoredFields().isEmpty()) {
        lines.add(task.task() + ": fields not used: " + String.join(", ", task.ignoredFields()));
      }
    }
    return lines;
  }

  private static void addOddities(List<String> lines, String name, SplitReport split) {
    if (split.images().count() > 0) {
      lines.add(split.images().words(name));
    }
    String oddities = split.oddities();
    if (!oddities.isEmpty()) {
      lines.add(name + ": " + oddities);
    }
  }
}
