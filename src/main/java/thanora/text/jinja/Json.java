package thanora.text.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Python's {@code json.dumps}: {@code ", "} and {@code ": "} between items, non-ASCII kept. */
final class Json {
  private final String indent;
  private final String itemSeparator;
  private final String keySeparator;
  private final boolean ascii;
  private final boolean sortKeys;
  private final StringBuilder out = new StringBuilder();

  private Json(Map<String, Object> options) {
    Object width = options.get("indent");
    indent = width == null || width instanceof String
        ? (String) width
        : " ".repeat((int) Math.max(0, Math.min(100, Values.integer(width, "indent"))));
    String item = indent == null ? ", " : ",";
    String key = ": ";
    if (options.get("separators") != null) {
      List<Object> pair = Values.items(options.get("separators"));
      if (pair.size() != 2) {
        throw new TemplateException("tojson separators needs two strings");
      }
      item = Text.str(pair.get(0));
      key = Text.str(pair.get(1));
    }
    itemSeparator = item;
    keySeparator = key;
    ascii = Values.truth(options.get("ensure_ascii"));
    sortKeys = Values.truth(options.get("sort_keys"));
  }

  static String dumps(Object value, Map<String, Object> options) {
    Json json = new Json(options);
    json.write(value, 0);
    return json.out.toString();
  }

  private void write(Object value, int depth) {
    Strings.bounded(out.length());
    if (value == null || value instanceof Boolean || Values.isNumber(value)) {
      out.append(scalar(value));
    } else if (value instanceof String text) {
      quote(text);
    } else if (value instanceof Map<?, ?> map) {
      object(map, depth);
    } else if (value instanceof List<?> list && !(value instanceof Range)) {
      array(list, depth);
    } else {
      throw new TemplateException("'" + Values.typeName(value) + "' cannot be written as JSON");
    }
  }

  private static String scalar(Object value) {
    if (value == null) {
      return "null";
    }
    if (value instanceof Boolean bool) {
      return bool ? "true" : "false";
    }
    if (value instanceof Double number && (number.isNaN() || number.isInfinite())) {
      return number.isNaN() ? "NaN" : number > 0 ? "Infinity" : "-Infinity";
    }
    return Text.repr(value);
  }

  private void array(List<?> list, int depth) {
    if (list.isEmpty()) {
      out.append("[]");
      return;
    }
    out.append('[');
    for (int i = 0; i < list.size(); i++) {
      out.append(i == 0 ? "" : itemSeparator);
      newLine(depth + 1);
      write(list.get(i), depth + 1);
    }
    newLine(depth);
    out.append(']');
  }

  private void object(Map<?, ?> map, int depth) {
    if (map.isEmpty()) {
      out.append("{}");
      return;
    }
    List<Object> keys = new ArrayList<>(map.keySet());
    if (sortKeys) {
      keys.sort(Values::compare);
    }
    out.append('{');
    for (int i = 0; i < keys.size(); i++) {
      out.append(i == 0 ? "" : itemSeparator);
      newLine(depth + 1);
      quote(key(keys.get(i)));
      out.append(keySeparator);
      write(map.get(keys.get(i)), depth + 1);
    }
    newLine(depth);
    out.append('}');
  }

  private static String key(Object key) {
    if (key instanceof String text) {
      return text;
    }
    if (key == null || Values.isNumber(key)) {
      return scalar(key);
    }
    throw new TemplateException("'" + Values.typeName(key) + "' cannot be a JSON key");
  }

  private void newLine(int depth) {
    if (indent != null) {
      out.append('\n').append(indent.repeat(depth));
    }
  }

  private void quote(String text) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\b' -> out.append("\\b");
        case '\f' -> out.append("\\f");
        default -> {
          if (c < 0x20 || (ascii && c > 0x7e)) {
            out.append(String.format("\\u%04x", (int) c));
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }
}
