package thanora.text.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/** Python's operators on template values. An int beyond 64 bits is an error, never wrapped. */
final class Arithmetic {
  private static final int MAX_LIST = 1_000_000;

  private Arithmetic() {}

  static boolean holds(String operator, Object a, Object b) {
    return switch (operator) {
      case "==" -> Values.equal(a, b);
      case "!=" -> !Values.equal(a, b);
      case "<" -> Values.compare(a, b) < 0;
      case "<=" -> Values.compare(a, b) <= 0;
      case ">" -> Values.compare(a, b) > 0;
      case ">=" -> Values.compare(a, b) >= 0;
      case "in" -> Values.contains(b, a);
      case "not in" -> !Values.contains(b, a);
      default -> throw new TemplateException("unknown comparison '" + operator + "'");
    };
  }

  static Object apply(String operator, Object a, Object b) {
    if (operator.equals("~")) {
      return Strings.concat(Text.str(a), Text.str(b));
    }
    Values.refuseUndefined(a, b);
    if (Values.isNumber(a) && Values.isNumber(b)) {
      return Values.isInteger(a) && Values.isInteger(b)
          ? integers(operator, Values.integer(a, operator), Values.integer(b, operator))
          : floats(operator, Values.number(a), Values.number(b));
    }
    return switch (operator) {
      case "+" -> add(a, b);
      case "*" -> repeat(a, b);
      default -> throw unsupported(operator, a, b);
    };
  }

  private static Object integers(String operator, long a, long b) {
    try {
      return switch (operator) {
        case "+" -> Math.addExact(a, b);
        case "-" -> Math.subtractExact(a, b);
        case "*" -> Math.multiplyExact(a, b);
        case "/" -> (double) a / nonZero(b);
        case "//" -> Math.floorDiv(a, nonZero(b));
        case "%" -> Math.floorMod(a, nonZero(b));
        case "**" -> power(a, b);
        default -> throw new TemplateException("unknown operator '" + operator + "'");
      };
    } catch (ArithmeticException overflow) {
      throw new TemplateException("integer over 64 bits in '" + operator + "'");
    }
  }

  private static Object power(long a, long b) {
    if (b < 0) {
      return floats("**", a, b);
    }
    if (b > 64 && a != 0 && a != 1 && a != -1) {
      throw new ArithmeticException("overflow");
    }
    int exponent = b > 64 ? (int) (64 + b % 2) : (int) b;
    return BigInteger.valueOf(a).pow(exponent).longValueExact();
  }

  private static long nonZero(long divisor) {
    if (divisor == 0) {
      throw new TemplateException("division by zero");
    }
    return divisor;
  }

  private static Object floats(String operator, double a, double b) {
    if (b == 0 && List.of("/", "//", "%").contains(operator)) {
      throw new TemplateException("division by zero");
    }
    return switch (operator) {
      case "+" -> a + b;
      case "-" -> a - b;
      case "*" -> a * b;
      case "/" -> a / b;
      case "//" -> Math.floor((a - modulo(a, b)) / b + 0.5);
      case "%" -> modulo(a, b);
      case "**" -> {
        if ((a == 0 && b < 0) || (a < 0 && b != Math.rint(b))) {
          throw new TemplateException("'" + a + " ** " + b + "' is not a real number");
        }
        yield Math.pow(a, b);
      }
      default -> throw new TemplateException("unknown operator '" + operator + "'");
    };
  }

  /** Has the sign of the divisor, as in Python. */
  private static double modulo(double a, double b) {
    double rest = a % b;
    if (rest == 0) {
      return Math.copySign(0.0, b);
    }
    return rest < 0 != b < 0 ? rest + b : rest;
  }

  private static Object add(Object a, Object b) {
    if (a instanceof String x && b instanceof String y) {
      return Strings.concat(x, y);
    }
    boolean lists = a instanceof List && b instanceof List
        && !(a instanceof Range || b instanceof Range);
    if (!lists || a instanceof Tuple != b instanceof Tuple) {
      throw unsupported("+", a, b);
    }
    List<Object> sum = new ArrayList<>(Values.items(a));
    sum.addAll(Values.items(b));
    return grown(sum, a instanceof Tuple);
  }

  private static Object repeat(Object a, Object b) {
    Object sequence = Values.isInteger(b) ? a : b;
    Object times = Values.isInteger(b) ? b : a;
    if (!Values.isInteger(times) || sequence instanceof Range) {
      throw unsupported("*", a, b);
    }
    long count = Math.max(0, Values.integer(times, "*"));
    if (sequence instanceof String text) {
      return Strings.repeat(text, count);
    }
    if (!(sequence instanceof List<?> list)) {
      throw unsupported("*", a, b);
    }
    if (list.size() * (double) count > MAX_LIST) {
      throw new TemplateException("a list grows over " + MAX_LIST + " items");
    }
    List<Object> all = new ArrayList<>();
    for (long i = 0; i < count && !list.isEmpty(); i++) {
      all.addAll(list);
    }
    return grown(all, sequence instanceof Tuple);
  }

  private static Object grown(List<Object> items, boolean tuple) {
    if (items.size() > MAX_LIST) {
      throw new TemplateException("a list grows over " + MAX_LIST + " items");
    }
    return tuple ? new Tuple(items) : items;
  }

  private static TemplateException unsupported(String operator, Object a, Object b) {
    return new TemplateException("'" + operator + "' is not supported between '"
        + Values.typeName(a) + "' and '" + Values.typeName(b) + "'");
  }
}
