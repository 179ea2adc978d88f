package thanora.data;

/**
 * One example as token ids: prompt, completion and end tokens.
 *
 * @param ids all tokens of the row
 * @param promptLength how many of them, from the first, are given and not trained on
 */
public record EncodedRow(int[] ids, int promptLength) {
  public EncodedRow {
    if (promptLength < 0 || promptLength > ids.length) {
      throw new IllegalArgumentException(
          "prompt length " + promptLength + " is outside 0.." + ids.length + ", the row's tokens");
    }
  }
}
