package thanora.text;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.Function;

/**
 * How a chat template takes the content of messages: as strings, or as lists of parts, which templates of
 * models that see images often want of every message. Found out by rendering a question and an answer.
 *
 * @param parts what messages may have as content
 * @param answers the same of the assistant's messages
 * @param placesImages whether the template writes the placeholder of an image in the place of a part
 * @param placeholder the model's; empty for a model that sees none
 */
record ContentStyle(Form parts, Form answers, boolean placesImages, Optional<String> placeholder) {
  static final String QUESTION = "ThanoraQuestion";
  static final String ANSWER = "ThanoraAnswer";

  /** What content may be. */
  enum Form { STRING, EITHER, LIST }

  /**
   * Asks a template.
   *
   * @param render the template; throws or leaves texts out where messages are not as it wants them
   */
  static ContentStyle of(Function<List<ChatMessage>, Optional<String>> render, Optional<String> placeholder) {
    BiFunction<Object, Object, Optional<String>> ask = (question, answer) -> render.apply(List.of(
        new ChatMessage("user", "").withContent(question), new ChatMessage("assistant", "").withContent(answer)));
    List<Object> question = List.of(ChatMessage.textPart(QUESTION));
    List<Object> answer = List.of(ChatMessage.textPart(ANSWER));
    Optional<String> strings = ask.apply(QUESTION, ANSWER).filter(ContentStyle::isWhole);
    Form parts;
    Form answers;
    if (strings.isPresent()) {
      parts = ask.apply(question, ANSWER).equals(strings) ? Form.EITHER : Form.STRING;
      answers = ask.apply(QUESTION, answer).equals(strings) ? Form.EITHER : Form.STRING;
    } else {
      boolean lists = ask.apply(question, answer).filter(ContentStyle::isWhole).isPresent();
      boolean mixed = !lists && ask.apply(question, ANSWER).filter(ContentStyle::isWhole).isPresent();
      parts = lists || mixed ? Form.LIST : Form.STRING;
      answers = lists ? Form.LIST : Form.STRING;
    }
    boolean places = parts != Form.STRING && placeholder.isPresent()
        && ask.apply(List.of(Map.of("type", "image"), question.get(0)), answers == Form.LIST ? answer : ANSWER)
            .filter(text -> text.contains(placeholder.get())).isPresent();
    return new ContentStyle(parts, answers, places, placeholder);
  }

  /** Whether both texts are there, and not in a list that was printed. */
  private static boolean isWhole(String text) {
    int question = text.indexOf(QUESTION);
    return question >= 0 && text.indexOf(ANSWER, question) >= 0 && !text.matches("(?s).*['\"]type['\"].*");
  }

  /**
   * A message as the template wants it. Parts that are neither text nor image are left to the template.
   *
   * @param images whether {@link ChatMessage#IMAGE} in a text is the place of an image
   */
  ChatMessage shaped(ChatMessage message, boolean images) {
    boolean named = images && placeholder.isPresent() && message.namesImage();
    if (named && placesImages && !message.isAnswer()) {
      return message.withImageParts();
    }
    Object content = message.fields().get("content");
    Form form = message.isAnswer() ? answers : parts;
    if (content instanceof String given) {
      String text = named ? given.replace(ChatMessage.IMAGE, placeholder.get()) : given;
      return message.withContent(form == Form.LIST ? List.of(ChatMessage.textPart(text)) : text);
    }
    if (!(content instanceof List<?> list) || !list.stream().allMatch(ChatMessage::isTextOrImage)) {
      return message;
    }
    boolean parted = !message.imageParts().isEmpty();
    boolean kept = parted || named ? placesImages || placeholder.isEmpty() : form != Form.STRING;
    if (kept) {
      return message;
    }
    String all = message.text(placeholder.orElse(""));
    String text = named ? all.replace(ChatMessage.IMAGE, placeholder.get()) : all;
    return message.withContent(form == Form.LIST ? List.of(ChatMessage.textPart(text)) : text);
  }
}
