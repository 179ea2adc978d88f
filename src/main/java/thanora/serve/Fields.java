package thanora.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The fields of a request, each with its type and its limits. A field that is null is not there. */
final class Fields {
  /** They do not change an answer, or say who asks: taken and left alone. */
  private static final Set<String> WITHOUT_EFFECT = Set.of("user", "metadata", "store", "service_tier",
      "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "parallel_tool_calls");

  private final ObjectNode fields;

  private Fields(ObjectNode fields) {
    this.fields = fields;
  }

  /**
   * The fields of an object, none but those known.
   *
   * @param unsupported fields of the API that are refused, with the remedy
   */
  static Fields of(JsonNode body, Set<String> known, Map<String, String> unsupported) {
    if (!(body instanceof ObjectNode object)) {
      throw new ApiException(400, null, "invalid_json", "the body is not a JSON object; send one");
    }
    for (Iterator<String> names = object.fieldNames(); names.hasNext(); ) {
      String name = names.next();
      if (object.get(name).isNull() || known.contains(name) || WITHOUT_EFFECT.contains(name)) {
        continue;
      }
      if (unsupported.containsKey(name)) {
        throw ApiException.unsupported(name, unsupported.get(name));
      }
      throw new ApiException(400, name, "unknown_parameter", name + ": is not known; leave it out");
    }
    return new Fields(object);
  }

  Optional<JsonNode> get(String name) {
    return fields.hasNonNull(name) ? Optional.of(fields.get(name)) : Optional.empty();
  }

  Optional<String> string(String name) {
    return get(name).map(value -> {
      require(name, value.isTextual(), value, "a string");
      return value.textValue();
    });
  }

  boolean flag(String name) {
    return get(name).map(value -> {
      require(name, value.isBoolean(), value, "true or false");
      return value.booleanValue();
    }).orElse(false);
  }

  double number(String name, double least, double most, double otherwise) {
    return get(name).map(value -> {
      boolean holds = value.isNumber() && value.doubleValue() >= least && value.doubleValue() <= most;
      require(name, holds, value, "a number from " + text(least) + " to " + text(most));
      return value.doubleValue();
    }).orElse(otherwise);
  }

  private static String text(double number) {
    return number == Math.rint(number) ? Long.toString((long) number) : Double.toString(number);
  }

  Optional<Integer> whole(String name, int least, int most) {
    return get(name).map(value -> {
      boolean holds = value.canConvertToInt() && value.canConvertToExactIntegral()
          && value.intValue() >= least && value.intValue() <= most;
      require(name, holds, value, "a whole number from " + least + " to " + most);
      return value.intValue();
    });
  }

  Optional<Long> seed(String name) {
    return get(name).map(value -> {
      require(name, value.isIntegralNumber() && value.canConvertToLong(), value, "a whole number");
      return value.longValue();
    });
  }

  /** A string, or a list of them. */
  List<String> strings(String name, int most) {
    List<String> strings = new ArrayList<>();
    get(name).ifPresent(value -> {
      Iterable<JsonNode> each = value.isArray() ? value : List.of(value);
      each.forEach(one -> {
        require(name, one.isTextual() && !one.textValue().isEmpty(), one, "a string of one letter or more");
        strings.add(one.textValue());
      });
      if (strings.size() > most) {
        throw ApiException.field(name, strings.size() + " strings are too many; give " + most + " at most");
      }
    });
    return strings;
  }

  private static void require(String name, boolean holds, JsonNode value, String rule) {
    if (!holds) {
      String shown = value.isContainerNode() ? value.isArray() ? "a list" : "an object" : value.toString();
      throw ApiException.field(name,
          (shown.length() > 40 ? shown.substring(0, 40) + "..." : shown) + " is not " + rule);
    }
  }
}
