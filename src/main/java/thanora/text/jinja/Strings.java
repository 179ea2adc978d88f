package thanora.text.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Python's string operations; positions and lengths count code points. */
final class Strings {
  /** Longest string a template may build. */
  static final int MAX_LENGTH = 16_000_000;

  private static final int MAX_CHARACTERS = 1_000_000;

  private Strings() {}

  static boolean isSpace(int c) {
    return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == 0x85;
  }

  static List<Object> characters(String text) {
    if (text.length() > MAX_CHARACTERS) {
      throw new TemplateException("a string of over " + MAX_CHARACTERS + " characters as a list");
    }
    List<Object> all = new ArrayList<>(text.length());
    text.codePoints().forEach(c -> all.add(Character.toString(c)));
    return all;
  }

  /** @param chars characters to take off; null means white space */
  static String stripLeft(String text, String chars) {
    int i = 0;
    while (i < text.length()) {
      int c = text.codePointAt(i);
      if (!isStripped(c, chars)) {
        break;
      }
      i += Character.charCount(c);
    }
    return text.substring(i);
  }

  /** @param chars characters to take off; null means white space */
  static String stripRight(String text, String chars) {
    int i = text.length();
    while (i > 0) {
      int c = text.codePointBefore(i);
      if (!isStripped(c, chars)) {
        break;
      }
      i -= Character.charCount(c);
    }
    return text.substring(0, i);
  }

  private static boolean isStripped(int c, String chars) {
    return chars == null ? isSpace(c) : chars.indexOf(c) >= 0;
  }

  static String capitalize(String text) {
    if (text.isEmpty()) {
      return text;
    }
    int end = text.offsetByCodePoints(0, 1);
    return titleCase(text.codePointAt(0)) + lower(text.substring(end));
  }

  /** {@code str.title()}: a letter is big when no cased letter stands before it. */
  static String title(String text) {
    StringBuilder out = new StringBuilder(text.length());
    boolean inWord = false;
    for (int c : text.codePoints().toArray()) {
      out.append(inWord ? lower(Character.toString(c)) : titleCase(c));
      inWord = Character.isUpperCase(c) || Character.isLowerCase(c) || Character.isTitleCase(c);
    }
    return out.toString();
  }

  private static String titleCase(int c) {
    int title = Character.toTitleCase(c);
    return title != c || Character.isTitleCase(c) ? Character.toString(title) : sharp(c);
  }

  /** Letters such as the German sharp s whose capital is two letters: only the first is big. */
  private static String sharp(int c) {
    String big = upper(Character.toString(c));
    int first = big.offsetByCodePoints(0, 1);
    return big.substring(0, first) + lower(big.substring(first));
  }

  static String upper(String text) {
    return text.toUpperCase(Locale.ROOT);
  }

  static String lower(String text) {
    return text.toLowerCase(Locale.ROOT);
  }

  static String replace(String text, String old, String with, long count) {
    if (count == 0) {
      return text;
    }
    long limit = count < 0 ? Long.MAX_VALUE : count;
    StringBuilder out = new StringBuilder();
    int at = 0;
    for (long done = 0; done < limit; done++) {
      int found = text.indexOf(old, at);
      if (old.isEmpty()) {
        found = at;
      }
      if (found < 0) {
        break;
      }
      bounded((long) out.length() + (found - at) + with.length());
      out.append(text, at, found).append(with);
      at = found + old.length();
      if (old.isEmpty()) {
        if (at == text.length()) {
          return out.toString();
        }
        int c = text.codePointAt(at);
        out.appendCodePoint(c);
        at += Character.charCount(c);
      }
    }
    return out.append(text.substring(at)).toString();
  }

