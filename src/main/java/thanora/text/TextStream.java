package thanora.text;

import java.util.ArrayList;
import java.util.List;

/**
 * Tokens to text as they come, in pieces that together are what {@link Tokenizer#decode} makes of all of
 * them: a character made of several tokens is held back until it is whole. Special tokens are left out.
 */
public final class TextStream {
  private static final char UNFINISHED = '\uFFFD';

  private final Tokenizer tokenizer;
  // A decoder may treat the first token of a text otherwise, so what is new is decoded behind old tokens.
  private final List<Integer> ids = new ArrayList<>();
  private int from; // first token decoded
  private int given; // tokens whose text is given out

  /** The stream of one text. */
  public TextStream(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
  }

  /** The text that a further token adds; empty where a character is not whole yet. */
  public String next(int id) {
    if (!tokenizer.hasToken(id) || tokenizer.isSpecial(id)) {
      return ""; // an embedding may have rows that no token belongs to
    }
    ids.add(id);
    String more = more();
    if (more.isEmpty() || more.charAt(more.length() - 1) == UNFINISHED) {
      return "";
    }
    from = given;
    given = ids.size();
    return more;
  }

  /** What was held back, with � for what never became a character. */
  public String end() {
    String more = more();
    given = ids.size();
    from = given;
    return more;
  }

  private String more() {
    String before = decode(given);
    String all = decode(ids.size());
    return all.length() > before.length() ? all.substring(before.length()) : "";
  }

  private String decode(int to) {
    return tokenizer.decode(ids.subList(from, to).stream().mapToInt(Integer::intValue).toArray(), true);
  }
}
