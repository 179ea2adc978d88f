package thanora.text;

import java.util.List;

/**
 * Messages in their order.
 *
 * @param messages at least one
 * @param tools what the assistant may call, as the template wants it; empty for none
 * @param firstTrained index of a message: the assistant's messages from it on are trained
 */
public record Conversation(List<ChatMessage> messages, List<Object> tools, int firstTrained) {
  /** Copies the lists. */
  public Conversation {
    messages = List.copyOf(messages);
    tools = List.copyOf(tools);
  }

  /** The same without the messages behind the first {@code n}. */
  Conversation first(int n) {
    return new Conversation(messages.subList(0, n), tools, firstTrained);
  }
}
