package thanora.text.jinja;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Python's rules for the values of a template: truth, equality, order, length, iteration.
 *
 * <p>None is null, int is Long, float is Double, str is String, list is List, dict is Map with
 * insertion order; {@link Tuple}, {@link Range}, {@link View}, {@link OneShot}, {@link Namespace},
 * {@link Undefined} and {@link Callable} are the rest.
 */
final class Values {
  private static final int MAX_DEPTH = 200;
  private static final int MAX_COMPARED = 1_000_000;

  private Values() {}

  /** A deep copy of a caller's value made of template values only. */
  static Object of(Object value) {
    return of(value, 0);
  }

  private static Object of(Object value, int depth) {
    if (depth > MAX_DEPTH) {
      throw new TemplateException("a variable is nested deeper than " + MAX_DEPTH);
    }
    if (value == null || value instanceof String || value instanceof Boolean
        || value instanceof Long || value instanceof Double) {
      return value;
    }
    if (value instanceof Integer || value instanceof Short || value instanceof Byte) {
      return ((Number) value).longValue();
    }
    if (value instanceof Float number) {
      return number.doubleValue();
    }
    if (value instanceof List<?> list) {
      List<Object> copy = new ArrayList<>(list.size());
      for (Object item : list) {
        copy.add(of(item, depth + 1));
      }
      return copy;
    }
    if (value instanceof Map<?, ?> map) {
      Map<Object, Object> copy = new LinkedHashMap<>();
      map.forEach((key, item) -> copy.put(of(key, depth + 1), of(item, depth + 1)));
      return copy;
    }
    throw new TemplateException(
        "a variable is of " + value.getClass() + "; give strings, numbers, lists and maps only");
  }

  static boolean truth(Object value) {
    if (value == null || value instanceof Undefined) {
      return false;
    }
    if (value instanceof Boolean bool) {
      return bool;
    }
    if (value instanceof Long number) {
      return number != 0;
    }
    if (value instanceof Double number) {
      return number != 0;
    }
    return !hasLength(value) || length(value) > 0;
  }

  static boolean isNumber(Object value) {
    return value instanceof Long || value instanceof Double || value instanceof Boolean;
  }

  static boolean isInteger(Object value) {
    return value instanceof Long || value instanceof Boolean;
  }

  static long integer(Object value, String what) {
    if (value instanceof Boolean bool) {
      return bool ? 1 : 0;
    }
    if (value instanceof Long number) {
      return number;
    }
    throw wrongType(what, "an integer", value);
  }

  static double number(Object value) {
    return isInteger(value) ? integer(value, "number") : (Double) value;
  }

  static boolean hasLength(Object value) {
    return value instanceof String || value instanceof List || value instanceof Map
        || value instanceof View || value instanceof Undefined;
  }

  static int length(Object value) {
    if (value instanceof String text) {
      return text.codePointCount(0, text.length());
    }
    if (value instanceof List<?> list) {
      return list.size();
    }
    if (value instanceof Map<?, ?> map) {
      return map.size();
    }
    if (value instanceof View view) {
      return view.items().size();
    }
    if (value instanceof Undefined) {
      return 0;
    }
    throw new TemplateException("'" + typeName(value) + "' has no length");
  }

  static boolean isIterable(Object value) {
    return hasLength(value) || value instanceof OneShot;
  }

  /** The items that a Python for loop over the value sees; a generator is used up. */
  @SuppressWarnings("unchecked")
  static List<Object> items(Object value) {
    if (value instanceof List<?> list) {
      return (List<Object>) list;
    }
    if (value instanceof String text) {
      return Strings.characters(text);
    }
    if (value instanceof Map<?, ?> map) {
      return new ArrayList<>(map.keySet());
    }
    if (value instanceof View view) {
      return view.items();
    }
    if (value instanceof Undefined) {
      return List.of();
    }
    if (value instanceof OneShot generator) {
      List<Object> rest = new ArrayList<>();
      generator.rest().forEachRemaining(rest::add);
      return rest;
    }
    throw new TemplateException("'" + typeName(value) + "' cannot be iterated");
  }

  static boolean equal(Object a, Object b) {
    return equal(a, b, new int[] {MAX_COMPARED});
  }

