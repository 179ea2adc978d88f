package thanora.text;

import java.util.List;

/**
 * A conversation as the model reads it.
 *
 * @param text the rendered template
 * @param assistantSpans what its {@code {% generation %}} blocks wrote; empty when it has none
 */
public record Rendered(String text, List<Span> assistantSpans) {
  /** Copies the list. */
  public Rendered {
    assistantSpans = List.copyOf(assistantSpans);
  }
}
