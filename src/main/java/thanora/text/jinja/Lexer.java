package thanora.text.jinja;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import thanora.text.jinja.Token.Kind;

/**
 * Cuts a template into tokens and applies the whitespace rules of trim_blocks and lstrip_blocks.
 *
 * <p>A block or comment takes the newline behind it; blanks between the start of a line and a block
 * or comment go away; {@code -} takes all white space on its side, {@code +} keeps it.
 */
final class Lexer {
  private static final Pattern RAW =
      Pattern.compile("\\{%([-+]?)\\s*raw\\s*(?:-%\\}\\s*|%\\})", Pattern.UNICODE_CHARACTER_CLASS);
  private static final Pattern END_RAW =
      Pattern.compile(
          "\\{%([-+]?)\\s*endraw\\s*(?:\\+%\\}|-%\\}\\s*|%\\}\\n?)",
          Pattern.UNICODE_CHARACTER_CLASS);
  private static final Pattern FLOAT =
      Pattern.compile("(?:\\d+_)*\\d+(?:(?:\\.(?:\\d+_)*\\d+)?[eE][+-]?(?:\\d+_)*\\d+"
          + "|\\.(?:\\d+_)*\\d+)");
  private static final Pattern INTEGER =
      Pattern.compile("0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[0-9a-fA-F])+"
          + "|[1-9](?:_?\\d)*|0(?:_?0)*");
  private static final Pattern NAME =
      Pattern.compile("\\w+", Pattern.UNICODE_CHARACTER_CLASS);
  private static final List<String> OPERATORS = List.of(
      "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{",
      "}", ">", "<", "=", ".", ":", "|", ",", ";");

  private final String source;
  private final List<Token> tokens = new ArrayList<>();
  private final Deque<String> brackets = new ArrayDeque<>();
  private int at;
  private int line = 1;
  private boolean lineStarting = true;

  private Lexer(String source) {
    this.source = source;
  }

  static List<Token> tokens(String template) {
    String source = template.replace("\r\n", "\n").replace('\r', '\n');
    if (source.endsWith("\n")) {
      source = source.substring(0, source.length() - 1);
    }
    Lexer lexer = new Lexer(source);
    lexer.run();
    return lexer.tokens;
  }

  private void run() {
    while (at < source.length()) {
      int tag = nextTag();
      if (tag < 0) {
        data(source.substring(at));
        break;
      }
      String text = source.substring(at, tag);
      switch (source.charAt(tag + 1)) {
        case '#' -> comment(text, tag);
        case '{' -> inside(text, tag, Kind.VARIABLE_BEGIN);
        default -> block(text, tag);
      }
    }
    tokens.add(new Token(Kind.END, "", line));
  }

  private int nextTag() {
    for (int i = source.indexOf('{', at); i >= 0; i = source.indexOf('{', i + 1)) {
      if (i + 1 < source.length() && "%{#".indexOf(source.charAt(i + 1)) >= 0) {
        return i;
      }
    }
    return -1;
  }

  private void block(String text, int tag) {
    Matcher raw = RAW.matcher(source).region(tag, source.length());
    if (!raw.lookingAt()) {
      inside(text, tag, Kind.BLOCK_BEGIN);
      return;
    }
    data(strip(text, sign(raw.group(1)), true));
    moveTo(raw.end());
    Matcher end = END_RAW.matcher(source).region(at, source.length());
    if (!end.find()) {
      throw new TemplateException(line, "raw block without endraw");
    }
    data(strip(source.substring(at, end.start()), sign(end.group(1)), true));
    moveTo(end.end());
  }

  private void comment(String text, int tag) {
    int end = source.indexOf("#}", tag + 2);
    if (end < 0) {
      throw new TemplateException(line, "comment without #}");
    }
    data(strip(text, signAt(tag + 2), true));
    moveTo(afterTag(end + 2, source.charAt(end - 1), true));
  }

  private void inside(String text, int tag, Kind begin) {
    char sign = signAt(tag + 2);
    boolean block = begin == Kind.BLOCK_BEGIN;
    data(strip(text, sign, block));
    moveTo(tag + (sign == 0 ? 2 : 3));
    tokens.add(new Token(begin, "", line));
    String close = block ? "%}" : "}}";
    while (true) {
      skipSpace();
      if (at >= source.length()) {
        throw new TemplateException(line, "tag without " + close);
      }
      if (brackets.isEmpty() && closes(close, block)) {
        return;
      }
      token();
    }
  }

