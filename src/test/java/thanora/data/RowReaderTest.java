package thanora.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import thanora.text.ChatMessage;
import thanora.text.Conversation;

/** From the fields of a row to what is asked and answered. */
class RowReaderTest {
  private static final Place PLACE = new Place(Path.of("f"), 3);

  private static ObjectNode json(String row) {
    try {
      return (ObjectNode) new ObjectMapper().readTree(row.replace('\'', '"'));
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(row, e);
    }
  }

  private static Row read(String row, RowRules rules) {
    return new RowReader(rules).read(json(row), PLACE);
  }

  private static Row read(String row) {
    return read(row, RowRules.none());
  }

  private static Conversation chat(String row) {
    return ((Row.Conversation) read(row)).chat();
  }

  private static RowRules rules(
      RowFormat format, Map<String, String> columns, String prompt, String completion, String system) {
    return new RowRules(format, columns, Optional.ofNullable(prompt).map(TextPattern::new),
        Optional.ofNullable(completion).map(TextPattern::new),
        Optional.ofNullable(system).map(TextPattern::new), false, Optional.empty());
  }

  private static void refused(String row, RowRules rules, String said) {
    assertThatThrownBy(() -> read(row, rules)).isInstanceOf(DataException.class)
        .hasMessageContaining("f:3: " + said).hasMessageNotContaining("\n");
  }

  private static ChatMessage user(String text) {
    return new ChatMessage("user", text);
  }

  private static ChatMessage answer(String text) {
    return new ChatMessage("assistant", text);
  }

  @Test
  void promptsAndCompletionsAreStringsOrMessages() {
    assertThat(read("{'prompt': 'p', 'completion': 'c', 'text': 't', 'messages': []}"))
        .isEqualTo(Row.of("p", "c"));
    assertThat(read("{'prompt': 'p', 'completion': 'c', 'system': 's'}"))
        .isEqualTo(new Row.Pair("s", "p", "c"));
    Conversation chat = chat("{'prompt': [{'role': 'user', 'content': 'a'}, {'role': 'assistant',"
        + " 'content': 'b'}, {'role': 'user', 'content': 'c'}],"
        + " 'completion': [{'role': 'assistant', 'content': 'd'}]}");
    assertThat(chat.messages()).containsExactly(user("a"), answer("b"), user("c"), answer("d"));
    assertThat(chat.firstTrained()).isEqualTo(3);
  }

  @Test
  void instructionsAreAlpacas() {
    assertThat(read("{'instruction': 'i', 'input': 'x', 'output': 'o'}")).isEqualTo(Row.of("i\nx", "o"));
    assertThat(read("{'instruction': 'i', 'input': '', 'output': 'o', 'system': ''}"))
        .isEqualTo(Row.of("i", "o"));
    assertThat(read("{'instruction': 'i', 'output': 'o', 'system': 's', 'history': []}"))
        .isEqualTo(new Row.Pair("s", "i", "o"));
    Conversation chat =
        chat("{'instruction': 'i', 'output': 'o', 'system': 's', 'history': [['q', 'a']]}");
    assertThat(chat.messages()).containsExactly(
        new ChatMessage("system", "s"), user("q"), answer("a"), user("i"), answer("o"));
    assertThat(chat.firstTrained()).isEqualTo(1);
  }

  @Test
  void conversationsAreShareGpts() {
    Conversation chat = chat("{'conversations': [{'from': 'human', 'value': 'q'},"
        + " {'from': 'function_call', 'value': '{\\\"name\\\": \\\"f\\\", \\\"arguments\\\": {\\\"x\\\": 1}}'},"
        + " {'from': 'observation', 'value': 'r'}, {'from': 'gpt', 'value': 'a'}, {'from': 'human',"
        + " 'value': 'left out'}], 'system': 's', 'tools': '[{\\\"name\\\": \\\"f\\\"}]'}");
    Map<String, Object> call =
        Map.of("type", "function", "function", Map.of("name", "f", "arguments", Map.of("x", 1)));
    assertThat(chat.messages()).containsExactly(new ChatMessage("system", "s"), user("q"),
        new ChatMessage(Map.of("role", "assistant", "content", "", "tool_calls", List.of(call))),
        new ChatMessage("tool", "r"), answer("a"));
    assertThat(chat.tools())
        .containsExactly(Map.of("type", "function", "function", Map.of("name", "f")));
  }

  @Test
  void messagesAreOpenAis() {
    Conversation chat = chat("{'messages': [{'role': 'user', 'content': 'q', 'name': null},"
        + " {'role': 'assistant', 'content': null, 'tool_calls': [{'id': '1', 'type': 'function',"
        + " 'function': {'name': 'f', 'arguments': '{\\\"x\\\": 1}'}}]},"
        + " {'role': 'tool', 'tool_call_id': '1', 'content': 'r'},"
        + " {'role': 'assistant', 'content': 'a', 'reasoning_content': 'because'}]}");
    assertThat(chat.messages().get(0)).isEqualTo(user("q"));
    assertThat(chat.messages().get(1).fields()).containsEntry("content", null)
        .containsEntry("tool_calls", List.of(Map.of("id", "1", "type", "function",
            "function", Map.of("name", "f", "arguments", Map.of("x", 1)))));
    assertThat(chat.messages().get(3).fields()).containsEntry("reasoning_content", "because");
  }

