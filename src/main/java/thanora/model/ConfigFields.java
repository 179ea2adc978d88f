package thanora.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The fields of a {@code config.json}, with what transformers takes where it is silent. A field that is
 * null is there and says that there is none.
 */
final class ConfigFields {
  private final JsonNode json;
  private final JsonNode defaults;

  /**
   * Fields of {@code json}.
   *
   * @param defaults a JSON object, as {@link #parse} takes it
   */
  ConfigFields(JsonNode json, String defaults) {
    this.json = json;
    this.defaults = parse(defaults);
  }

  /** JSON of this program's own; its strings may stand between single quotes. */
  static JsonNode parse(String json) {
    try {
      return new ObjectMapper().readTree(json.replace('\'', '"'));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(json, e);
    }
  }

  /** The value, or its default; missing or null where there is none. */
  JsonNode get(String field) {
    return json.has(field) ? json.get(field) : defaults.path(field);
  }

  boolean flag(String field) {
    return get(field).asBoolean(false);
  }

  double number(String field, double otherwise) {
    return get(field).asDouble(otherwise);
  }

  String text(String field, String otherwise) {
    return get(field).asText(otherwise);
  }

  /**
   * A size.
   *
   * @throws IllegalArgumentException naming the field, if it is missing or no positive integer
   */
  int positive(String field) {
    return optional(field).orElseThrow(
        () -> new IllegalArgumentException("config.json: " + field + " is missing"));
  }

  /** A size that need not be there. */
  Optional<Integer> optional(String field) {
    JsonNode value = get(field);
    if (value.isMissingNode() || value.isNull()) {
      return Optional.empty();
    }
    if (!value.canConvertToInt() || value.asInt() < 1) {
      throw new IllegalArgumentException("config.json: " + field + " " + value + " is not a positive integer");
    }
    return Optional.of(value.asInt());
  }

  /** An entry for each layer; empty if there is no such field. */
  List<String> perLayer(String field) {
    int layers = positive("num_hidden_layers");
    List<String> entries = new ArrayList<>();
    get(field).forEach(entry -> entries.add(entry.asText()));
    if (!entries.isEmpty() && entries.size() < layers) {
      throw new IllegalArgumentException("config.json: " + field + " has " + entries.size()
          + " entries for " + layers + " layers");
    }
    return entries;
  }
}
