package thanora.text;

/**
 * A prompt and its completion as ids.
 *
 * @param ids prompt, completion and end of turn
 * @param promptLength number of prompt ids: the index of the first token that is trained
 */
public record Encoded(int[] ids, int promptLength) {}