  private boolean closes(String close, boolean block) {
    char sign = signAt(at);
    boolean signed = sign == '-' || (sign == '+' && block);
    int end = signed && source.startsWith(close, at + 1) ? at + 1 : at;
    if (!source.startsWith(close, end)) {
      return false;
    }
    tokens.add(new Token(block ? Kind.BLOCK_END : Kind.VARIABLE_END, "", line));
    moveTo(afterTag(end + 2, end > at ? sign : 0, block));
    return true;
  }

  /** Where the text behind a closed tag begins. */
  private int afterTag(int end, char sign, boolean trimNewline) {
    int next = end;
    if (sign == '-') {
      while (next < source.length() && Strings.isSpace(source.charAt(next))) {
        next++;
      }
    } else if (sign != '+' && trimNewline && source.startsWith("\n", next)) {
      next++;
    }
    return next;
  }

  private String strip(String text, char sign, boolean block) {
    if (sign == '-') {
      return Strings.stripRight(text, null);
    }
    if (sign == '+' || !block) {
      return text;
    }
    int lineStart = text.lastIndexOf('\n') + 1;
    boolean blank = Strings.stripRight(text.substring(lineStart), null).isEmpty();
    return blank && (lineStart > 0 || lineStarting) ? text.substring(0, lineStart) : text;
  }

  private void token() {
    char c = source.charAt(at);
    if (c == '\'' || c == '"') {
      string(c);
    } else if (!matched(FLOAT, Kind.FLOAT) && !matched(INTEGER, Kind.INTEGER)
        && !matched(NAME, Kind.NAME)) {
      operator();
    }
  }

  private boolean matched(Pattern pattern, Kind kind) {
    Matcher matcher = pattern.matcher(source).region(at, source.length());
    boolean afterDot = at > 0 && source.charAt(at - 1) == '.';
    if (!matcher.lookingAt() || (kind == Kind.FLOAT && afterDot)) {
      return false;
    }
    tokens.add(new Token(kind, matcher.group(), line));
    moveTo(matcher.end());
    return true;
  }

  private void string(char quote) {
    int end = at + 1;
    while (end < source.length() && source.charAt(end) != quote) {
      end += source.charAt(end) == '\\' ? 2 : 1;
    }
    if (end >= source.length()) {
      throw new TemplateException(line, "string without closing " + quote);
    }
    String body = source.substring(at + 1, end);
    tokens.add(new Token(Kind.STRING, StringLiteral.decode(body, line), line));
    moveTo(end + 1);
  }

  private void operator() {
    for (String operator : OPERATORS) {
      if (source.startsWith(operator, at)) {
        balance(operator);
        tokens.add(new Token(Kind.OPERATOR, operator, line));
        moveTo(at + operator.length());
        return;
      }
    }
    throw new TemplateException(
        line, "unexpected character '" + Character.toString(source.codePointAt(at)) + "'");
  }

  private void balance(String operator) {
    switch (operator) {
      case "{" -> brackets.push("}");
      case "(" -> brackets.push(")");
      case "[" -> brackets.push("]");
      case "}", ")", "]" -> {
        if (brackets.isEmpty() || !brackets.pop().equals(operator)) {
          throw new TemplateException(line, "unexpected '" + operator + "'");
        }
      }
      default -> { }
    }
  }

  private void skipSpace() {
    int next = at;
    while (next < source.length() && Strings.isSpace(source.charAt(next))) {
      next++;
    }
    moveTo(next);
  }

  private void data(String text) {
    if (!text.isEmpty()) {
      tokens.add(new Token(Kind.DATA, text, line));
    }
  }

  private void moveTo(int next) {
    for (int i = at; i < next; i++) {
      if (source.charAt(i) == '\n') {
        line++;
      }
    }
    if (next > at) {
      lineStarting = source.charAt(next - 1) == '\n';
    }
    at = next;
  }

  private char signAt(int index) {
    char c = index < source.length() ? source.charAt(index) : 0;
    return c == '-' || c == '+' ? c : 0;
  }

  private static char sign(String group) {
    return group.isEmpty() ? 0 : group.charAt(0);
  }
}
