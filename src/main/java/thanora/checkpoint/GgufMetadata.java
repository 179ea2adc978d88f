package thanora.checkpoint;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** The metadata of a GGUF file, asked for by key and kind. */
final class GgufMetadata {
  private final FileBytes file;
  private final Map<String, Object> values;
  private final String architecture;

  GgufMetadata(GgufHeader header) {
    file = header.file();
    values = header.metadata();
    architecture = text("general.architecture")
        .orElseThrow(() -> file.fault("has no general.architecture"));
  }

  String architecture() {
    return architecture;
  }

  CheckpointException fault(String rule) {
    return file.fault(rule);
  }

  boolean has(String key) {
    return values.containsKey(key);
  }

  Optional<String> text(String key) {
    Object value = values.get(key);
    if (value == null) {
      return Optional.empty();
    }
    if (value instanceof String text) {
      return Optional.of(text);
    }
    throw wrong(key, value, "a string");
  }

  Optional<Boolean> flag(String key) {
    Object value = values.get(key);
    if (value == null) {
      return Optional.empty();
    }
    if (value instanceof Boolean flag) {
      return Optional.of(flag);
    }
    throw wrong(key, value, "a boolean");
  }

  /** An integer; a list of equal ones counts, as for layers that are all alike. */
  OptionalLong integer(String key) {
    Object value = values.get(key);
    if (value == null) {
      return OptionalLong.empty();
    }
    Object one = value instanceof List<?> list && !list.isEmpty()
        && list.stream().allMatch(list.get(0)::equals) ? list.get(0) : value;
    if (one instanceof Long number && number >= 0) {
      return OptionalLong.of(number);
    }
    throw wrong(key, value, "one integer from 0 up for all layers");
  }

  /** A number; the shortest decimal of a float32, which is what the model's author wrote. */
  Optional<Double> number(String key) {
    Object value = values.get(key);
    if (value == null) {
      return Optional.empty();
    }
    if (value instanceof Float number && Float.isFinite(number)) {
      return Optional.of(Double.parseDouble(number.toString()));
    }
    if (value instanceof Double number && Double.isFinite(number)) {
      return Optional.of(number);
    }
    if (value instanceof Long number) {
      return Optional.of((double) number);
    }
    throw wrong(key, value, "a finite number");
  }

  /** A list whose elements are all of a kind; empty if the key is not there. */
  <T> List<T> list(String key, Class<T> kind) {
    Object value = values.get(key);
    if (value == null) {
      return List.of();
    }
    if (value instanceof List<?> list && list.stream().allMatch(kind::isInstance)) {
      return list.stream().map(kind::cast).toList();
    }
    throw wrong(key, "a value", "a list of " + kind.getSimpleName());
  }

  /** A size of the architecture, such as {@code block_count}. */
  long size(String name) {
    String key = architecture + "." + name;
    long size = integer(key).orElseThrow(() -> file.fault("has no " + key));
    if (size < 1 || size > Integer.MAX_VALUE) {
      throw file.fault(key + " is " + size + ", not from 1 to 2^31 - 1");
    }
    return size;
  }

  /** The full key of something of the architecture. */
  String key(String name) {
    return architecture + "." + name;
  }

  private CheckpointException wrong(String key, Object value, String kind) {
    String shown = value.toString();
    return file.fault(key + " is " + (shown.length() > 80 ? shown.substring(0, 80) + "..." : shown)
        + ", not " + kind);
  }
}
