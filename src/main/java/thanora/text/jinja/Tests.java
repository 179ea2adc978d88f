package thanora.text.jinja;

import java.util.List;
import java.util.Map;
import java.util.Set;

/** The tests behind {@code is}, {@code select} and {@code reject}. */
final class Tests {
  private static final Map<String, String> BINARY = Map.ofEntries(
      Map.entry("eq", "=="), Map.entry("==", "=="), Map.entry("equalto", "=="),
      Map.entry("ne", "!="), Map.entry("!=", "!="),
      Map.entry("lt", "<"), Map.entry("<", "<"), Map.entry("lessthan", "<"),
      Map.entry("le", "<="), Map.entry("<=", "<="),
      Map.entry("gt", ">"), Map.entry(">", ">"), Map.entry("greaterthan", ">"),
      Map.entry("ge", ">="), Map.entry(">=", ">="), Map.entry("in", "in"));
  private static final Set<String> UNARY = Set.of(
      "defined", "undefined", "none", "string", "number", "integer", "float", "mapping",
      "sequence", "iterable", "boolean", "true", "false", "odd", "even", "callable", "lower",
      "upper");

  private Tests() {}

  static void require(String name, int line) {
    if (!BINARY.containsKey(name) && !UNARY.contains(name)
        && !Set.of("divisibleby", "sameas").contains(name)) {
      throw new TemplateException(line, "test '" + name + "' is unknown");
    }
  }

  static boolean passes(String name, Object value, Arguments arguments) {
    require(name, 0);
    if (UNARY.contains(name)) {
      arguments.bind("test " + name);
      return unary(name, value);
    }
    Object other = arguments.bind("test " + name, "other").get("other");
    if (BINARY.containsKey(name)) {
      return Arithmetic.holds(BINARY.get(name), value, other);
    }
    if (name.equals("divisibleby")) {
      return Values.equal(Arithmetic.apply("%", value, other), 0L);
    }
    return value == other || (value != null && !(value instanceof List || value instanceof Map)
        && value.equals(other));
  }

  private static boolean unary(String name, Object value) {
    return switch (name) {
      case "defined" -> !(value instanceof Undefined);
      case "undefined" -> value instanceof Undefined;
      case "none" -> value == null;
      case "string" -> value instanceof String;
      case "number" -> Values.isNumber(value);
      case "integer" -> value instanceof Long;
      case "float" -> value instanceof Double;
      case "mapping" -> value instanceof Map;
      case "sequence" -> Values.hasLength(value) && !(value instanceof View);
      case "iterable" -> Values.isIterable(value);
      case "boolean" -> value instanceof Boolean;
      case "true" -> Boolean.TRUE.equals(value);
      case "false" -> Boolean.FALSE.equals(value);
      case "odd" -> Values.equal(Arithmetic.apply("%", value, 2L), 1L);
      case "even" -> Values.equal(Arithmetic.apply("%", value, 2L), 0L);
      case "callable" -> value instanceof Callable || value instanceof Undefined;
      case "lower" -> isCase(value, true);
      case "upper" -> isCase(value, false);
      default -> throw new TemplateException("test '" + name + "' is unknown");
    };
  }

  private static boolean isCase(Object value, boolean lower) {
    String text = Text.str(value);
    boolean wrong = text.codePoints()
        .anyMatch(lower ? Character::isUpperCase : Character::isLowerCase);
    return !wrong && text.codePoints()
        .anyMatch(lower ? Character::isLowerCase : Character::isUpperCase);
  }
}
