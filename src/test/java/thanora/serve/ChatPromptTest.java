package thanora.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.Test;
import thanora.PromptEncoder;
import thanora.text.PromptFormat;
import thanora.text.Special;
import thanora.text.Tokenizer;

/** Messages through templates that take tools, or none, or that there are none of. */
class ChatPromptTest {
  private static final String TEMPLATE = """
      {%- if tools %}{% for tool in tools %}<tool>{{ tool.function.name }}</tool>{% endfor %}{% endif -%}
      {%- for m in messages -%}
      [{{ m.role }}]{{ m.content }}
      {%- for call in m.tool_calls or [] %}<call>{{ call.function.name }} {{ call.function.arguments.city }}</call>{% endfor -%}
      {%- if m.role == 'assistant' %}{{ eos_token }}{% endif -%}
      {%- endfor -%}
      {%- if style %}({{ style }}){% endif -%}
      {%- if add_generation_prompt %}[assistant]{% endif -%}""";
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Tokenizer shipped = Tokenizer.of(Path.of("demo", "model"));

  private String text(Optional<String> template, String fields) throws IOException {
    Tokenizer tokenizer = Tokenizer.of(shipped.tokenizerJson(), new Special(
        OptionalInt.empty(), OptionalInt.of(0), OptionalInt.empty(), OptionalInt.empty(), Set.of(0)), template);
    Fields read = Fields.of(JSON.readTree(fields),
        Set.of("messages", "tools", "tool_choice", "chat_template_kwargs", "response_format"), Map.of());
    return tokenizer.decode(new ChatPrompt(
        new PromptEncoder(PromptFormat.of(tokenizer), Optional.empty()), JSON).of(read).ids(), false);
  }

  private String withTools(String fields) throws IOException {
    return text(Optional.of(TEMPLATE), fields);
  }

  @Test
  void toolsAndCallsReachTheTemplate() throws IOException {
    String conversation = """
        {"messages": [
          {"role": "developer", "content": "be brief"},
          {"role": "user", "content": [{"type": "text", "text": "weather"}, {"type": "text", "text": "?"}]},
          {"role": "assistant", "content": null, "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "get", "arguments": "{\\"city\\": \\"Ulm\\"}"}}]},
          {"role": "tool", "tool_call_id": "1", "content": "rain"}],
         "tools": [{"type": "function", "function": {"name": "get"}}]%s}""";
    String rest = "[system]be brief[user]weather?[assistant]<call>get Ulm</call><|endoftext|>[tool]rain[assistant]";
    assertThat(withTools(conversation.formatted(""))).isEqualTo("<tool>get</tool>" + rest);
    assertThat(withTools(conversation.formatted(", \"tool_choice\": \"none\""))).isEqualTo(rest);
    assertThatThrownBy(() -> withTools(conversation.formatted(", \"tool_choice\": \"required\"")))
        .hasMessage("tool_choice: is not supported; give auto or none; the model decides what it writes");
  }

  @Test
  void furtherVariablesReachTheTemplate() throws IOException {
    assertThat(withTools("""
        {"messages": [{"role": "user", "content": "x"}], "chat_template_kwargs": {"style": "short"}}"""))
        .isEqualTo("[user]x(short)[assistant]");
  }

  @Test
  void withoutATemplateOneQuestionIsAsInTraining() throws IOException {
    assertThat(text(Optional.empty(), "{\"messages\": [{\"role\": \"user\", \"content\": \"x\"}]}")).isEqualTo("x\n");
    assertThatThrownBy(() -> text(Optional.empty(), """
        {"messages": [{"role": "system", "content": "y"}, {"role": "user", "content": "x"}]}"""))
        .isInstanceOf(ApiException.class).hasMessage("messages: the model has no chat template;"
            + " give one user message alone, or complete plain text");
  }

  @Test
  void whatTheTemplateRefusesIsTheClientsFault() {
    assertThatThrownBy(() -> text(Optional.of(TEMPLATE.replace("{%- if tools %}",
        "{% if messages[0].role == 'x' %}{{ raise_exception('no x') }}{% endif %}{%- if tools %}")),
        "{\"messages\": [{\"role\": \"x\", \"content\": \"\"}]}"))
        .isInstanceOf(ApiException.class).hasMessageContaining("no x");
  }
}