  /** Lists that hold each other many times over would take forever to compare: hence the budget. */
  private static boolean equal(Object a, Object b, int[] budget) {
    if (--budget[0] < 0) {
      throw new TemplateException("more than " + MAX_COMPARED + " values to compare");
    }
    if (a == null || b == null) {
      return a == b;
    }
    if (isNumber(a) && isNumber(b)) {
      return isInteger(a) && isInteger(b)
          ? integer(a, "number") == integer(b, "number")
          : number(a) == number(b);
    }
    if (a instanceof Undefined && b instanceof Undefined) {
      return true;
    }
    if (a instanceof List<?> x && b instanceof List<?> y) {
      return a instanceof Tuple == b instanceof Tuple
          && a instanceof Range == b instanceof Range && equalItems(x, y, budget);
    }
    if (a instanceof Map<?, ?> x && b instanceof Map<?, ?> y) {
      return x.size() == y.size() && x.entrySet().stream()
          .allMatch(e -> y.containsKey(e.getKey())
              && equal(e.getValue(), y.get(e.getKey()), budget));
    }
    return a instanceof String ? a.equals(b) : a == b;
  }

  private static boolean equalItems(List<?> a, List<?> b, int[] budget) {
    if (a.size() != b.size()) {
      return false;
    }
    Iterator<?> other = b.iterator();
    return a.stream().allMatch(item -> equal(item, other.next(), budget));
  }

  /** Negative, 0 or positive; strings by code point, lists item by item. */
  static int compare(Object a, Object b) {
    refuseUndefined(a, b);
    if (isNumber(a) && isNumber(b)) {
      return isInteger(a) && isInteger(b)
          ? Long.compare(integer(a, "number"), integer(b, "number"))
          : Double.compare(number(a) + 0.0, number(b) + 0.0);
    }
    if (a instanceof String x && b instanceof String y) {
      return Arrays.compare(x.codePoints().toArray(), y.codePoints().toArray());
    }
    boolean ranges = a instanceof Range || b instanceof Range;
    if (a instanceof List<?> x && b instanceof List<?> y && !ranges
        && a instanceof Tuple == b instanceof Tuple) {
      for (int i = 0; i < Math.min(x.size(), y.size()); i++) {
        if (!equal(x.get(i), y.get(i))) {
          return compare(x.get(i), y.get(i));
        }
      }
      return Integer.compare(x.size(), y.size());
    }
    throw new TemplateException(
        "'" + typeName(a) + "' and '" + typeName(b) + "' cannot be compared by size");
  }

  static boolean contains(Object container, Object item) {
    if (container instanceof String text) {
      refuseUndefined(item);
      if (item instanceof String part) {
        return text.contains(part);
      }
      throw wrongType("'in' a string", "a string", item);
    }
    if (container instanceof Map<?, ?> map) {
      return map.containsKey(key(item));
    }
    return items(container).stream().anyMatch(other -> equal(other, item));
  }

  /** A value as a dict key. Tuples are not allowed: a deep one would take forever to hash. */
  static Object key(Object value) {
    if (value instanceof Map || value instanceof List || value instanceof OneShot) {
      throw new TemplateException("'" + typeName(value) + "' cannot be a dict key");
    }
    return value;
  }

  static void refuseUndefined(Object... values) {
    for (Object value : values) {
      if (value instanceof Undefined undefined) {
        throw undefined.error();
      }
    }
  }

  static TemplateException wrongType(String what, String wanted, Object got) {
    return got instanceof Undefined undefined
        ? undefined.error()
        : new TemplateException(what + " needs " + wanted + ", got '" + typeName(got) + "'");
  }

  static String typeName(Object value) {
    if (value == null) {
      return "None";
    }
    if (value instanceof String) {
      return "str";
    }
    if (value instanceof Boolean) {
      return "bool";
    }
    if (value instanceof Long) {
      return "int";
    }
    if (value instanceof Double) {
      return "float";
    }
    if (value instanceof Map) {
      return "dict";
    }
    if (value instanceof View view) {
      return view.kind();
    }
    if (value instanceof OneShot) {
      return "generator";
    }
    if (value instanceof List) {
      return value instanceof Tuple ? "tuple" : value instanceof Range ? "range" : "list";
    }
    return value.getClass().getSimpleName().toLowerCase(java.util.Locale.ROOT);
  }
}
