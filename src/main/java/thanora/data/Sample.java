package thanora.data;

import java.util.Arrays;

/**
 * One row of one task, ready for a batch.
 *
 * @param task index of the task, from 0
 * @param row index of the row among the rows of its file, from 0
 * @param ids prompt, completion and end tokens
 * @param promptLength tokens at this index and later are trained on
 */
public record Sample(int task, int row, int[] ids, int promptLength) {
  public Sample {
    if (task < 0 || row < 0) {
      throw new IllegalArgumentException("task " + task + " and row " + row + " must be 0 or more");
    }
    if (promptLength < 0 || promptLength > ids.length) {
      throw new IllegalArgumentException(
          "prompt length " + promptLength + " is outside 0.." + ids.length + ", the row's tokens");
    }
  }

  /** The tokens of the prompt. */
  public int[] prompt() {
    return Arrays.copyOf(ids, promptLength);
  }

  /** How many tokens are predicted: those trained on, less a first token that nothing precedes. */
  public int labels() {
    return ids.length - Math.min(ids.length, Math.max(promptLength, 1));
  }
}
