package thanora.text.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * {@code x.name}, {@code x[key]} and {@code x[a:b:c]}.
 *
 * <p>{@code x.name} tries a method of the type first and then the key; {@code x['name']} the other
 * way round, as Jinja does, so {@code d.items} is always the method.
 */
final class Members {
  /** Says that there is no such member; null is Python's None. */
  static final Object ABSENT = new Object();

  private Members() {}

  static Object attribute(Object owner, String name) {
    Values.refuseUndefined(owner);
    Object member = member(owner, name);
    if (member != ABSENT) {
      return member;
    }
    if (owner instanceof Map<?, ?> map && map.containsKey(name)) {
      return map.get(name);
    }
    return Undefined.attribute(owner, name);
  }

  private static Object member(Object owner, String name) {
    if (owner instanceof Namespace namespace) {
      return namespace.get(name);
    }
    if (owner instanceof Loop loop) {
      return loop.attribute(name);
    }
    Optional<Callable> method = Methods.of(owner, name);
    return method.isPresent() ? method.get() : ABSENT;
  }

  static Object item(Object owner, Object key) {
    Values.refuseUndefined(owner);
    if (owner instanceof Map<?, ?> map) {
      if (isKey(key) && map.containsKey(key)) {
        return map.get(key);
      }
    } else if (Values.isInteger(key) && (owner instanceof List || owner instanceof String)) {
      int size = Values.length(owner);
      long index = Values.integer(key, "index");
      index = index < 0 ? index + size : index;
      if (index >= 0 && index < size) {
        return at(owner, (int) index);
      }
    }
    if (key instanceof String name) {
      Object member = member(owner, name);
      return member == ABSENT ? Undefined.attribute(owner, name) : member;
    }
    return new Undefined("'" + Values.typeName(owner) + "' has no item " + describe(key));
  }

  private static boolean isKey(Object key) {
    return key == null || key instanceof String || Values.isNumber(key);
  }

  private static String describe(Object key) {
    return Values.isNumber(key) ? Text.repr(key) : "of type '" + Values.typeName(key) + "'";
  }

  private static Object at(Object sequence, int index) {
    if (sequence instanceof List<?> list) {
      return list.get(index);
    }
    String text = (String) sequence;
    return Character.toString(text.codePointAt(text.offsetByCodePoints(0, index)));
  }

  static Object slice(Object owner, Object from, Object to, Object stride) {
    Values.refuseUndefined(owner, from, to, stride);
    if (owner instanceof Range) {
      throw new TemplateException("a slice of range() is not supported; use range(...)|list");
    }
    if (!(owner instanceof List || owner instanceof String)) {
      throw Values.wrongType("a slice", "a list or string", owner);
    }
    long step = stride == null ? 1 : Values.integer(stride, "slice step");
    if (step == 0) {
      throw new TemplateException("slice step must not be 0");
    }
    int size = Values.length(owner);
    long first = bound(from, step > 0 ? 0 : size - 1, size, step);
    long end = bound(to, step > 0 ? size : -1, size, step);
    IntStream places = LongStream.iterate(first, i -> step > 0 ? i < end : i > end, i -> i + step)
        .mapToInt(i -> (int) i);
    if (owner instanceof String text) {
      int[] points = text.codePoints().toArray();
      int[] picked = places.map(i -> points[i]).toArray();
      return new String(picked, 0, picked.length);
    }
    List<Object> items = Values.items(owner);
    List<Object> picked = new ArrayList<>();
    places.forEach(i -> picked.add(items.get(i)));
    return owner instanceof Tuple ? new Tuple(picked) : picked;
  }

  /** A slice bound brought into the sequence by Python's rules. */
  private static long bound(Object bound, long missing, int size, long step) {
    if (bound == null) {
      return missing;
    }
    long low = step > 0 ? 0 : -1;
    long high = step > 0 ? size : size - 1;
    long value = Values.integer(bound, "slice bound");
    value = value < 0 ? value + size : value;
    return Math.max(low, Math.min(high, value));
  }
}
