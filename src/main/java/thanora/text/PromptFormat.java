package thanora.text;

import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import thanora.text.ContentStyle.Form;
import thanora.text.jinja.TemplateException;

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
  private final Tokenizer tokenizer;
  private final Map<String, Object> variables;
  private final LocalDateTime now;
  private final Optional<String> placeholder;
  private final ContentStyle style;
  private final String opening;
  private final String blank;
  private final int[] endOfTurn;

  private PromptFormat(
      Tokenizer tokenizer, Map<String, Object> variables, LocalDateTime now, Optional<String> placeholder) {
    this.tokenizer = tokenizer;
    this.variables = Map.copyOf(variables);
    this.now = now;
    this.placeholder = placeholder;
    if (tokenizer.chatTemplate().isPresent()) {
      style = ContentStyle.of(messages -> tried(messages, false), placeholder);
      List<ChatMessage> turn = shaped(List.of(new ChatMessage("user", ContentStyle.QUESTION),
          new ChatMessage("assistant", ContentStyle.ANSWER)), false);
      opening = tried(turn.subList(0, 1), true).map(PromptFormat::behindQuestion).orElse("");
      blank = blankBeforeAnswer(turn);
      endOfTurn = chatEnd(turn);
    } else {
      style = new ContentStyle(Form.STRING, Form.STRING, false, placeholder);
      opening = "";
      blank = "";
      endOfTurn = new int[] {requireEos("")};
    }
  }

  private ChatTemplate template() {
    return tokenizer.chatTemplate().orElseThrow(() -> new TokenizerException(
        "the model has no chat template, which messages need; give one as chat_template"));
  }

  /** Nothing where the template refuses the messages. */
  private Optional<String> tried(List<ChatMessage> messages, boolean addGenerationPrompt) {
    try {
      return Optional.of(template().render(messages, addGenerationPrompt, variables, now).text());
    } catch (TemplateException refused) {
      return Optional.empty();
    }
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
    return of(tokenizer, variables, now, Optional.empty());
  }

  /**
   * The format of a model that sees images.
   *
   * @param placeholder text of the token that stands for one; empty for a model of text alone
   */
  public static PromptFormat of(
      Tokenizer tokenizer, Map<String, Object> variables, LocalDateTime now, Optional<String> placeholder) {
    return new PromptFormat(tokenizer, variables, now, placeholder);
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
    return prompt(system, prompt, false);
  }

  /**
   * The same of a prompt that may have images.
   *
   * @param images whether {@link ChatMessage#IMAGE} is the place of an image; if not it is text
   */
  public int[] prompt(String system, String prompt, boolean images) {
    if (tokenizer.chatTemplate().isPresent()) {
      List<ChatMessage> messages = new ArrayList<>();
      if (!system.isEmpty()) {
        messages.add(new ChatMessage("system", system));
      }
      messages.add(new ChatMessage("user", prompt));
      return conversation(messages, Map.of(), images);
    }
    String before = system.isEmpty() ? "" : system + "\n";
    return plain(before + placed(prompt, images) + "\n");
  }

  /** A text with the model's placeholder in the places of images. */
  private String placed(String text, boolean images) {
    return images && placeholder.isPresent() ? text.replace(ChatMessage.IMAGE, placeholder.get()) : text;
  }

  private List<ChatMessage> shaped(List<ChatMessage> messages, boolean images) {
    return messages.stream().map(message -> style.shaped(message, images)).toList();
  }

  /**
   * The ids of a conversation, whose next message the model is to write.
   *
   * @param more further variables of the template, such as {@code tools}
   * @throws TokenizerException if the model has no chat template, unless all is one user's message
   * @throws thanora.text.jinja.TemplateException if the template refuses the messages
   */
  public int[] conversation(List<ChatMessage> messages, Map<String, Object> more) {
    return conversation(messages, more, false);
  }

  private int[] conversation(List<ChatMessage> messages, Map<String, Object> more, boolean images) {
    if (tokenizer.chatTemplate().isPresent()) {
      Map<String, Object> all = new HashMap<>(variables);
      all.putAll(more);
      return begun(tokenizer.encode(template().render(
          shaped(messages, images), true, all, now).text()));
    }
    if (messages.size() == 1 && more.isEmpty() && messages.get(0).role().equals("user")) {
      return prompt(messages.get(0).text(placeholder.orElse("")));
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
    return encode(system, prompt, completion, false);
  }

  /** The same of a prompt that may have images. */
  public Encoded encode(String system, String prompt, String completion, boolean images) {
    int[] before = prompt(system, prompt, images);
    return new Encoded(concat(before, answer(completion), endOfTurn), before.length);
  }

  /** A completion, with the blank that the template writes between it and the words that open an answer. */
  private int[] answer(String completion) {
    if (blank.isEmpty()) {
      return tokenizer.encode(completion);
    }
    // A tokenizer may begin every text with a blank of its own, so the completion is encoded behind these words.
    SpannedIds whole = tokenizer.encodeWithSpans(opening + blank + completion);
    return IntStream.range(0, whole.ids().length)
        .filter(i -> whole.spans().get(i).start() >= opening.length()).map(i -> whole.ids()[i]).toArray();
  }

  /**
   * The ids of a text that is learnt as a whole: with the bos if the tokenizer adds it, and an eos.
   */
  public Encoded encodeText(String text) {
    return encodeText(text, false);
  }

  /** The same of a text that may have images. */
  public Encoded encodeText(String text, boolean images) {
    int[] ids = tokenizer.encode(placed(text, images));
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
    return encode(conversation, false);
  }

  /** The same of a conversation whose texts may have images. */
  public Encoded encode(Conversation conversation, boolean images) {
    TurnFinder finder = new TurnFinder(template(), variables, now);
    Conversation shaped = new Conversation(shaped(conversation.messages(), images),
        conversation.tools(), conversation.firstTrained());
    Rendered whole = finder.render(shaped, false);
    SpannedIds tokens = tokenizer.encodeWithSpans(whole.text());
    // Where the template writes an end id, other special tokens are parts of a turn.
    boolean ends = IntStream.of(tokens.ids()).anyMatch(tokenizer.endIds()::contains);
    List<Span> spans = finder.trained(shaped, whole, tokens, ends ? tokenizer.endIds() : stopIds());
    boolean endless = IntStream.of(tokens.ids()).noneMatch(stopIds()::contains);
    if (endless) {
      spans = spans.stream().map(span -> new Span(span.start(),
          span.start() + trimmed(whole.text().substring(span.start(), span.end())).length())).toList();
    }
    boolean[] trained = new boolean[tokens.ids().length];
    int length = 0;
    for (int i = 0; i < trained.length; i++) {
      Span token = tokens.spans().get(i);
      trained[i] = spans.stream()
          .anyMatch(span -> token.start() < span.end() && token.end() > span.start());
      length = trained[i] ? i + 1 : length;
    }
    Encoded row = new Encoded(Arrays.copyOf(tokens.ids(), length), Arrays.copyOf(trained, length));
    Encoded begun = begun(row);
    return endless || whole.assistantSpans().isEmpty() ? ended(begun) : begun;
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

  /**
   * A rendered text as the processors of models with images encode it: with the bos if the tokenizer adds it and
   * the template does not.
   */
  private int[] begun(int[] ids) {
    boolean has = ids.length > 0 && tokenizer.bos().equals(OptionalInt.of(ids[0]));
    return placeholder.isEmpty() || has ? ids : withBos(ids);
  }

  private Encoded begun(Encoded row) {
    int[] ids = begun(row.ids());
    boolean[] trained = new boolean[ids.length];
    System.arraycopy(row.trained(), 0, trained, ids.length - row.ids().length, row.ids().length);
    return new Encoded(ids, trained);
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
  private int[] chatEnd(List<ChatMessage> turn) {
    String text = template().render(turn, false, variables, now).text();
    int answer = text.lastIndexOf(ContentStyle.ANSWER);
    if (answer < 0 || !text.substring(0, answer).contains(ContentStyle.QUESTION)) {
      throw new TokenizerException("the chat template leaves out the text of a user or assistant"
          + " message; remove it to train on plain text");
    }
    int[] after = tokenizer.encode(trimmed(text.substring(answer + ContentStyle.ANSWER.length())));
    for (int i = 0; i < after.length; i++) {
      if (tokenizer.endIds().contains(after[i]) || tokenizer.isSpecial(after[i])) {
        return Arrays.copyOf(after, i + 1);
      }
    }
    return concat(after, new int[] {requireEos(" and the chat template writes none")});
  }

  /** What stands between the words that open an answer and the answer, where that is blank. */
  private String blankBeforeAnswer(List<ChatMessage> turn) {
    return tried(turn, false).map(PromptFormat::behindQuestion)
        .filter(text -> text.startsWith(opening) && text.indexOf(ContentStyle.ANSWER) >= opening.length())
        .map(text -> text.substring(opening.length(), text.indexOf(ContentStyle.ANSWER)))
        .filter(String::isBlank).orElse("");
  }

  private static String behindQuestion(String text) {
    int question = text.indexOf(ContentStyle.QUESTION);
    return question < 0 ? "" : text.substring(question + ContentStyle.QUESTION.length());
  }

  /** Without blanks at the end of a line, which stand between turns. */
  private static String trimmed(String text) {
    return text.replaceFirst(" +$", "");
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
