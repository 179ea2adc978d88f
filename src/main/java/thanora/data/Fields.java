package thanora.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import thanora.text.ChatMessage;

/** The fields of one row, by the names that a task gives them. */
final class Fields {
  private static final int MAX_NAMES = 12;
  private static final int MAX_SHOWN = 40;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final ObjectNode fields;
  private final Place place;
  private final Map<String, String> columns;
  private final Set<String> used = new HashSet<>();

  Fields(ObjectNode fields, Place place, Map<String, String> columns) {
    this.fields = fields;
    this.place = place;
    this.columns = columns;
  }

  Place place() {
    return place;
  }

  DataException fault(String message) {
    return place.fault(message);
  }

  /** Fields that nothing was read of. */
  Stream<String> unused() {
    return names().filter(name -> !used.contains(name)).map(Fields::shown);
  }

  private Stream<String> names() {
    return StreamSupport.stream(((Iterable<String>) fields::fieldNames).spliterator(), false);
  }

  private String column(String name) {
    return columns.getOrDefault(name, name);
  }

  /** Whether the field is there and not null. */
  boolean has(String name) {
    return !find(column(name)).isNull();
  }

  boolean isList(String name) {
    return find(column(name)).isArray();
  }

  /** The value at a column, or inside of it: {@code translation.en}, {@code answers.text.0}. */
  private JsonNode find(String column) {
    if (fields.has(column)) {
      return fields.get(column);
    }
    JsonNode node = fields;
    for (String part : column.split("\\.")) {
      node = node.isArray() && part.matches("\\d{1,9}")
          ? node.path(Integer.parseInt(part)) : node.path(part);
    }
    return node.isMissingNode() ? fields.nullNode() : node;
  }

  private boolean isThere(String column) {
    return fields.has(column) || !find(column).isNull();
  }

  /** The value of a field that has to be there. */
  private JsonNode require(String name) {
    return require(column(name), columns.containsKey(name));
  }

  /**
   * @param named whether the recipe names the column
   */
  private JsonNode require(String column, boolean named) {
    if (!isThere(column)) {
      List<String> names = names().limit(MAX_NAMES).map(Fields::shown).toList();
      throw fault(column + " is missing; the row has " + (names.isEmpty() ? "no field" : names)
          + (named ? "; name one of them in the recipe"
              : " and needs prompt and completion, messages, conversations, instruction and output,"
                  + " or text; name its columns in the recipe"));
    }
    used.add(fields.has(column) ? column : column.split("\\.")[0]);
    return find(column);
  }

  /** The text of a field that has to be there. */
  String text(String name) {
    JsonNode node = require(name);
    if (!node.isTextual()) {
      throw fault(column(name) + " must be a string, not " + kind(node));
    }
    return checked(column(name), node.textValue());
  }

  /** The text of a field, if it is there. */
  Optional<String> optional(String name) {
    return has(name) ? Optional.of(text(name)) : Optional.empty();
  }

  /** A pattern with the values of this row; numbers and booleans as JSON writes them. */
  String fill(TextPattern pattern) {
    return pattern.fill(column -> {
      JsonNode node = require(column, true);
      if (!node.isValueNode() || node.isNull()) {
        throw fault(column + " must be text or a number, not " + kind(node));
      }
      return checked(column, node.asText());
    });
  }

  /** Alpaca's earlier turns: pairs of a question and an answer. */
  List<ChatMessage> history() {
    List<ChatMessage> messages = new ArrayList<>();
    if (has("history")) {
      for (JsonNode pair : require("history")) {
        if (pair.size() != 2 || !pair.path(0).isTextual() || !pair.path(1).isTextual()) {
          throw fault("history must be a list of pairs of strings: question and answer");
        }
        messages.add(new ChatMessage("user", checked("history", pair.get(0).textValue())));
        messages.add(new ChatMessage("assistant", checked("history", pair.get(1).textValue())));
      }
    }
    return messages;
  }

  /**
   * The messages of a list.
   *
   * @param shareGpt whether they have from and value in place of role and content
   */
  List<ChatMessage> messages(String name, boolean shareGpt) {
    String column = column(name);
    JsonNode list = parsed(require(name));
    if (!list.isArray()) {
      throw fault(column + " must be a list of messages, not " + kind(list));
    }
    Function<String, DataException> fault = text -> fault(column + text);
    List<ChatMessage> messages = new ArrayList<>();
    for (int i = 0; i < list.size(); i++) {
      MessageReader reader = new MessageReader(i, fault);
      messages.add(shareGpt ? reader.shareGpt(list.get(i)) : reader.openAi(list.get(i)));
    }
    messages.forEach(message -> checked(column, message.content()));
    return messages;
  }

  /**
   * What names the images of the row, one each.
   *
   * @param named whether its text has places for images; where it has, the field may be {@code image} too, as
   *     LLaVA writes it
   */
  List<Object> images(boolean named) {
    String name = has("images") || !named || columns.containsKey("images") ? "images" : "image";
    if (!has(name)) {
      return List.of();
    }
    JsonNode given = parsed(require(name));
    if (given.isTextual() && given.textValue().isBlank()) { // an empty cell of a table
      return List.of();
    }
    List<Object> images = new ArrayList<>();
    (given.isArray() ? given : List.of(given)).forEach(image -> images.add(MessageReader.plain(image)));
    return images;
  }

  /** The functions that may be called: a list, or JSON of one in a string. */
  List<Object> tools() {
    String column = column("tools");
    JsonNode given = find(column);
    if (given.isNull() || given.isTextual() && given.textValue().isBlank()) {
      return List.of();
    }
    JsonNode list = parsed(require("tools"));
    if (!list.isArray()) {
      throw fault(column + " must be a list of functions, not " + kind(list));
    }
    List<Object> tools = new ArrayList<>();
    for (JsonNode tool : list) {
      Object value = MessageReader.plain(tool);
      tools.add(tool.has("function") ? value : MessageReader.function(value));
    }
    return tools;
  }

  /** Lists inside of tables are often JSON in a string. */
  private static JsonNode parsed(JsonNode node) {
    try {
      return node.isTextual() && node.textValue().strip().startsWith("[")
          ? JSON.readTree(node.textValue()) : node;
    } catch (JsonProcessingException notJson) {
      return node;
    }
  }

  private String checked(String name, String value) {
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c == 0) {
        throw fault(name + " holds U+0000 at character " + (i + 1) + "; remove it");
      }
      if (Character.isHighSurrogate(c)
          && i + 1 < value.length()
          && Character.isLowSurrogate(value.charAt(i + 1))) {
        i++;
      } else if (Character.isSurrogate(c)) {
        throw fault(String.format(
            Locale.ROOT,
            "%s holds the lone surrogate U+%04X at character %d; write the whole pair",
            name, (int) c, i + 1));
      }
    }
    return value;
  }

  private static String shown(String name) {
    String plain = name.replaceAll("\\p{Cntrl}", "?");
    return plain.length() <= MAX_SHOWN ? plain : plain.substring(0, MAX_SHOWN) + "...";
  }

  /** The kind of a value, with its article. */
  static String kind(JsonNode node) {
    return switch (node.getNodeType()) {
      case OBJECT -> "an object";
      case ARRAY -> "a list";
      case STRING -> "a string";
      case NUMBER -> "a number";
      case BOOLEAN -> "a boolean";
      case NULL -> "null";
      default -> "this";
    };
  }
}
