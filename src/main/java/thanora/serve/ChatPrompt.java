package thanora.serve;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import thanora.text.ChatMessage;
import thanora.text.PromptFormat;
import thanora.text.TokenizerException;
import thanora.text.jinja.TemplateException;

/** Messages and tools of a request to token ids, through the model's own chat template. */
final class ChatPrompt {
  private static final TypeReference<Map<String, Object>> OBJECT = new TypeReference<>() {};
  private static final TypeReference<List<Object>> LIST = new TypeReference<>() {};

  private final PromptFormat format;
  private final ObjectMapper json;

  ChatPrompt(PromptFormat format, ObjectMapper json) {
    this.format = format;
    this.json = json;
  }

  int[] of(Fields fields) {
    fields.get("response_format").filter(given -> !given.path("type").asText().equals("text")).ifPresent(given -> {
      throw ApiException.unsupported("response_format", "ask for JSON in the prompt, or train on it");
    });
    JsonNode given = fields.get("messages").filter(node -> node.isArray() && !node.isEmpty())
        .orElseThrow(() -> ApiException.field("messages", "is not a list of one message or more"));
    List<ChatMessage> messages = new ArrayList<>();
    for (JsonNode message : given) {
      messages.add(message(message, "messages[" + messages.size() + "]"));
    }
    Map<String, Object> more = new HashMap<>();
    fields.get("chat_template_kwargs").ifPresent(extra -> {
      if (!extra.isObject()) {
        throw ApiException.field("chat_template_kwargs", "is not an object");
      }
      more.putAll(json.convertValue(extra, OBJECT));
    });
    int[] plain = encode(messages, more);
    Optional<List<Object>> tools = tools(fields);
    if (tools.isEmpty()) {
      return plain;
    }
    more.put("tools", tools.get());
    int[] withTools = encode(messages, more);
    if (Arrays.equals(plain, withTools)) {
      throw ApiException.unsupported("tools", "this model's chat template takes none; describe them in a message");
    }
    return withTools;
  }

  private int[] encode(List<ChatMessage> messages, Map<String, Object> more) {
    try {
      return format.conversation(messages, more);
    } catch (TokenizerException | TemplateException e) {
      throw ApiException.field("messages", e.getMessage());
    }
  }

  private ChatMessage message(JsonNode message, String at) {
    if (!message.path("role").isTextual()) {
      throw ApiException.field(at + ".role", "is not a string such as system, user or assistant");
    }
    JsonNode content = message.path("content");
    boolean calls = message.hasNonNull("tool_calls");
    if (!content.isTextual() && !content.isArray() && !calls) {
      throw ApiException.field(at + ".content", "is neither a string nor a list of parts");
    }
    Map<String, Object> fields = json.convertValue(message, OBJECT);
    fields.values().removeIf(value -> value == null);
    fields.put("content", content.isArray() ? text(content, at) : content.asText(""));
    if (message.get("role").textValue().equals("developer")) {
      fields.put("role", "system"); // OpenAI's newer name
    }
    if (calls) {
      fields.put("tool_calls", calls(message.get("tool_calls"), at));
    }
    return new ChatMessage(fields);
  }

  private static String text(JsonNode parts, String at) {
    StringBuilder text = new StringBuilder();
    for (JsonNode part : parts) {
      if (!part.path("type").asText().equals("text") || !part.path("text").isTextual()) {
        throw ApiException.field(at + ".content", "a part is of type " + part.path("type").asText("none")
            + "; only text is supported");
      }
      text.append(part.get("text").textValue());
    }
    return text.toString();
  }

  /** Templates read the arguments as an object; the API sends them as its text. */
  private List<Object> calls(JsonNode calls, String at) {
    List<Object> read = new ArrayList<>();
    for (JsonNode call : calls) {
      Map<String, Object> fields = json.convertValue(call, OBJECT);
      JsonNode function = call.path("function");
      if (!function.isObject()) {
        throw ApiException.field(at + ".tool_calls", "a call has no function");
      }
      Map<String, Object> called = json.convertValue(function, OBJECT);
      if (function.path("arguments").isTextual()) {
        try {
          called.put("arguments", json.readValue(function.get("arguments").textValue(), Object.class));
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
          throw ApiException.field(at + ".tool_calls", "arguments are not JSON");
        }
      }
      fields.put("function", called);
      read.add(fields);
    }
    return read;
  }

  private Optional<List<Object>> tools(Fields fields) {
    String choice = fields.get("tool_choice").map(JsonNode::asText).orElse("auto");
    if (!choice.equals("auto") && !choice.equals("none")) {
      throw ApiException.unsupported("tool_choice", "give auto or none; the model decides what it writes");
    }
    return fields.get("tools").filter(given -> !choice.equals("none")).map(given -> {
      if (!given.isArray()) {
        throw ApiException.field("tools", "is not a list");
      }
      return json.convertValue(given, LIST);
    }).filter(list -> !list.isEmpty());
  }
}
