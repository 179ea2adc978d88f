package thanora.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.LocalDateTime;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import thanora.text.jinja.TemplateException;

class ChatTemplateTest {
  private static final List<ChatMessage> TURN =
      List.of(new ChatMessage("user", "Hi 👍"), new ChatMessage("assistant", "Hello"));

  @Test
  void marksWhatTheAssistantSays() {
    ChatTemplate template = ChatTemplate.of("{% for m in messages %}{{ m.role }}: "
        + "{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{{ eos_token }}"
        + "{% endgeneration %}{% else %}{{ m.content }};{% endif %}{% endfor %}",
        Map.of("eos_token", "</s>"));
    Rendered rendered = template.render(TURN, false, Map.of());
    assertThat(rendered.text()).isEqualTo("user: Hi 👍;assistant: Hello</s>");
    Span span = rendered.assistantSpans().get(0);
    assertThat(rendered.text().substring(span.start(), span.end())).isEqualTo("Hello</s>");
  }

  @Test
  void toolsAndDocumentsAreNoneNotUndefined() {
    ChatTemplate template = ChatTemplate.of(
        "{{ tools is none }}{{ documents is defined }}{{ bos_token is defined }}{{ x }}", Map.of());
    assertThat(template.render(TURN, true, Map.of("x", 3)).text()).isEqualTo("TrueTrueFalse3");
  }

  @Test
  void aFixedTimeGivesAFixedText() {
    ChatTemplate template = ChatTemplate.of("{{ strftime_now('%Y-%m-%d') }}", Map.of());
    LocalDateTime day = LocalDateTime.of(2024, 2, 29, 0, 0);
    assertThat(template.render(TURN, true, Map.of(), day).text()).isEqualTo("2024-02-29");
  }

  @Test
  void passesOnWhatTheTemplateSays() {
    ChatTemplate template = ChatTemplate.of("\n{{ raise_exception('no system role') }}", Map.of());
    assertThatThrownBy(() -> template.render(TURN, true, Map.of()))
        .isInstanceOf(TemplateException.class)
        .hasMessage("chat template, line 2: the template says: no system role");
  }
}
