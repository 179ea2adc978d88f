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
import thanora.PromptEncoder;
import thanora.image.ImageException;
import thanora.image.ImageSource;
import thanora.model.Prompt;
import thanora.text.ChatMessage;
import thanora.text.TokenizerException;
import thanora.text.jinja.TemplateException;

/** Messages and tools of a request to token ids, through the model's own chat template. */
final class ChatPrompt {
  private static final TypeReference<Map<String, Object>> OBJECT = new TypeReference<>() {};
  private static final TypeReference<List<Object>> LIST = new TypeReference<>() {};

  private final PromptEncoder prompts;
  private final ObjectMapper json;

  ChatPrompt(PromptEncoder prompts, ObjectMapper json) {
    this.prompts = prompts;
    this.json = json;
  }

  Prompt of(Fields fields) {
    fields.get("response_format").filter(given -> !given.path("type").asText().equals("text")).ifPresent(given -> {
      throw ApiException.unsupported("response_format", "ask for JSON in the prompt, or train on it");
    });
    JsonNode given = fields.get("messages").filter(node -> node.isArray() && !node.isEmpty())
        .orElseThrow(() -> ApiException.field("messages", "is not a list of one message or more"));
    List<ChatMessage> messages = new ArrayList<>();
    List<ImageSource> images = new ArrayList<>();
    for (JsonNode message : given) {
      messages.add(message(message, "messages[" + messages.size() + "]", images));
    }
    Map<String, Object> more = new HashMap<>();
    fields.get("chat_template_kwargs").ifPresent(extra -> {
      if (!extra.isObject()) {
        throw ApiException.field("chat_template_kwargs", "is not an object");
      }
      more.putAll(json.convertValue(extra, OBJECT));
    });
    Prompt plain = encode(messages, more, images);
    Optional<List<Object>> tools = tools(fields);
    if (tools.isEmpty()) {
      return plain;
    }
    more.put("tools", tools.get());
    Prompt withTools = encode(messages, more, images);
    if (Arrays.equals(plain.ids(), withTools.ids())) {
      throw ApiException.unsupported("tools", "this model's chat template takes none; describe them in a message");
    }
    return withTools;
  }

  private Prompt encode(List<ChatMessage> messages, Map<String, Object> more, List<ImageSource> images) {
    try {
      return prompts.conversation(messages, more, images);
    } catch (ImageException | TokenizerException | TemplateException e) {
      throw ApiException.field("messages", e.getMessage());
    }
  }

  private ChatMessage message(JsonNode message, String at, List<ImageSource> images) {
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
    fields.put("content", content.isArray() ? parts(content, at, images) : content.asText(""));
    if (message.get("role").textValue().equals("developer")) {
      fields.put("role", "system"); // OpenAI's newer name
    }
    if (calls) {
      fields.put("tool_calls", calls(message.get("tool_calls"), at));
    }
    return new ChatMessage(fields);
  }

  /** Texts side by side as one; with images between them a list, and the images taken out. */
  private static Object parts(JsonNode given, String at, List<ImageSource> images) {
    List<Map<String, Object>> parts = new ArrayList<>();
    StringBuilder text = new StringBuilder();
    int before = images.size();
    for (JsonNode part : given) {
      String type = part.path("type").asText("none");
      if (type.equals("text") && part.path("text").isTextual()) {
        text.append(part.get("text").textValue());
        parts.add(Map.of("type", "text", "text", part.get("text").textValue()));
      } else if (type.equals("image_url")) {
        images.add(DataUrl.image(part.path("image_url").path("url"), at + ".content[" + parts.size() + "]"));
        parts.add(Map.of("type", "image"));
      } else {
        throw ApiException.field(at + ".content", "a part is of type " + type
            + "; only text and image_url are supported");
      }
    }
    return images.size() == before ? text.toString() : parts;
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
