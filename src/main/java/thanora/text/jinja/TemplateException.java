package thanora.text.jinja;

/** A chat template that cannot be parsed, or not rendered exactly; the message has its line. */
public final class TemplateException extends RuntimeException {
  private final int line;

  TemplateException(String message) {
    this(0, message);
  }

  TemplateException(int line, String message) {
    super(line > 0 ? "chat template, line " + line + ": " + message : message);
    this.line = line;
  }

  /** Line of the template, from 1. */
  public int line() {
    return line;
  }
}
