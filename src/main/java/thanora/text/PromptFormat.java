package thanora.text;

import java.time.LocalDateTime;
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
    if (tokenizer.chatTemplate().isPresent()) {
      List<ChatMessage> messages = List.of(new ChatMessage("user", prompt));
      return tokenizer.encode(
          tokenizer.chatTemplate().get().render(messages, true, variables, now).text());
    }
    return plain(prompt + "\n");
  }

  /**
   * The ids of a conversation, whose next message the model is to write.
   *
   * @param messages {@code role}, {@code content} and what else the template reads of a message
   * @param more further variables of the template, such as {@code tools}
   * @throws TokenizerException if the model has no chat template, unless all is one user's message
   * @throws thanora.text.jinja.TemplateException if the template refuses the messages
   */
  public int[] conversation(List<Map<String, Object>> messages, Map<String, Object> more) {
    if (tokenizer.chatTemplate().isPresent()) {
      Map<String, Object> all = new HashMap<>(variables);
      all.putAll(more);
      return tokenizer.encode(
          tokenizer.chatTemplate().get().renderFields(messages, true, all, now).text());
    }
    if (messages.size() == 1 && more.isEmpty() && "user".equals(messages.get(0).get("role"))) {
      return prompt((String) messages.get(0).get("content"));
    }
    throw new TokenizerException(
        "the model has no chat template; give one user message alone, or complete plain text");
  }

  /** The ids of plain text that the model is to go on with, behind the token that begins a text. */
  public int[] plain(String text) {
    int[] ids = tokenizer.encode(text);
    return tokenizer.addsBos() ? concat(new int[] {tokenizer.bos().getAsInt()}, ids) : ids;
  }

  /** The ids of a prompt and its completion; trained is all from {@code promptLength} on. */
  public Encoded encode(String prompt, String completion) {
    int[] before = prompt(prompt);
    return new Encoded(
        concat(before, tokenizer.encode(completion), endOfTurn), before.length);
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
