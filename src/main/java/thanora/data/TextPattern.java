package thanora.data;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A text with places for columns, such as {@code Translate to French: {en}}; {@code {{} and {@code
 * }}} are braces.
 */
public final class TextPattern {
  private static final Pattern PART = Pattern.compile("\\{\\{|}}|\\{([^{}\\s]+)}|[{}]");

  /** Text as it stands, or the name of a column. */
  private record Part(String text, boolean isColumn) {}

  private final List<Part> parts = new ArrayList<>();

  /**
   * Reads a pattern.
   *
   * @throws IllegalArgumentException if a brace stands alone
   */
  public TextPattern(String pattern) {
    Matcher matcher = PART.matcher(pattern);
    int at = 0;
    while (matcher.find()) {
      parts.add(new Part(pattern.substring(at, matcher.start()), false));
      at = matcher.end();
      if (matcher.group(1) != null) {
        parts.add(new Part(matcher.group(1), true));
      } else if (matcher.group().length() == 2) {
        parts.add(new Part(matcher.group().substring(1), false));
      } else {
        throw new IllegalArgumentException("a " + matcher.group() + " stands alone at character "
            + at + "; write a column as {name}, a brace as " + matcher.group().repeat(2));
      }
    }
    parts.add(new Part(pattern.substring(at), false));
  }

  /** The text with each column's value in its place. */
  String fill(Function<String, String> column) {
    StringBuilder text = new StringBuilder();
    parts.forEach(part -> text.append(part.isColumn() ? column.apply(part.text()) : part.text()));
    return text.toString();
  }
}
