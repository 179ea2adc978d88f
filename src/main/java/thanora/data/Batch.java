package thanora.data;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import thanora.image.ImageSource;

/**
 * Rows of several tasks as one flat list of N tokens, without padding: rows are grouped by task, so
 * what belongs to a task is one segment of the tokens and one of the labels.
 *
 * <p>A label is a token that is predicted: token i is labelled where token i + 1 is of the same row
 * and trained on, so the last token of a row never is.
 *
 * @param ids (N) token ids
 * @param positions (N) index of a token in its row, from 0
 * @param rowStarts (rows + 1) first token of each row, then N
 * @param rowTasks (rows) task of each row, ascending
 * @param labelled (L) indices of the tokens whose next token is trained on, ascending
 * @param targets (L) the ids of those next tokens
 * @param targetTasks (L) their tasks, ascending
 * @param taskTokenStarts (tasks + 1) first token of each task, then N; a task may be empty
 * @param labelsByTask (tasks) how many labels each task has; they sum to L
 * @param images of all rows, in the order of their tokens
 */
public record Batch(
    int[] ids,
    int[] positions,
    int[] rowStarts,
    int[] rowTasks,
    int[] labelled,
    int[] targets,
    int[] targetTasks,
    int[] taskTokenStarts,
    int[] labelsByTask,
    List<RowImage> images) {

  /** An image of a row, which counts from 0 in its batch. */
  public record RowImage(int row, ImageSource image) {}

  /**
   * Lays samples side by side, tasks ascending and samples of one task in the given order.
   *
   * @param tasks how many tasks there are, with or without rows here
   * @throws IllegalArgumentException if there is no sample, an empty one, or one of another task
   */
  public static Batch of(List<Sample> samples, int tasks) {
    check(samples, tasks);
    List<Sample> rows = groupedByTask(samples);
    int tokens = 0;
    int labels = 0;
    for (Sample row : rows) {
      tokens = Math.addExact(tokens, row.ids().length);
      labels += row.labels();
    }
    Batch batch =
        new Batch(
            new int[tokens],
            new int[tokens],
            new int[rows.size() + 1],
            new int[rows.size()],
            new int[labels],
            new int[labels],
            new int[labels],
            new int[tasks + 1],
            new int[tasks],
            images(rows));
    batch.fill(rows);
    return batch;
  }

  /**
   * Splits samples into micro-batches of at most {@code maxTokens} tokens, tasks ascending; a
   * sample of more tokens stands alone. Side by side the parts have the rows of the whole batch,
   * in its order.
   */
  public static List<List<Sample>> split(List<Sample> samples, int maxTokens) {
    if (maxTokens < 1) {
      throw new IllegalArgumentException("micro-batch of " + maxTokens + " tokens; at least 1");
    }
    List<List<Sample>> parts = new ArrayList<>();
    List<Sample> part = new ArrayList<>();
    long tokens = 0;
    for (Sample sample : groupedByTask(samples)) {
      if (!part.isEmpty() && tokens + sample.ids().length > maxTokens) {
        parts.add(List.copyOf(part));
        part.clear();
        tokens = 0;
      }
      part.add(sample);
      tokens += sample.ids().length;
    }
    if (!part.isEmpty()) {
      parts.add(List.copyOf(part));
    }
    return List.copyOf(parts);
  }

  /** Splits samples into micro-batches of at most {@code maxRows} rows, in the batch's order. */
  public static List<List<Sample>> splitRows(List<Sample> samples, int maxRows) {
    if (maxRows < 1) {
      throw new IllegalArgumentException("micro-batch of " + maxRows + " rows; at least 1");
    }
    List<Sample> rows = groupedByTask(samples);
    List<List<Sample>> parts = new ArrayList<>();
    for (int from = 0; from < rows.size(); from += maxRows) {
      parts.add(List.copyOf(rows.subList(from, Math.min(rows.size(), from + maxRows))));
    }
    return List.copyOf(parts);
  }

  /** N, the number of tokens. */
  public int tokens() {
    return ids.length;
  }

  /** The number of rows. */
  public int rows() {
    return rowTasks.length;
  }

  /** L, the number of labels. */
  public int labels() {
    return targets.length;
  }

  /** The number of tasks, with or without rows here. */
  public int tasks() {
    return labelsByTask.length;
  }

  /** Tokens of the longest row. */
  public int longestRow() {
    int longest = 0;
    for (int row = 0; row < rows(); row++) {
      longest = Math.max(longest, rowStarts[row + 1] - rowStarts[row]);
    }
    return longest;
  }

  private static void check(List<Sample> samples, int tasks) {
    if (samples.isEmpty()) {
      throw new IllegalArgumentException("a batch needs at least one sample");
    }
    for (Sample sample : samples) {
      if (sample.task() >= tasks) {
        throw new IllegalArgumentException(
            "sample of task " + sample.task() + " in a batch of " + tasks + " tasks, from 0");
      }
      if (sample.ids().length == 0) {
        throw new IllegalArgumentException(
            "row " + sample.row() + " of task " + sample.task() + " has no token");
      }
    }
  }

  private static List<Sample> groupedByTask(List<Sample> samples) {
    return samples.stream().sorted(Comparator.comparingInt(Sample::task)).toList();
  }

  private static List<RowImage> images(List<Sample> rows) {
    List<RowImage> images = new ArrayList<>();
    for (int row = 0; row < rows.size(); row++) {
      for (ImageSource image : rows.get(row).images()) {
        images.add(new RowImage(row, image));
      }
    }
    return List.copyOf(images);
  }

  private void fill(List<Sample> rows) {
    int token = 0;
    int label = 0;
    for (int row = 0; row < rows.size(); row++) {
      Sample sample = rows.get(row);
      int[] own = sample.ids();
      rowTasks[row] = sample.task();
      System.arraycopy(own, 0, ids, token, own.length);
      for (int i = 0; i < own.length; i++) {
        positions[token + i] = i;
        if (i + 1 < own.length && sample.trained()[i + 1]) {
          labelled[label] = token + i;
          targets[label] = own[i + 1];
          targetTasks[label] = sample.task();
          label++;
        }
      }
      labelsByTask[sample.task()] += sample.labels();
      taskTokenStarts[sample.task() + 1] += own.length;
      token += own.length;
      rowStarts[row + 1] = token;
    }
    for (int task = 0; task < tasks(); task++) {
      taskTokenStarts[task + 1] += taskTokenStarts[task];
    }
  }
}
