package thanora.text;

import java.util.Arrays;

/**
 * A row as ids.
 *
 * @param ids prompt, completion and end of turn, or a whole conversation
 * @param trained whether each of them is learnt
 */
public record Encoded(int[] ids, boolean[] trained) {
  /** Refuses arrays of two lengths. */
  public Encoded {
    if (ids.length != trained.length) {
      throw new IllegalArgumentException(
          ids.length + " tokens and " + trained.length + " marks of which are trained");
    }
  }

  /**
   * A prompt and what is learnt behind it.
   *
   * @param promptLength how many ids, from the first, are given and not trained on
   */
  public Encoded(int[] ids, int promptLength) {
    this(ids, behind(promptLength, ids.length));
  }

  private static boolean[] behind(int promptLength, int length) {
    if (promptLength < 0 || promptLength > length) {
      throw new IllegalArgumentException(
          "prompt length " + promptLength + " is outside 0.." + length + ", the row's tokens");
    }
    boolean[] trained = new boolean[length];
    Arrays.fill(trained, promptLength, length, true);
    return trained;
  }

  /** How many ids stand before the first that is trained. */
  public int promptLength() {
    int length = 0;
    while (length < trained.length && !trained[length]) {
      length++;
    }
    return length;
  }
}
