package thanora.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import thanora.text.ChatMessage;

/** Reads one message of a list, as OpenAI or as ShareGPT writes it. */
final class MessageReader {
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
  private static final Map<String, String> ROLES =
      Map.of("human", "user", "user", "user", "gpt", "assistant", "assistant", "assistant",
          "system", "system", "observation", "tool", "tool", "tool", "function_call", "assistant");

  private final int index;
  private final Function<String, DataException> fault;

  /**
   * @param index place of the message in its list, from 0
   * @param fault makes an exception of what stands behind the name of the list
   */
  MessageReader(int index, Function<String, DataException> fault) {
    this.index = index;
    this.fault = fault;
  }

  private DataException fault(String text) {
    return fault.apply(" " + (index + 1) + ": " + text);
  }

  /** A message of role and content; null fields, which tables are full of, are left out. */
  ChatMessage openAi(JsonNode node) {
    if (!node.path("role").isTextual()) {
      throw fault("a message needs a role and a content; it has " + names(node));
    }
    JsonNode content = node.path("content");
    if (!content.isTextual() && !content.isArray() && !node.hasNonNull("tool_calls")) {
      throw fault("content must be a string or a list of parts, not " + Fields.kind(content));
    }
    Map<String, Object> fields = new LinkedHashMap<>();
    node.fields().forEachRemaining(field -> {
      if (!field.getValue().isNull() || field.getKey().equals("content")) {
        fields.put(field.getKey(), plain(field.getValue()));
      }
    });
    if (content.isArray()) {
      fields.put("content", parts(content));
    }
    if (node.hasNonNull("tool_calls")) {
      fields.put("tool_calls", calls(node.get("tool_calls")));
    }
    return new ChatMessage(fields);
  }

  /** Parts of a content; fields that are null, since other parts have them, are left out. */
  private static List<Object> parts(JsonNode content) {
    List<Object> parts = new ArrayList<>();
    for (JsonNode part : content) {
      if (part.isObject()) {
        Map<String, Object> fields = object(part);
        fields.values().removeIf(Objects::isNull);
        parts.add(fields);
      } else {
        parts.add(plain(part));
      }
    }
    return parts;
  }

  /** A message of from and value. */
  ChatMessage shareGpt(JsonNode node) {
    JsonNode from = node.path("from");
    JsonNode value = node.path("value");
    if (!from.isTextual() || !value.isTextual()) {
      throw fault("a message needs the strings from and value; it has " + names(node));
    }
    String role = ROLES.get(from.textValue());
    if (role == null) {
      throw fault("from is " + from.textValue()
          + "; it must be human, gpt, system, function_call or observation");
    }
    if (!from.textValue().equals("function_call")) {
      return new ChatMessage(role, value.textValue());
    }
    Map<String, Object> fields = new LinkedHashMap<>(new ChatMessage(role, "").fields());
    JsonNode call = json(value.textValue());
    if (!call.isContainerNode()) {
      throw fault("the value of a function_call must be JSON with name and arguments");
    }
    fields.put("tool_calls", calls(call.isArray() ? call : JSON.createArrayNode().add(call)));
    return new ChatMessage(fields);
  }

  /** Calls as templates want them: below function, arguments as an object, never as JSON in a string. */
  private static List<Object> calls(JsonNode calls) {
    List<Object> all = new ArrayList<>();
    for (JsonNode call : calls) {
      Map<String, Object> called = object(call.has("function") ? call.get("function") : call);
      if (called.get("arguments") instanceof String text && json(text).isObject()) {
        called.put("arguments", plain(json(text)));
      }
      Map<String, Object> outer = function(called);
      if (call.has("function")) {
        outer.putAll(object(call));
        outer.put("function", called);
      }
      all.add(outer);
    }
    return all;
  }

  /** What is said of a function, in OpenAI's frame. */
  static Map<String, Object> function(Object said) {
    Map<String, Object> frame = new LinkedHashMap<>();
    frame.put("type", "function");
    frame.put("function", said);
    return frame;
  }

  private static Map<String, Object> object(JsonNode node) {
    Map<String, Object> fields = new LinkedHashMap<>();
    node.fields().forEachRemaining(field -> fields.put(field.getKey(), plain(field.getValue())));
    return fields;
  }

  /** Missing where the text is not JSON. */
  private static JsonNode json(String text) {
    try {
      return JSON.readTree(text);
    } catch (JsonProcessingException notJson) {
      return JSON.missingNode();
    }
  }

  private static List<String> names(JsonNode node) {
    List<String> names = new ArrayList<>();
    node.fieldNames().forEachRemaining(names::add);
    return names;
  }

  /** Maps, lists, strings and numbers in place of JSON nodes. */
  static Object plain(JsonNode node) {
    return JSON.convertValue(node, Object.class);
  }
}
