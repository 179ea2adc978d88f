package thanora.data;

import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import thanora.image.ImageSource;
import thanora.text.ChatMessage;

/** One example as text: what the model is given, and what it is trained to answer. */
public sealed interface Row {
  /** What is given, as one text. */
  String prompt();

  /** The images that it names, in the order of their places in the text. */
  List<ImageSource> images();

  /** What is asked: the same of rows that ask the same about the same images. */
  default Asked asked() {
    return new Asked(prompt(), images());
  }

  /** A text and the images that belong to it. */
  record Asked(String prompt, List<ImageSource> images) {}

  /** The answer that the model is judged by: the last one of a conversation. */
  String completion();

  /** The same row with nothing trained but {@link #completion}. */
  default Row answerOnly() {
    return this;
  }

  /** A prompt and its completion. */
  static Row of(String prompt, String completion) {
    return new Pair("", prompt, completion);
  }

  /**
   * A prompt and its completion, maybe under a system message.
   *
   * @param system the system message; empty for none
   */
  record Pair(String system, String question, String completion, List<ImageSource> images) implements Row {
    public Pair {
      Objects.requireNonNull(system, "system");
      Objects.requireNonNull(question, "question");
      Objects.requireNonNull(completion, "completion");
      images = List.copyOf(images);
    }

    /** One of text alone. */
    public Pair(String system, String question, String completion) {
      this(system, question, completion, List.of());
    }

    @Override
    public String prompt() {
      return system.isEmpty() ? question : "system: " + system + "\nuser: " + question;
    }
  }

  /**
   * Messages, of which the assistant's are trained from some place on.
   *
   * @param chat the messages; where the assistant speaks at all, it has the last word
   */
  record Conversation(thanora.text.Conversation chat, List<ImageSource> images) implements Row {
    public Conversation {
      images = List.copyOf(images);
    }

    @Override
    public String prompt() {
      List<ChatMessage> before = before();
      return before.size() == 1
          ? before.get(0).content()
          : before.stream()
              .map(message -> message.role() + ": " + message.content())
              .collect(Collectors.joining("\n"));
    }

    private List<ChatMessage> before() {
      return chat.messages().subList(0, Math.max(0, chat.messages().size() - 1));
    }

    @Override
    public String completion() {
      ChatMessage last = chat.messages().get(chat.messages().size() - 1);
      Object calls = last.fields().get("tool_calls");
      boolean isCall = last.content().isBlank() && calls != null;
      return last.isAnswer() ? isCall ? calls.toString() : last.content() : "";
    }

    @Override
    public Row answerOnly() {
      return new Conversation(new thanora.text.Conversation(
          chat.messages(), chat.tools(), chat.messages().size() - 1), images);
    }
  }

  /** Text that is learnt as a whole; nothing is asked, so it is compared as a whole. */
  record Text(String text, List<ImageSource> images) implements Row {
    public Text {
      images = List.copyOf(images);
    }

    /** One without images. */
    public Text(String text) {
      this(text, List.of());
    }

    @Override
    public String prompt() {
      return text;
    }

    @Override
    public String completion() {
      return text;
    }
  }
}