  @Test
  void theLastAnswerIsJudgedAndTheRestIsGiven() {
    Row row = read("{'messages': [{'role': 'user', 'content': 'q'}, {'role': 'assistant', 'content':"
        + " 'a'}, {'role': 'user', 'content': 'r'}, {'role': 'assistant', 'content': 'b'}]}");
    assertThat(row.completion()).isEqualTo("b");
    assertThat(row.prompt()).isEqualTo("user: q\nassistant: a\nuser: r");
    assertThat(((Row.Conversation) row.answerOnly()).chat().firstTrained()).isEqualTo(3);
    assertThat(read("{'messages': [{'role': 'user', 'content': 'q'}, {'role': 'assistant',"
        + " 'content': 'a'}]}").prompt()).isEqualTo(Row.of("q", "a").prompt());
    assertThat(read("{'messages': [{'role': 'user', 'content': 'q'}]}").completion()).isEmpty();
  }

  @Test
  void columnsAndPatternsNameWhatRowsHave() {
    assertThat(read("{'q': 'p', 'a': 'c'}",
        rules(RowFormat.AUTO, Map.of("prompt", "q", "completion", "a"), null, null, null)))
        .isEqualTo(Row.of("p", "c"));
    assertThat(read("{'t': {'en': 'yes', 'fr': ['oui']}, 'n': 1.5}",
        rules(RowFormat.AUTO, Map.of(), "{n} {{{t.en}}}", "{t.fr.0}", "Be {n}.")))
        .isEqualTo(new Row.Pair("Be 1.5.", "1.5 {yes}", "oui"));
    assertThat(read("{'text': 'p', 'completion': 'c'}",
        rules(RowFormat.AUTO, Map.of(), "{text}?", null, null))).isEqualTo(Row.of("p?", "c"));
    assertThat(read("{'text': 'all of it', 'id': 1}")).isEqualTo(new Row.Text("all of it"));
    assertThat(read("{'text': 't', 'messages': [{'role': 'assistant', 'content': 'x'}]}",
        rules(RowFormat.TEXT, Map.of(), null, null, null))).isEqualTo(new Row.Text("t"));
  }

  @Test
  void unusedFieldsAreNamed() {
    RowReader reader = new RowReader(rules(RowFormat.AUTO, Map.of(), "{t.en}", "{t.fr}", null));
    reader.read(json("{'id': 1, 't': {'en': 'x', 'fr': 'y'}, 'prompt': 'z'}"), PLACE);
    assertThat(reader.ignoredFields()).containsExactly("id", "prompt");
  }

  @Test
  void faultsNameFileLineAndColumns() {
    refused("{'q': 'p'}", rules(RowFormat.AUTO, Map.of("prompt", "question"), null, null, null),
        "question is missing; the row has [q]; name one of them in the recipe");
    refused("{'q': 'p'}", rules(RowFormat.AUTO, Map.of(), "{x}", "{q}", null),
        "x is missing; the row has [q]; name one of them in the recipe");
    refused("{'q': ['p']}", rules(RowFormat.AUTO, Map.of(), "{q}", "{q}", null),
        "q must be text or a number, not a list");
    refused("{'q': 'p', 'a': 'b'}", RowRules.none(), "prompt is missing; the row has [q, a] and needs"
        + " prompt and completion, messages, conversations, instruction and output, or text; name its"
        + " columns in the recipe");
    refused("{'conversations': [{'from': 'alien', 'value': 'x'}]}", RowRules.none(),
        "conversations 1: from is alien; it must be human, gpt, system, function_call or observation");
    refused("{'conversations': [{'role': 'user', 'content': 'x'}]}", RowRules.none(),
        "conversations 1: a message needs the strings from and value; it has [role, content]");
    refused("{'messages': [{'role': 'user', 'content': 'x'}, {'content': 'x'}]}", RowRules.none(),
        "messages 2: a message needs a role and a content; it has [content]");
    refused("{'messages': [{'role': 'user', 'content': 3}]}", RowRules.none(),
        "messages 1: content must be a string or a list of parts, not a number");
    refused("{'messages': 'x'}", RowRules.none(), "messages must be a list of messages, not a string");
    refused("{'messages': []}", RowRules.none(), "there is no message");
    refused("{'instruction': 'i'}", RowRules.none(), "output is missing; the row has [instruction]");
    refused("{'instruction': 'i', 'output': 'o', 'history': [['q']]}", RowRules.none(),
        "history must be a list of pairs of strings");
  }
}
