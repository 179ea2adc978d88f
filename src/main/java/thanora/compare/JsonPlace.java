package thanora.compare;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** A value of a file and where it stands, for messages such as "methods[2].rank is -1". */
record JsonPlace(String path, JsonNode node) {
  private static final int SHOWN = 40;

  /** An object with no other keys than these. */
  void keys(String... known) {
    if (node == null || !node.isObject()) {
      throw wrong("an object");
    }
    for (String key : (Iterable<String>) node::fieldNames) {
      if (!Arrays.asList(known).contains(key)) {
        throw new IllegalArgumentException(
            String.format("%s is not a known key; take it out", child(key).where()));
      }
    }
  }

  JsonPlace get(String key) {
    if (!node.has(key)) {
      throw new IllegalArgumentException(
          String.format("%s is missing; run the comparison again", child(key).where()));
    }
    return child(key);
  }

  Optional<JsonPlace> optional(String key) {
    return node.hasNonNull(key) ? Optional.of(child(key)) : Optional.empty();
  }

  private JsonPlace child(String key) {
    return new JsonPlace(path.isEmpty() ? key : path + "." + key, node.get(key));
  }

  <T> List<T> list(Function<JsonPlace, T> element) {
    if (!node.isArray()) {
      throw wrong("an array");
    }
    List<T> elements = new ArrayList<>(node.size());
    for (int i = 0; i < node.size(); i++) {
      elements.add(element.apply(new JsonPlace(path + "[" + i + "]", node.get(i))));
    }
    return elements;
  }

  String text() {
    if (!node.isTextual()) {
      throw wrong("a text");
    }
    return node.textValue();
  }

  boolean bool() {
    if (!node.isBoolean()) {
      throw wrong("true or false");
    }
    return node.booleanValue();
  }

  long integer() {
    if (!node.isIntegralNumber() || !node.canConvertToLong()) {
      throw wrong("a whole number");
    }
    return node.longValue();
  }

  int smallInteger() {
    if (!node.isIntegralNumber() || !node.canConvertToInt() || node.intValue() < 0) {
      throw wrong("a whole number from 0 to 2147483647");
    }
    return node.intValue();
  }

  /** A number; null is NaN. */
  double number() {
    if (node.isNull()) {
      return Double.NaN;
    }
    if (!node.isNumber() || !Double.isFinite(node.doubleValue())) {
      throw wrong("a number or null");
    }
    return node.doubleValue();
  }

  double[] numbers() {
    return list(JsonPlace::number).stream().mapToDouble(Double::doubleValue).toArray();
  }

  double[][] table() {
    return list(JsonPlace::numbers).toArray(double[][]::new);
  }

  private IllegalArgumentException wrong(String wanted) {
    String value = String.valueOf(node);
    String shown = value.length() > SHOWN ? value.substring(0, SHOWN) + "..." : value;
    return new IllegalArgumentException(
        String.format("%s is %s; it must be %s", where(), shown, wanted));
  }

  private String where() {
    return path.isEmpty() ? "the file" : path;
  }
}
