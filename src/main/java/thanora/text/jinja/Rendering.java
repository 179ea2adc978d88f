package thanora.text.jinja;

import java.util.List;

/**
 * A rendered template.
 *
 * @param text the output
 * @param generated what the {@code {% generation %}} blocks wrote, in order
 */
public record Rendering(String text, List<Span> generated) {
  /** Copies the list. */
  public Rendering {
    generated = List.copyOf(generated);
  }

  /** A part of the text, in UTF-16 chars; {@code end} is exclusive. */
  public record Span(int start, int end) {}
}
