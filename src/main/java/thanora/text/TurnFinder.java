package thanora.text;

import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import thanora.text.jinja.TemplateException;

/**
 * Where the assistant's turns stand in a rendered conversation.
 *
 * <p>A template with {@code {% generation %}} blocks says it itself. With any other a turn begins
 * where the conversation before it, rendered with the generation prompt, ends, so the model is
 * trained on what it will be asked to continue; and it ends with the first token at which generation
 * stops. A template may render earlier turns in another way once more messages follow (thoughts are
 * left out); then the turn begins where another text in its place would begin. Where neither is a
 * part of the rendered conversation, the place is not known and the conversation is refused.
 */
final class TurnFinder {
  /** Stands in for the content of a turn; no text of a user looks like it. */
  private static final String STAND_IN = "ThanoraTurn";

  private final ChatTemplate template;
  private final Map<String, Object> variables;
  private final LocalDateTime now;

  TurnFinder(ChatTemplate template, Map<String, Object> variables, LocalDateTime now) {
    this.template = template;
    this.variables = variables;
    this.now = now;
  }

  /** The conversation as the model reads it. */
  Rendered render(Conversation conversation, boolean addGenerationPrompt) {
    Map<String, Object> all = new HashMap<>(variables);
    if (!conversation.tools().isEmpty()) {
      all.put("tools", conversation.tools());
    }
    return template.render(conversation.messages(), addGenerationPrompt, all, now);
  }

  /**
   * The spans of the turns that are trained.
   *
   * @param whole the conversation, rendered
   * @param tokens its tokens
   * @param stops ids that end a turn
   * @throws TokenizerException if the place of a turn cannot be known
   */
  List<Span> trained(
      Conversation conversation, Rendered whole, SpannedIds tokens, Set<Integer> stops) {
    return whole.assistantSpans().isEmpty()
        ? located(conversation, whole.text(), tokens, stops)
        : marked(conversation, whole);
  }

  /** The template's own spans, less those of the messages before the first that is trained. */
  private List<Span> marked(Conversation conversation, Rendered whole) {
    List<Span> spans = whole.assistantSpans();
    boolean answered = conversation.messages().subList(0, conversation.firstTrained()).stream()
        .anyMatch(ChatMessage::isAnswer);
    int before = answered
        ? render(conversation.first(conversation.firstTrained()), false).assistantSpans().size() : 0;
    return spans.subList(Math.min(before, spans.size()), spans.size());
  }

  private List<Span> located(
      Conversation conversation, String whole, SpannedIds tokens, Set<Integer> stops) {
    List<Span> spans = new ArrayList<>();
    List<ChatMessage> messages = conversation.messages();
    int last = 0;
    for (int i = conversation.firstTrained(); i < messages.size(); i++) {
      if (messages.get(i).isAnswer()) {
        int start = start(conversation, i, whole);
        int end = end(start, tokens, stops)
            .orElse(i == messages.size() - 1 ? whole.length() : start);
        if (start < last || end <= start) {
          throw unknown(i);
        }
        spans.add(new Span(start, end));
        last = end;
      }
    }
    return spans;
  }

  private int start(Conversation conversation, int turn, String whole) {
    return before(conversation, turn).filter(whole::startsWith)
        .or(() -> beforeStandIn(conversation, turn).filter(whole::startsWith))
        .orElseThrow(() -> unknown(turn))
        .length();
  }

  private Optional<String> before(Conversation conversation, int turn) {
    return rendered(conversation.first(turn), true);
  }

  private Optional<String> beforeStandIn(Conversation conversation, int turn) {
    Map<String, Object> fields = new LinkedHashMap<>(conversation.messages().get(turn).fields());
    fields.keySet().removeAll(Set.of("reasoning_content", "thinking"));
    fields.put("content", fields.get("content") instanceof List ? List.of(ChatMessage.textPart(STAND_IN)) : STAND_IN);
    List<ChatMessage> messages = new ArrayList<>(conversation.messages());
    messages.set(turn, new ChatMessage(fields));
    return rendered(new Conversation(messages, conversation.tools(), turn), false)
        .filter(text -> text.contains(STAND_IN))
        .map(text -> text.substring(0, text.indexOf(STAND_IN)));
  }

  /** Nothing where the template refuses the messages, as some do if the last is not a user's. */
  private Optional<String> rendered(Conversation conversation, boolean addGenerationPrompt) {
    try {
      return Optional.of(render(conversation, addGenerationPrompt).text());
    } catch (TemplateException refused) {
      return Optional.empty();
    }
  }

  private static OptionalInt end(int start, SpannedIds tokens, Set<Integer> stops) {
    for (int i = 0; i < tokens.ids().length; i++) {
      if (tokens.spans().get(i).start() >= start && stops.contains(tokens.ids()[i])) {
        return OptionalInt.of(tokens.spans().get(i).end());
      }
    }
    return OptionalInt.empty();
  }

  private static TokenizerException unknown(int turn) {
    return new TokenizerException("message " + (turn + 1) + ": the chat template does not show where"
        + " this turn of the assistant begins and ends; train on the last turn only, or give a chat"
        + " template with {% generation %} blocks");
  }
}
