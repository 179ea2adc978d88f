package thanora.serve;

import java.util.List;

/**
 * What a text grew by.
 *
 * @param index of the text in its request
 * @param text may be empty
 * @param tokens tokens of the text so far
 * @param logprobs of the tokens that the piece is made of, where asked for
 * @param finish {@code stop} or {@code length} where this is the last piece, else empty
 */
public record Piece(int index, String text, int tokens, List<Logprob> logprobs, String finish) {
  /** Whether the text ends here. */
  public boolean isLast() {
    return !finish.isEmpty();
  }

  /**
   * The model's log p of a token, before temperature, penalties and biases.
   *
   * @param top the likeliest tokens at its place, with empty lists of their own
   */
  public record Logprob(int id, double logprob, List<Logprob> top) {}
}
