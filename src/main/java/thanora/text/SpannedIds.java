package thanora.text;

import java.util.List;

/**
 * The ids of a text and where each token stands in it.
 *
 * @param ids token ids
 * @param spans chars of the text, by token; bytes of one char that are split over several tokens
 *     all have the span of that char
 */
public record SpannedIds(int[] ids, List<Span> spans) {
  /** Copies the spans. */
  public SpannedIds {
    spans = List.copyOf(spans);
  }
}
