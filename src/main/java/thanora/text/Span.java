package thanora.text;

/** A part of a text in UTF-16 chars; {@code end} is exclusive. */
public record Span(int start, int end) {}
