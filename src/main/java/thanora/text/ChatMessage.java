package thanora.text;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * One message of a conversation, with the fields that a chat template sees, in their order.
 *
 * @param fields {@code role} and {@code content} in most cases, and whatever else the template knows,
 *     such as {@code tool_calls} and {@code reasoning_content}; strings, numbers, booleans, null,
 *     lists and maps of these
 */
public record ChatMessage(Map<String, Object> fields) {
  /** Refuses a message without a role. */
  public ChatMessage {
    if (!(fields.get("role") instanceof String)) {
      throw new IllegalArgumentException("a message needs a role, such as user");
    }
  }

  /**
   * A message of text alone.
   *
   * @param role such as {@code system}, {@code user} or {@code assistant}
   */
  public ChatMessage(String role, String content) {
    this(fields(Objects.requireNonNull(role, "role"), Objects.requireNonNull(content, "content")));
  }

  private static Map<String, Object> fields(String role, String content) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("role", role);
    fields.put("content", content);
    return fields;
  }

  /** Who speaks. */
  public String role() {
    return (String) fields.get("role");
  }

  /** Its text; of a list of parts the text parts, one after the other; empty if there is none. */
  public String content() {
    Object content = fields.get("content");
    if (content instanceof List<?> parts) {
      StringBuilder text = new StringBuilder();
      for (Object part : parts) {
        text.append(part instanceof Map<?, ?> map && map.get("text") instanceof String s ? s : "");
      }
      return text.toString();
    }
    return content instanceof String text ? text : "";
  }

  /** Whether the assistant says it. */
  public boolean isAnswer() {
    return role().equals("assistant");
  }
}
