package thanora.text;

import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;

/**
 * How a prompt and its completion become ids, the same for training and for generation.
 *
 * <p>With a chat template: ids = encode(template([user: prompt], generation prompt)) +
 * encode(completion) + the end of turn that the template writes behind an answer. Without one:
 * ids = [bos] + encode(prompt + "\n") + encode(completion) + [eos]. The completion is encoded by
 * itself, so the border between prompt and completion is exact and generation continues the very
 * ids that were trained.
 *
 * <p>A conversation is rendered as a whole, and the tokens of the assistant's turns are trained, each
 * with its end; see {@link TurnFinder}. What follows the last of them is left out.
 */
public final class PromptFormat {
  private static final String QUESTION = "ThanoraQuestion";
  private static final String ANSWER = "ThanoraAnswer";

  private final Tokenizer tokenizer;
  private final Map<String, Object> variables;
  private final LocalDateTime now;
  private final int[] endOfTurn;

  private PromptFormat(Tokenizer tokenizer, Map<String, Object> variables, LocalDateTime now) {
    this.tokenizer = tokenizer;
    this.variables = Map.copyOf(variables);
    this.now = now;
    this.endOfTurn = tokenizer.chatTemplate().isPresent()
        ? chatEnd(tokenizer.chatTemplate().get())
        : new int[] {requireEos("")};
  }

  /** The format of a tokenizer; a template that prints the date prints the present one. */
  public static PromptFormat of(Tokenizer tokenizer) {
    return of(tokenizer, Map.of(), LocalDateTime.now());
  }

  /**
   * The format of a tokenizer.
   *
   * @param variables further variables of the template, such as {@code enable_thinking}
   * @param now the time that a template may print; fix it, or ids change from day to day
   * @throws TokenizerException if no end of turn can be found
   * @throws thanora.text.jinja.TemplateException if the template refuses a question and an answer
   */
  public static PromptFormat of(
      Tokenizer tokenizer, Map<String, Object> variables, LocalDateTime now) {
    return new PromptFormat(tokenizer, variables, now);
  }

  /** The ids of a prompt, which the model is to continue. */
  public int[] prompt(String prompt) {
    return prompt("", prompt);
  }

  /**
   * The ids of a prompt under a system message.
   *
   * @param system the message; empty for none
   */
  public int[] prompt(String system, String prompt) {
    if (tokenizer.chatTemplate().isPresent()) {
      List<ChatMessage> messages = new ArrayList<>();
      if (!system.isEmpty()) {
        messages.add(new ChatMessage("system", system));
      }
      messages.add(new ChatMessage("user", prompt));
      return conversation(messages, Map.of());
    }
    String before = system.isEmpty() ? "" : system + "\n";
    return plain(before + prompt + "\n");
  }

  /**
   * The ids of a conversation, whose next message the model is to write.
   *
   * @param more further variables of the template, such as {@code tools}
   * @throws TokenizerException if the model has no chat template, unless all is one user's message
   * @throws thanora.text.jinja.TemplateException if the template refuses the messages
   */
  public int[] conversation(List<ChatMessage> messages, Map<String, Object> more) {
    if (tokenizer.chatTemplate().isPresent()) {
      Map<String, Object> all = new HashMap<>(variables);
      all.putAll(more);
      return tokenizer.encode(
          tokenizer.chatTemplate().get().render(messages, true, all, now).text());
    }
    if (messages.size() == 1 && more.isEmpty() && messages.get(0).role().equals("user")) {
      return prompt(messages.get(0).content());
    }
    throw new TokenizerException(
        "the model has no chat template; give one user message alone, or complete plain text");
  }

  /** The ids of plain text that the model is to go on with, behind the token that begins a text. */
  public int[] plain(String text) {
    return withBos(tokenizer.encode(text));
  }

  /** The ids of a prompt and its completion; trained is all from {@code promptLength} on. */
  public Encoded encode(String prompt, String completion) {
    return encode("", prompt, completion);
  }

  /** The same under a system message; an empty one is none. */
  public Encoded encode(String system, String prompt, String completion) {
    int[] before = prompt(system, prompt);
    return new Encoded(
        concat(before, tokenizer.encode(completion), endOfTurn), before.length);
  }

