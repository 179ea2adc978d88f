package thanora.text.jinja;

/** Python's escapes in a string literal; an unknown escape keeps its backslash, as in Python. */
final class StringLiteral {
  private static final String SIMPLE = "\\'\"abfnrtv";
  private static final String MEANING = "\\'\"\u0007\b\f\n\r\t\u000b";

  private StringLiteral() {}

  static String decode(String body, int line) {
    if (body.indexOf('\\') < 0) {
      return body;
    }
    StringBuilder out = new StringBuilder(body.length());
    int i = 0;
    while (i < body.length()) {
      char c = body.charAt(i++);
      if (c != '\\' || i == body.length()) {
        out.append(c);
        continue;
      }
      i = escape(body, i, out, line);
    }
    return out.toString();
  }

  /** Decodes the escape whose letter is at {@code i}; returns the index behind it. */
  private static int escape(String body, int i, StringBuilder out, int line) {
    char c = body.charAt(i);
    int simple = SIMPLE.indexOf(c);
    if (simple >= 0) {
      out.append(MEANING.charAt(simple));
      return i + 1;
    }
    switch (c) {
      case '\n':
        return i + 1;
      case 'x':
        return hex(body, i + 1, 2, out, line);
      case 'u':
        return hex(body, i + 1, 4, out, line);
      case 'U':
        return hex(body, i + 1, 8, out, line);
      case 'N':
        throw new TemplateException(line, "\\N{...} in a string is not supported");
      default:
        break;
    }
    int end = i;
    while (end < Math.min(body.length(), i + 3) && "01234567".indexOf(body.charAt(end)) >= 0) {
      end++;
    }
    if (end > i) {
      out.appendCodePoint(Integer.parseInt(body.substring(i, end), 8));
      return end;
    }
    out.append('\\').append(c);
    return i + 1;
  }

  private static int hex(String body, int from, int digits, StringBuilder out, int line) {
    String text = body.substring(from, Math.min(body.length(), from + digits));
    if (!text.matches("[0-9a-fA-F]{" + digits + "}")) {
      throw new TemplateException(line, "escape with fewer than " + digits + " hex digits");
    }
    long code = Long.parseLong(text, 16);
    if (code > Character.MAX_CODE_POINT) {
      throw new TemplateException(line, "escape \\U" + text + " is not a character");
    }
    out.appendCodePoint((int) code);
    return from + digits;
  }
}
