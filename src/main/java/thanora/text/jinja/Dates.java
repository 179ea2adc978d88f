package thanora.text.jinja;

import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Map;

/** The {@code strftime} directives that prompts use, in English. */
final class Dates {
  private static final Map<Character, String> PATTERNS = Map.ofEntries(
      Map.entry('d', "dd"), Map.entry('m', "MM"), Map.entry('Y', "yyyy"), Map.entry('y', "yy"),
      Map.entry('B', "MMMM"), Map.entry('b', "MMM"), Map.entry('A', "EEEE"), Map.entry('a', "EEE"),
      Map.entry('H', "HH"), Map.entry('I', "hh"), Map.entry('M', "mm"), Map.entry('S', "ss"),
      Map.entry('p', "a"), Map.entry('j', "DDD"), Map.entry('F', "yyyy-MM-dd"),
      Map.entry('T', "HH:mm:ss"));

  private Dates() {}

  static String format(LocalDateTime time, String format) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < format.length(); i++) {
      char c = format.charAt(i);
      if (c != '%') {
        out.append(c);
        continue;
      }
      boolean unpadded = format.startsWith("%-", i);
      i += unpadded ? 2 : 1;
      char directive = i < format.length() ? format.charAt(i) : 0;
      if (directive == '%') {
        out.append('%');
        continue;
      }
      String pattern = PATTERNS.get(directive);
      if (pattern == null) {
        throw new TemplateException("strftime directive in '" + format + "' is not supported");
      }
      String text = DateTimeFormatter.ofPattern(pattern, Locale.US).format(time);
      out.append(unpadded ? text.replaceFirst("^0+(?=.)", "") : text);
    }
    return out.toString();
  }
}
