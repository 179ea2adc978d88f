package thanora.text;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * One message of a conversation, with the fields that a chat template sees, in their order.
 *
 * @param fields {@code role} and {@code content} in most cases, and whatever else the template knows,
 *     such as {@code tool_calls} and {@code reasoning_content}; strings, numbers, booleans, null,
 *     lists and maps of these
 */
public record ChatMessage(Map<String, Object> fields) {
  /** Stands for an image in a text, whatever the model's own token is. */
  public static final String IMAGE = "<image>";

  private static final Set<String> IMAGE_TYPES = Set.of("image", "image_url");
  private static final Map<String, Object> IMAGE_PART = Map.of("type", "image");

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
    return text("");
  }

  /**
   * Its text, with something in the place of each part that is an image.
   *
   * @param image what stands there
   */
  String text(String image) {
    Object content = fields.get("content");
    if (content instanceof List<?> parts) {
      StringBuilder text = new StringBuilder();
      for (Object part : parts) {
        text.append(isImage(part) ? image
            : part instanceof Map<?, ?> map && map.get("text") instanceof String s ? s : "");
      }
      return text.toString();
    }
    return content instanceof String text ? text : "";
  }

  /** The same with other content. */
  ChatMessage withContent(Object content) {
    Map<String, Object> other = new LinkedHashMap<>(fields);
    other.put("content", content);
    return new ChatMessage(other);
  }

  /** A part of a list of content that is text. */
  static Map<String, Object> textPart(String text) {
    Map<String, Object> part = new LinkedHashMap<>();
    part.put("type", "text");
    part.put("text", text);
    return part;
  }

  private static boolean isImage(Object part) {
    return part instanceof Map<?, ?> map && map.get("type") instanceof String type && IMAGE_TYPES.contains(type);
  }

  static boolean isTextOrImage(Object part) {
    return isImage(part) || part instanceof Map<?, ?> map && map.get("text") instanceof String;
  }

  /** Its parts that are images, in their order. */
  public List<Map<?, ?>> imageParts() {
    List<Map<?, ?>> images = new ArrayList<>();
    if (fields.get("content") instanceof List<?> parts) {
      parts.stream().filter(ChatMessage::isImage).forEach(part -> images.add((Map<?, ?>) part));
    }
    return images;
  }

  /** Whether it has a place for an image: a part, or {@link #IMAGE} in its text. */
  public boolean namesImage() {
    return content().contains(IMAGE) || !imageParts().isEmpty();
  }

  /**
   * The same with a part for every place of an image, which says no more than that there is one. A message
   * that has such parts has its places; of any other they are where {@link #IMAGE} is in the text, and a line
   * break beside it belongs to it.
   */
  public ChatMessage withImageParts() {
    if (!namesImage()) {
      return this;
    }
    List<Object> parts = new ArrayList<>();
    if (imageParts().isEmpty()) {
      split(content(), parts);
    } else {
      ((List<?>) fields.get("content")).forEach(part -> parts.add(isImage(part) ? IMAGE_PART : part));
    }
    return withContent(parts);
  }

  private static void split(String text, List<Object> parts) {
    String[] pieces = text.split(IMAGE, -1);
    for (int i = 0; i < pieces.length; i++) {
      boolean last = i == pieces.length - 1;
      String piece = i == 0 ? pieces[i] : pieces[i].replaceFirst("^\\R", "");
      piece = last ? piece : piece.replaceFirst("\\R$", "");
      if (!piece.isEmpty()) {
        parts.add(textPart(piece));
      }
      if (!last) {
        parts.add(IMAGE_PART);
      }
    }
  }

  /** Whether the assistant says it. */
  public boolean isAnswer() {
    return role().equals("assistant");
  }
}
