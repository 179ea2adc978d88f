package thanora;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** Typed reading of keys; a bad value adds a line to the problems and counts as the default. */
final class RecipeValues {
  private static final Set<String> YES = Set.of("true", "yes", "on");
  private static final Set<String> NO = Set.of("false", "no", "off");
  private static final String NUMBER = "[-+]?(\\d[\\d_]*\\.?[\\d_]*|\\.\\d[\\d_]*)([eE][-+]?\\d+)?";

  private final String prefix;
  private final Map<String, RecipeNode> values;
  private final List<String> problems;

  /**
   * @param prefix what stands before a key in messages, as in {@code train.}
   * @param values by key without the prefix
   */
  RecipeValues(String prefix, Map<String, RecipeNode> values, List<String> problems) {
    this.prefix = prefix;
    this.values = values;
    this.problems = problems;
  }

  /** Whether the key is given and not null. */
  boolean has(String key) {
    return values.containsKey(key)
        && !(values.get(key) instanceof RecipeNode.Scalar scalar && scalar.absent());
  }

  /** Adds a problem of this key. */
  void problem(String key, String text) {
    problems.add(prefix + key + ": " + text);
  }

  private Optional<String> scalar(String key, String wanted) {
    if (!has(key)) {
      return Optional.empty();
    }
    if (values.get(key) instanceof RecipeNode.Scalar scalar) {
      return Optional.of(scalar.text());
    }
    problem(key, values.get(key).shown() + " is not " + wanted + "; give one value");
    return Optional.empty();
  }

  Optional<String> text(String key) {
    Optional<String> text = scalar(key, "text");
    if (text.isPresent() && text.get().isEmpty()) {
      problem(key, "is empty; give a value or leave the key out");
    }
    return text;
  }

  String text(String key, String fallback) {
    return text(key).orElse(fallback);
  }

  /** The text of a key in lower case; empty if it has none. */
  String word(String key) {
    return has(key) && values.get(key) instanceof RecipeNode.Scalar scalar
        ? scalar.text().toLowerCase(Locale.ROOT) : "";
  }

  /** One text or a list of texts. */
  List<String> texts(String key, List<String> fallback) {
    if (!has(key)) {
      return fallback;
    }
    List<String> texts = new ArrayList<>();
    if (!(values.get(key) instanceof RecipeNode.Items items)) {
      text(key).ifPresent(texts::add);
    } else {
      items.values().stream().filter(RecipeNode.Scalar.class::isInstance)
          .map(RecipeNode::shown).forEach(texts::add);
      if (texts.isEmpty() || texts.size() < items.values().size()) {
        problem(key, items.shown() + " is not a list of texts; leave the key out for the default");
      }
    }
    return texts.isEmpty() ? fallback : texts;
  }

  boolean isFields(String key) {
    return values.get(key) instanceof RecipeNode.Fields;
  }

  /** The keys below a key and their values; none where it is not there. */
  Map<String, RecipeNode> fields(String key) {
    if (!has(key) || isFields(key)) {
      return isFields(key) ? ((RecipeNode.Fields) values.get(key)).values() : Map.of();
    }
    problem(key, values.get(key).shown() + " is not a mapping; put keys with values below it");
    return Map.of();
  }

  /** A value of which no key says what it is: a boolean, a number, or text. */
  static Object guessed(String text) {
    String word = text.toLowerCase(Locale.ROOT);
    if (word.equals("true") || word.equals("false")) {
      return word.equals("true");
    }
    if (text.matches("[-+]?\\d{1,18}")) {
      return Long.parseLong(text);
    }
    return text.matches(NUMBER) ? (Object) Double.parseDouble(text.replace("_", "")) : text;
  }

  boolean flag(String key, boolean fallback) {
    Optional<String> text = scalar(key, "true or false");
    if (text.isEmpty()) {
      return fallback;
    }
    String word = text.get().toLowerCase(Locale.ROOT);
    if (!YES.contains(word) && !NO.contains(word)) {
      problem(key, text.get() + " is not true or false; leave it out for " + fallback);
      return fallback;
    }
    return YES.contains(word);
  }

  <E extends Enum<E>> E choice(String key, E fallback) {
    Optional<String> text = scalar(key, "a word");
    if (text.isEmpty()) {
      return fallback;
    }
    E[] choices = fallback.getDeclaringClass().getEnumConstants();
    String word = text.get().toLowerCase(Locale.ROOT).replace('-', '_');
    for (E choice : choices) {
      if (choice.name().toLowerCase(Locale.ROOT).equals(word)) {
        return choice;
      }
    }
    List<String> words = Arrays.stream(choices).map(RecipeKeys::word).toList();
    String near = RecipeKeys.nearest(word, words).map(w -> "; did you mean " + w + "?").orElse("");
    problem(key, text.get() + " is not one of " + String.join(", ", words) + near);
    return fallback;
  }

