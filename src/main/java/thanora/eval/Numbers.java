package thanora.eval;

import java.util.OptionalDouble;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Numbers in running text. */
final class Numbers {
  /**
   * Digits, perhaps in groups of thousands, a fraction, an exponent. A minus is a sign only where
   * it does not subtract: not after a digit, a letter or a closing bracket.
   */
  private static final Pattern NUMBER =
      Pattern.compile(
          "(?:(?<![\\p{L}\\d).\\]])[-\u2212])?"
              + "(?:(?:\\d{1,3}(?:,\\d{3})++(?!\\d)|\\d++)(?:\\.\\d++)?|\\.\\d++)"
              + "(?:[eE][-+]?\\d{1,3}(?!\\d))?");

  private Numbers() {}

  /** The last number of a text. */
  static OptionalDouble last(String text) {
    Matcher matcher = NUMBER.matcher(text);
    OptionalDouble last = OptionalDouble.empty();
    while (matcher.find()) {
      String plain = matcher.group().replace(",", "").replace('\u2212', '-');
      last = OptionalDouble.of(Double.parseDouble(plain));
    }
    return last;
  }
}
