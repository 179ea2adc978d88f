package thanora.data;

import java.util.Arrays;
import java.util.List;
import thanora.image.ImageSource;
import thanora.text.Encoded;

/**
 * One row of one task, ready for a batch.
 *
 * @param task index of the task, from 0
 * @param row index of the row among the rows of its files, from 0
 * @param ids prompt, completion and end tokens, or a whole conversation
 * @param trained whether each of them is trained on
 * @param images what its image tokens stand for, in their order
 */
public record Sample(int task, int row, int[] ids, boolean[] trained, List<ImageSource> images) {
  public Sample {
    images = List.copyOf(images);
    if (task < 0 || row < 0) {
      throw new IllegalArgumentException("task " + task + " and row " + row + " must be 0 or more");
    }
    if (ids.length != trained.length) {
      throw new IllegalArgumentException(
          ids.length + " tokens and " + trained.length + " marks of which are trained");
    }
  }

  /** A sample of text alone. */
  public Sample(int task, int row, int[] ids, boolean[] trained) {
    this(task, row, ids, trained, List.of());
  }

  /** A sample of text alone whose tokens from {@code promptLength} on are trained on. */
  public Sample(int task, int row, int[] ids, int promptLength) {
    this(task, row, ids, new Encoded(ids, promptLength).trained());
  }

  /** How many tokens stand before the first that is trained on. */
  public int promptLength() {
    return new Encoded(ids, trained).promptLength();
  }

  /** The tokens before the first that is trained on. */
  public int[] prompt() {
    return Arrays.copyOf(ids, promptLength());
  }

  /** How many tokens are predicted: those trained on, less a first token that nothing precedes. */
  public int labels() {
    int labels = 0;
    for (int i = 1; i < ids.length; i++) {
      labels += trained[i] ? 1 : 0;
    }
    return labels;
  }
}
