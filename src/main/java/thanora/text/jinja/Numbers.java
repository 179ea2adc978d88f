package thanora.text.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.Map;
import java.util.Optional;

/** The filters that make or change numbers. */
final class Numbers {
  /** Longer digit strings are no int in Python either. */
  private static final int MAX_DIGITS = 4300;

  private Numbers() {}

  static Object toInt(Object value, Arguments arguments) {
    Map<String, Object> bound = arguments.bind("int", "default?", "base?");
    Object otherwise = bound.getOrDefault("default", 0L);
    int base = (int) Values.integer(bound.getOrDefault("base", 10L), "base");
    if (Values.isInteger(value)) {
      return Values.integer(value, "int");
    }
    if (value instanceof String text) {
      Optional<BigInteger> whole = whole(text, base);
      return whole.isPresent() ? (Object) exact(whole.get()) : truncated(text, otherwise);
    }
    return value instanceof Double number
        ? truncated(number, otherwise)
        : refused(value, otherwise);
  }

  static Object toFloat(Object value, Arguments arguments) {
    Object otherwise = arguments.bind("float", "default?").getOrDefault("default", 0.0);
    if (Values.isNumber(value)) {
      return Values.number(value);
    }
    if (value instanceof String text) {
      Optional<Double> number = real(text);
      return number.isPresent() ? (Object) number.get() : otherwise;
    }
    return refused(value, otherwise);
  }

  private static Object refused(Object value, Object otherwise) {
    Values.refuseUndefined(value);
    return otherwise;
  }

  private static Optional<BigInteger> whole(String text, int base) {
    String digits = strip(text);
    if (base < 2 || base > 36 || digits.length() > MAX_DIGITS
        || !digits.matches("[+-]?[0-9a-zA-Z](_?[0-9a-zA-Z])*")) {
      return Optional.empty();
    }
    try {
      return Optional.of(new BigInteger(digits.replace("_", ""), base));
    } catch (NumberFormatException notInBase) {
      return Optional.empty();
    }
  }

  private static Optional<Double> real(String text) {
    String number = strip(text);
    if (number.matches("(?i)[+-]?(inf|infinity|nan)")) {
      String name = number.toLowerCase(java.util.Locale.ROOT);
      return Optional.of(name.endsWith("nan") ? Double.NaN
          : name.startsWith("-") ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY);
    }
    String digits = "\\d(_?\\d)*";
    String mantissa = digits + "\\.?(" + digits + ")?|\\." + digits;
    String form = "[+-]?(" + mantissa + ")([eE][+-]?" + digits + ")?";
    return number.matches(form)
        ? Optional.of(Double.parseDouble(number.replace("_", "")))
        : Optional.empty();
  }

  private static String strip(String text) {
    return Strings.stripRight(Strings.stripLeft(text, null), null);
  }

  private static Object truncated(String text, Object otherwise) {
    Optional<Double> number = real(text);
    return number.isPresent() ? truncated(number.get(), otherwise) : otherwise;
  }

  private static Object truncated(double number, Object otherwise) {
    return Double.isNaN(number) || Double.isInfinite(number)
        ? otherwise
        : (Object) exact(new BigDecimal(number).toBigInteger());
  }

  private static long exact(BigInteger number) {
    try {
      return number.longValueExact();
    } catch (ArithmeticException tooLarge) {
      throw new TemplateException("integer over 64 bits");
    }
  }

  static Object abs(Object value, Arguments arguments) {
    arguments.bind("abs");
    if (!Values.isNumber(value)) {
      throw Values.wrongType("abs", "a number", value);
    }
    return Values.isInteger(value)
        ? (Object) Math.absExact(Values.integer(value, "abs"))
        : Math.abs(Values.number(value));
  }

  /** Rounds half to even on the exact binary value, as Python does. */
  static Object round(Object value, Arguments arguments) {
    Map<String, Object> bound = arguments.bind("round", "precision?", "method?");
    long asked = Values.integer(bound.getOrDefault("precision", 0L), "precision");
    int precision = (int) Math.max(-400, Math.min(400, asked));
    String method = Text.str(bound.getOrDefault("method", "common"));
    if (!Values.isNumber(value)) {
      throw Values.wrongType("round", "a number", value);
    }
    double number = Values.number(value);
    switch (method) {
      case "common":
        BigDecimal rounded = new BigDecimal(number).setScale(precision, RoundingMode.HALF_EVEN);
        return Values.isInteger(value)
            ? (Object) exact(rounded.toBigInteger())
            : rounded.doubleValue();
      case "ceil":
        return Math.ceil(number * Math.pow(10, precision)) / Math.pow(10, precision);
      case "floor":
        return Math.floor(number * Math.pow(10, precision)) / Math.pow(10, precision);
      default:
        throw new TemplateException("round method '" + method + "'; use common, ceil or floor");
    }
  }
}