  /** A number whose range is said in words by the rule that names it. */
  double number(String key, double fallback, Range range) {
    Optional<String> text = scalar(key, "a number");
    if (text.isEmpty()) {
      return fallback;
    }
    if (!text.get().matches(NUMBER)) {
      problem(key, text.get() + " is not a number" + leaveOut(fallback));
      return fallback;
    }
    double value = Double.parseDouble(text.get().replace("_", ""));
    if (!range.holds(value)) {
      problem(key, text.get() + " is not " + range.words() + leaveOut(fallback));
      return fallback;
    }
    return value;
  }

  int integer(String key, int fallback, int least) {
    return (int) whole(key, fallback, least, Integer.MAX_VALUE);
  }

  long whole(String key, long fallback, long least, long most) {
    Optional<String> text = scalar(key, "a whole number");
    if (text.isEmpty()) {
      return fallback;
    }
    boolean off = NO.contains(text.get().toLowerCase(Locale.ROOT));
    if (off && least == 0) {
      return 0;
    }
    Optional<Long> value = parseWhole(text.get());
    if (value.isEmpty()) {
      problem(key, text.get() + " is not a whole number" + leaveOut(fallback));
      return fallback;
    }
    if (value.get() < least || value.get() > most) {
      String rule = value.get() < least ? "smaller than " + least : "larger than " + most;
      problem(key, text.get() + " is " + rule + leaveOut(fallback));
      return fallback;
    }
    return value.get();
  }

  private static Optional<Long> parseWhole(String text) {
    String digits = text.replace("_", "");
    if (digits.matches("[-+]?\\d{1,19}")) {
      try {
        return Optional.of(Long.parseLong(digits));
      } catch (NumberFormatException tooLong) {
        return Optional.empty();
      }
    }
    if (!text.matches(NUMBER)) {
      return Optional.empty();
    }
    double value = Double.parseDouble(digits);
    boolean exact = value == Math.rint(value) && Math.abs(value) < 1e15;
    return exact ? Optional.of((long) value) : Optional.empty();
  }

  /** A list of words; one scalar with commas counts as a list. */
  List<String> words(String key, List<String> fallback) {
    if (!has(key)) {
      return fallback;
    }
    List<String> words = new ArrayList<>();
    RecipeNode node = values.get(key);
    if (node instanceof RecipeNode.Scalar scalar) {
      Arrays.stream(scalar.text().split(",")).map(String::strip).forEach(words::add);
    } else if (node instanceof RecipeNode.Items items) {
      items.values().stream().map(RecipeNode::shown).forEach(words::add);
    }
    words.removeIf(String::isEmpty);
    if (words.isEmpty()) {
      problem(key, node.shown() + " is not a list of names; leave it out for "
          + fallback.stream().collect(Collectors.joining(", ")));
      return fallback;
    }
    return words;
  }

  /** As people write it: 2e-4, 0.03. */
  static String shown(double value) {
    return String.valueOf(value).replace(".0E", "e").replace('E', 'e');
  }

  private static String leaveOut(Number fallback) {
    boolean whole = fallback.doubleValue() == Math.rint(fallback.doubleValue());
    return "; leave it out for " + (whole ? String.valueOf(fallback.longValue()) : shown(fallback.doubleValue()));
  }

  /** Where a number may lie; both ends may be open. */
  enum Range {
    POSITIVE("greater than 0"),
    NOT_NEGATIVE("0 or greater"),
    AT_LEAST_ONE("1 or greater"),
    UNIT("between 0 and 1"),
    BELOW_ONE("0 or greater and smaller than 1"),
    ZERO("0, the only value so far");

    private final String words;

    Range(String words) {
      this.words = words;
    }

    String words() {
      return words;
    }

    boolean holds(double value) {
      boolean inside =
          switch (this) {
            case POSITIVE -> value > 0;
            case NOT_NEGATIVE -> value >= 0;
            case AT_LEAST_ONE -> value >= 1;
            case UNIT -> value >= 0 && value <= 1;
            case BELOW_ONE -> value >= 0 && value < 1;
            case ZERO -> value == 0;
          };
      return inside && Double.isFinite(value);
    }
  }
}
