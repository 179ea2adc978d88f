package thanora.text;

import java.time.LocalDateTime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import thanora.text.jinja.Rendering;
import thanora.text.jinja.Template;

/**
 * The model's own chat template, rendered as transformers renders it.
 *
 * <p>The template sees {@code messages}, {@code add_generation_prompt}, {@code tools} and
 * {@code documents} (both None), the special tokens ({@code bos_token}, ...) and the caller's
 * variables, which win over all but the first two. What it does is a function of these and the
 * time; see {@link Template} for its limits.
 */
public final class ChatTemplate {
  private final String source;
  private final Template template;
  private final Map<String, String> specialTokens;

  private ChatTemplate(String source, Map<String, String> specialTokens) {
    this.source = source;
    this.template = Template.parse(source);
    this.specialTokens = Map.copyOf(specialTokens);
  }

  /**
   * Parses a template.
   *
   * @param specialTokens text by variable, such as {@code bos_token}; a token that the model lacks
   *     is left out
   * @throws thanora.text.jinja.TemplateException with its line, on Jinja that is not supported
   */
  public static ChatTemplate of(String source, Map<String, String> specialTokens) {
    return new ChatTemplate(source, specialTokens);
  }

  /** The template's text. */
  public String source() {
    return source;
  }

  /** Renders with the present time; see {@link #render(List, boolean, Map, LocalDateTime)}. */
  public Rendered render(
      List<ChatMessage> messages, boolean addGenerationPrompt, Map<String, Object> variables) {
    return render(messages, addGenerationPrompt, variables, LocalDateTime.now());
  }

  /**
   * Renders a conversation.
   *
   * @param addGenerationPrompt whether to end with the words that open the assistant's answer
   * @param variables further variables, such as {@code enable_thinking}
   * @param now the time that a template may print; fix it to get the same text every day
   * @throws thanora.text.jinja.TemplateException if the template fails, or refuses the messages
   */
  public Rendered render(
      List<ChatMessage> messages,
      boolean addGenerationPrompt,
      Map<String, Object> variables,
      LocalDateTime now) {
    Map<String, Object> all = new HashMap<>(specialTokens);
    all.put("tools", null);
    all.put("documents", null);
    all.putAll(variables);
    all.put("messages", messages.stream().map(ChatMessage::fields).toList());
    all.put("add_generation_prompt", addGenerationPrompt);
    Rendering rendering = template.render(all, now);
    return new Rendered(rendering.text(), rendering.generated().stream()
        .map(span -> new Span(span.start(), span.end())).toList());
  }
}