  static String join(String separator, List<Object> parts) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < parts.size(); i++) {
      String part = Text.str(parts.get(i));
      bounded((long) out.length() + part.length() + separator.length());
      out.append(i == 0 ? "" : separator).append(part);
    }
    return out.toString();
  }

  static String repeat(String text, long times) {
    bounded(Math.max(0, times) * (double) text.length());
    return text.isEmpty() ? "" : text.repeat((int) Math.max(0, times));
  }

  static String concat(String a, String b) {
    bounded((long) a.length() + b.length());
    return a + b;
  }

  static void bounded(double length) {
    if (length > MAX_LENGTH) {
      throw new TemplateException("a string grows over " + MAX_LENGTH + " characters");
    }
  }

  /** {@code str.split}; {@code separator} null splits at runs of white space. */
  static List<Object> split(String text, String separator, long maxSplit) {
    long left = maxSplit < 0 ? Long.MAX_VALUE : maxSplit;
    return separator == null ? splitAtSpace(text, left) : splitAt(text, separator, left);
  }

  private static List<Object> splitAt(String text, String separator, long splits) {
    refuseEmpty(separator);
    List<Object> parts = new ArrayList<>();
    int at = 0;
    for (int found = text.indexOf(separator); found >= 0 && parts.size() < splits;
        found = text.indexOf(separator, at)) {
      parts.add(text.substring(at, found));
      at = found + separator.length();
    }
    parts.add(text.substring(at));
    return parts;
  }

  private static List<Object> splitAtSpace(String text, long splits) {
    List<Object> parts = new ArrayList<>();
    String rest = stripLeft(text, null);
    while (!rest.isEmpty()) {
      int end = 0;
      while (end < rest.length() && !isSpace(rest.charAt(end))) {
        end++;
      }
      if (parts.size() == splits) {
        // Python keeps trailing blanks of the last part when the number of splits is used up.
        parts.add(rest);
        return parts;
      }
      parts.add(rest.substring(0, end));
      rest = stripLeft(rest.substring(end), null);
    }
    return parts;
  }

  /** {@code str.rsplit}: counts splits from the right. */
  static List<Object> splitRight(String text, String separator, long maxSplit) {
    if (maxSplit < 0) {
      return split(text, separator, -1);
    }
    // Reversed text, split from the left, reversed back: code points stay whole.
    List<Object> reversed =
        split(reverse(text), separator == null ? null : reverse(separator), maxSplit);
    List<Object> parts = new ArrayList<>();
    for (int i = reversed.size() - 1; i >= 0; i--) {
      parts.add(reverse((String) reversed.get(i)));
    }
    return parts;
  }

  static String reverse(String text) {
    int[] points = text.codePoints().toArray();
    StringBuilder out = new StringBuilder(text.length());
    for (int i = points.length - 1; i >= 0; i--) {
      out.appendCodePoint(points[i]);
    }
    return out.toString();
  }

  static List<Object> lines(String text, boolean keepEnds) {
    List<Object> lines = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < text.length(); i++) {
      if ("\n\r\u000b\f\u001c\u001d\u001e\u0085\u2028\u2029".indexOf(text.charAt(i)) < 0) {
        continue;
      }
      int end = text.startsWith("\r\n", i) ? i + 2 : i + 1;
      lines.add(text.substring(start, keepEnds ? end : i));
      start = end;
      i = end - 1;
    }
    if (start < text.length()) {
      lines.add(text.substring(start));
    }
    return lines;
  }

  static long find(String text, String part, boolean last) {
    int found = last ? text.lastIndexOf(part) : text.indexOf(part);
    return found < 0 ? -1 : text.codePointCount(0, found);
  }

  static long count(String text, String part) {
    if (part.isEmpty()) {
      return text.codePointCount(0, text.length()) + 1L;
    }
    return splitAt(text, part, Long.MAX_VALUE).size() - 1L;
  }

  static Tuple partition(String text, String separator, boolean last) {
    refuseEmpty(separator);
    int at = last ? text.lastIndexOf(separator) : text.indexOf(separator);
    List<Object> parts = at < 0
        ? (last ? List.of("", "", text) : List.of(text, "", ""))
        : List.of(text.substring(0, at), separator, text.substring(at + separator.length()));
    return new Tuple(parts);
  }

  private static void refuseEmpty(String separator) {
    if (separator.isEmpty()) {
      throw new TemplateException("empty separator");
    }
  }
}
