package thanora.compare;

import java.util.ArrayDeque;
import java.util.Deque;

/** Markup under construction: what goes in as text or attribute comes out escaped. */
final class Html {
  private final StringBuilder out = new StringBuilder();
  private final Deque<String> open = new ArrayDeque<>();

  /** Opens an element; attributes are names and values in turn. */
  Html open(String tag, String... attributes) {
    start(tag, attributes);
    out.append('>');
    open.push(tag);
    return this;
  }

  /** Closes the last open element. */
  Html close() {
    out.append("</").append(open.pop()).append('>');
    return this;
  }

  /** An element that has no end tag in HTML. */
  Html empty(String tag, String... attributes) {
    start(tag, attributes);
    out.append('>');
    return this;
  }

  /** An SVG element without content. */
  Html shape(String tag, String... attributes) {
    start(tag, attributes);
    out.append("/>");
    return this;
  }

  /** An element that holds only text. */
  Html element(String tag, String text, String... attributes) {
    return open(tag, attributes).text(text).close();
  }

  Html text(String text) {
    out.append(escape(text));
    return this;
  }

  /** Our own style or script, which is not escaped. */
  Html verbatim(String code) {
    out.append(code);
    return this;
  }

  private void start(String tag, String... attributes) {
    out.append('<').append(tag);
    for (int i = 0; i < attributes.length; i += 2) {
      out.append(' ').append(attributes[i]).append("=\"").append(escape(attributes[i + 1]))
          .append('"');
    }
  }

  static String escape(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;")
        .replace("'", "&#39;");
  }

  /** A figure with the minus sign that belongs to it. */
  static String minus(String figure) {
    return figure.replace('-', '\u2212');
  }

  /** The markup so far; all elements must be closed. */
  @Override
  public String toString() {
    if (!open.isEmpty()) {
      throw new IllegalStateException("elements still open: " + open);
    }
    return out.toString();
  }
}