  /**
   * The ids of a text that is learnt as a whole: with the bos if the tokenizer adds it, and an eos.
   */
  public Encoded encodeText(String text) {
    int[] ids = tokenizer.encode(text);
    boolean begun = tokenizer.bos().isPresent() && ids.length > 0
        && ids[0] == tokenizer.bos().getAsInt();
    boolean ended = ids.length > 0 && tokenizer.endIds().contains(ids[ids.length - 1]);
    int[] whole = begun ? ids : withBos(ids);
    return new Encoded(ended ? whole : concat(whole, new int[] {requireEos("")}), 0);
  }

  /**
   * The ids of a conversation, up to the last that is trained.
   *
   * @throws TokenizerException if there is no chat template, or the place of a turn cannot be known
   * @throws thanora.text.jinja.TemplateException if the template refuses the messages
   */
  public Encoded encode(Conversation conversation) {
    TurnFinder finder = new TurnFinder(
        tokenizer.chatTemplate().orElseThrow(() -> new TokenizerException(
            "the model has no chat template, which messages need; give one as chat_template")),
        variables, now);
    Rendered whole = finder.render(conversation, false);
    SpannedIds tokens = tokenizer.encodeWithSpans(whole.text());
    // Where the template writes an end id, other special tokens are parts of a turn.
    boolean ends = IntStream.of(tokens.ids()).anyMatch(tokenizer.endIds()::contains);
    List<Span> spans =
        finder.trained(conversation, whole, tokens, ends ? tokenizer.endIds() : stopIds());
    boolean[] trained = new boolean[tokens.ids().length];
    int length = 0;
    for (int i = 0; i < trained.length; i++) {
      Span token = tokens.spans().get(i);
      trained[i] = spans.stream()
          .anyMatch(span -> token.start() < span.end() && token.end() > span.start());
      length = trained[i] ? i + 1 : length;
    }
    Encoded row = new Encoded(Arrays.copyOf(tokens.ids(), length), Arrays.copyOf(trained, length));
    return whole.assistantSpans().isEmpty() ? ended(row) : row;
  }

  /** With an eos where the template writes no end behind the last turn. */
  private Encoded ended(Encoded row) {
    int last = row.ids().length - 1;
    if (last < 0 || stopIds().contains(row.ids()[last])) {
      return row;
    }
    boolean[] trained = Arrays.copyOf(row.trained(), last + 2);
    trained[last + 1] = true;
    return new Encoded(concat(row.ids(), new int[] {requireEos("")}), trained);
  }

  private int[] withBos(int[] ids) {
    return tokenizer.addsBos() ? concat(new int[] {tokenizer.bos().getAsInt()}, ids) : ids;
  }

  /** The ids at which generation stops: the tokenizer's, and the last of an end of turn. */
  public Set<Integer> stopIds() {
    Set<Integer> ids = new TreeSet<>(tokenizer.endIds());
    ids.add(endOfTurn[endOfTurn.length - 1]);
    return ids;
  }

  /**
   * The ids that the template writes behind an answer, up to the first that can end a turn: an end
   * id or another special token. What follows, often a newline, belongs to the next turn.
   */
  private int[] chatEnd(ChatTemplate template) {
    List<ChatMessage> turn =
        List.of(new ChatMessage("user", QUESTION), new ChatMessage("assistant", ANSWER));
    String text = template.render(turn, false, variables, now).text();
    int answer = text.lastIndexOf(ANSWER);
    if (answer < 0 || !text.substring(0, answer).contains(QUESTION)) {
      throw new TokenizerException("the chat template leaves out the text of a user or assistant"
          + " message; remove it to train on plain text");
    }
    int[] after = tokenizer.encode(text.substring(answer + ANSWER.length()));
    for (int i = 0; i < after.length; i++) {
      if (tokenizer.endIds().contains(after[i]) || tokenizer.isSpecial(after[i])) {
        return Arrays.copyOf(after, i + 1);
      }
    }
    return concat(after, new int[] {requireEos(" and the chat template writes none")});
  }

  private int requireEos(String more) {
    return tokenizer.eos().orElseThrow(() -> new TokenizerException(
        "the tokenizer has no eos token" + more
            + ", so a completion could not end; name eos_token in tokenizer_config.json"));
  }

  private static int[] concat(int[]... parts) {
    return Arrays.stream(parts).flatMapToInt(IntStream::of).toArray();
  }
}
