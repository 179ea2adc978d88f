package thanora.text.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The filters behind {@code |}.
 *
 * <p>{@code safe} changes nothing: chat templates are rendered without escaping. (Python's Markup
 * would escape a string added to it with {@code +}; no template means that.)
 */
final class Filters {
  interface Filter {
    Object apply(Object value, Arguments arguments);
  }

  private static final Map<String, Filter> ALL = new LinkedHashMap<>();

  static {
    text();
    ALL.put("length", (v, a) -> none("length", a, (long) Values.length(v)));
    ALL.put("count", ALL.get("length"));
    ALL.put("default", Filters::defaults);
    ALL.put("d", ALL.get("default"));
    ALL.put("tojson", (v, a) -> Json.dumps(
        v, a.bind("tojson", "ensure_ascii?", "indent?", "separators?", "sort_keys?")));
    ALL.put("int", Numbers::toInt);
    ALL.put("float", Numbers::toFloat);
    ALL.put("abs", Numbers::abs);
    ALL.put("round", Numbers::round);
    ALL.put("items", Filters::items);
    ALL.put("dictsort", Filters::dictSort);
    ALL.put("list", (v, a) -> none("list", a, new ArrayList<>(Values.items(v))));
    ALL.put("first", (v, a) -> none("first", a, edge(Values.items(v), false)));
    ALL.put("last", Filters::last);
    ALL.put("reverse", Filters::reverse);
    ALL.put("join", Filters::join);
    ALL.put("sum", Filters::sum);
    ALL.put("sort", Filters::sort);
    ALL.put("min", (v, a) -> extreme("min", v, a));
    ALL.put("max", (v, a) -> extreme("max", v, a));
    ALL.put("unique", Filters::unique);
    ALL.put("batch", Filters::batch);
    ALL.put("select", (v, a) -> select(v, a, false, true));
    ALL.put("reject", (v, a) -> select(v, a, false, false));
    ALL.put("selectattr", (v, a) -> select(v, a, true, true));
    ALL.put("rejectattr", (v, a) -> select(v, a, true, false));
  }

  private Filters() {}

  private static void text() {
    ALL.put("string", (v, a) -> none("string", a, Text.str(v)));
    ALL.put("safe", ALL.get("string"));
    ALL.put("upper", (v, a) -> none("upper", a, Strings.upper(Text.str(v))));
    ALL.put("lower", (v, a) -> none("lower", a, Strings.lower(Text.str(v))));
    ALL.put("capitalize", (v, a) -> none("capitalize", a, Strings.capitalize(Text.str(v))));
    ALL.put("title", (v, a) -> none("title", a, title(Text.str(v))));
    ALL.put("trim", (v, a) -> {
      Object chars = a.bind("trim", "chars?").get("chars");
      String kept = chars == null ? null : Text.str(chars);
      return Strings.stripRight(Strings.stripLeft(Text.str(v), kept), kept);
    });
    ALL.put("replace", (v, a) -> {
      Map<String, Object> bound = a.bind("replace", "old", "new", "count?");
      Object count = bound.get("count");
      return Strings.replace(Text.str(v), Text.str(bound.get("old")), Text.str(bound.get("new")),
          count == null ? -1 : Values.integer(count, "count"));
    });
    ALL.put("indent", Filters::indent);
  }

  static void require(String name, int line) {
    if (!ALL.containsKey(name) && !name.equals("map")) {
      throw new TemplateException(line, "filter '" + name + "' is unknown");
    }
  }

  static Object apply(Run run, String name, Object value, Arguments arguments) {
    if (name.equals("map")) {
      return map(run, value, arguments);
    }
    require(name, 0);
    return run.charge(ALL.get(name).apply(value, arguments));
  }

  private static Object none(String filter, Arguments arguments, Object result) {
    arguments.bind(filter);
    return result;
  }

  private static Object defaults(Object value, Arguments arguments) {
    Map<String, Object> bound = arguments.bind("default", "default_value?", "boolean?");
    boolean missing = value instanceof Undefined
        || (Values.truth(bound.get("boolean")) && !Values.truth(value));
    return missing ? bound.getOrDefault("default_value", "") : value;
  }

  /** Big letter at the start and after white space, dashes and opening brackets; rest small. */
  private static String title(String text) {
    StringBuilder out = new StringBuilder(text.length());
    boolean start = true;
    for (int c : text.codePoints().toArray()) {
      boolean separator = Strings.isSpace(c) || "-({[<".indexOf(c) >= 0;
      String letter = Character.toString(c);
      out.append(separator ? letter : start ? Strings.upper(letter) : Strings.lower(letter));
      start = separator;
    }
    return out.toString();
  }

  private static Object indent(Object value, Arguments arguments) {
    Map<String, Object> bound = arguments.bind("indent", "width?", "first?", "blank?");
    Object width = bound.getOrDefault("width", 4L);
    String margin = width instanceof String given
        ? given
        : Strings.repeat(" ", Values.integer(width, "indent width"));
    if (!(value instanceof String text)) {
      throw Values.wrongType("indent", "a string", value);
    }
    List<Object> lines = Strings.lines(text + "\n", false);
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < lines.size(); i++) {
      String line = (String) lines.get(i);
      boolean indented = i == 0
          ? Values.truth(bound.get("first"))
          : !line.isEmpty() || Values.truth(bound.get("blank"));
      Strings.bounded((double) out.length() + margin.length() + line.length());
      out.append(i == 0 ? "" : "\n").append(indented ? margin : "").append(line);
    }
    return out.toString();
  }

  private static Object items(Object value, Arguments arguments) {
    arguments.bind("items");
    if (value instanceof Undefined) {
      return new OneShot(List.of());
    }
    if (value instanceof Map<?, ?> map) {
      return new OneShot(Methods.pairs(map));
    }
    throw Values.wrongType("items", "a dict", value);
  }

  private static Object dictSort(Object value, Arguments arguments) {
    Map<String, Object> bound = arguments.bind("dictsort", "case_sensitive?", "by?", "reverse?");
    String by = Text.str(bound.getOrDefault("by", "key"));
    if (!(value instanceof Map<?, ?> map)) {
      throw Values.wrongType("dictsort", "a dict", value);
    }
    if (!by.equals("key") && !by.equals("value")) {
      throw new TemplateException("dictsort by '" + by + "'; use 'key' or 'value'");
    }
    boolean exact = Values.truth(bound.get("case_sensitive"));
    int part = by.equals("key") ? 0 : 1;
    return sorted(Methods.pairs(map), Values.truth(bound.get("reverse")),
        pair -> folded(((Tuple) pair).get(part), exact));
  }

  interface Key {
    Object of(Object item);
  }

  private static List<Object> sorted(List<Object> items, boolean reverse, Key key) {
    List<Object> sorted = new ArrayList<>(items);
    Comparator<Object> order = (a, b) -> Values.compare(key.of(a), key.of(b));
    // Like Python, reverse keeps the order of equal items.
    sorted.sort(reverse ? (a, b) -> order.compare(b, a) : order);
    return sorted;
  }

  private static Object folded(Object value, boolean exact) {
    return !exact && value instanceof String text ? Strings.lower(text) : value;
  }

  private static Object edge(List<Object> items, boolean last) {
    return items.isEmpty()
        ? new Undefined("the sequence is empty")
        : items.get(last ? items.size() - 1 : 0);
  }

  private static Object last(Object value, Arguments arguments) {
    if (value instanceof OneShot) {
      throw Values.wrongType("last", "a list", value);
    }
    return none("last", arguments, edge(Values.items(value), true));
  }

  private static Object reverse(Object value, Arguments arguments) {
    arguments.bind("reverse");
    if (value instanceof String text) {
      return Strings.reverse(text);
    }
    boolean list = value instanceof OneShot;
    List<Object> reversed = new ArrayList<>(Values.items(value));
    Collections.reverse(reversed);
    return list ? reversed : new OneShot(reversed);
  }

  private static Object join(Object value, Arguments arguments) {
    Map<String, Object> bound = arguments.bind("join", "d?", "attribute?");
    Key key = attribute(bound.get("attribute"));
    List<Object> parts = new ArrayList<>();
    Values.items(value).forEach(item -> parts.add(key.of(item)));
    return Strings.join(Text.str(bound.getOrDefault("d", "")), parts);
  }

  private static Object sum(Object value, Arguments arguments) {
    Map<String, Object> bound = arguments.bind("sum", "attribute?", "start?");
    Key key = attribute(bound.get("attribute"));
    Object total = bound.getOrDefault("start", 0L);
    for (Object item : Values.items(value)) {
      total = Arithmetic.apply("+", total, key.of(item));
    }
    return total;
  }

  private static Object sort(Object value, Arguments arguments) {
    Map<String, Object> bound =
        arguments.bind("sort", "reverse?", "case_sensitive?", "attribute?");
    boolean exact = Values.truth(bound.get("case_sensitive"));
    Object names = bound.get("attribute");
    boolean several = names instanceof String text && text.indexOf(',') >= 0;
    if (several) {
      throw new TemplateException("sort by several attributes is not supported");
    }
    Key key = attribute(names);
    return sorted(Values.items(value), Values.truth(bound.get("reverse")),
        item -> folded(key.of(item), exact));
  }

  private static Object extreme(String name, Object value, Arguments arguments) {
    Map<String, Object> bound = arguments.bind(name, "case_sensitive?", "attribute?");
    boolean exact = Values.truth(bound.get("case_sensitive"));
    Key key = attribute(bound.get("attribute"));
    return edge(sorted(Values.items(value), name.equals("max"),
        item -> folded(key.of(item), exact)), false);
  }

  private static Object unique(Object value, Arguments arguments) {
    Map<String, Object> bound = arguments.bind("unique", "case_sensitive?", "attribute?");
    boolean exact = Values.truth(bound.get("case_sensitive"));
    Key key = attribute(bound.get("attribute"));
    Set<String> words = new HashSet<>();
    List<Object> others = new ArrayList<>();
    List<Object> kept = new ArrayList<>();
    for (Object item : Values.items(value)) {
      Object mark = Values.key(folded(key.of(item), exact));
      if (mark instanceof String word) {
        if (words.add(word)) {
          kept.add(item);
        }
      } else if (others.stream().noneMatch(other -> Values.equal(other, mark))) {
        others.add(mark);
        kept.add(item);
      }
    }
    return new OneShot(kept);
  }

  private static Object batch(Object value, Arguments arguments) {
    Map<String, Object> bound = arguments.bind("batch", "linecount", "fill_with?");
    int size = (int) Math.max(1, Math.min(Integer.MAX_VALUE,
        Values.integer(bound.get("linecount"), "linecount")));
    List<Object> items = Values.items(value);
    List<Object> batches = new ArrayList<>();
    for (int i = 0; i < items.size(); i += size) {
      List<Object> one = new ArrayList<>(items.subList(i, Math.min(items.size(), i + size)));
      Strings.bounded(size);
      while (bound.get("fill_with") != null && one.size() < size) {
        one.add(bound.get("fill_with"));
      }
      batches.add(one);
    }
    return new OneShot(batches);
  }

  private static Object map(Run run, Object value, Arguments arguments) {
    List<Object> mapped = new ArrayList<>();
    if (!Values.truth(value)) {
      return new OneShot(mapped);
    }
    if (arguments.positional().isEmpty()) {
      Map<String, Object> bound = arguments.bind("map", "attribute", "default?");
      Key key = attribute(bound.get("attribute"), bound.get("default"));
      Values.items(value).forEach(item -> mapped.add(key.of(item)));
      return new OneShot(mapped);
    }
    String filter = Text.str(arguments.positional().get(0));
    Arguments rest = arguments.shift();
    Values.items(value).forEach(item -> mapped.add(apply(run, filter, item, rest)));
    return new OneShot(mapped);
  }

  private static Object select(Object value, Arguments all, boolean byAttribute, boolean keep) {
    List<Object> kept = new ArrayList<>();
    if (!Values.truth(value)) {
      return new OneShot(kept);
    }
    Key key = item -> item;
    Arguments rest = all;
    if (byAttribute) {
      if (all.positional().isEmpty()) {
        throw new TemplateException("selectattr and rejectattr need an attribute");
      }
      key = attribute(all.positional().get(0));
      rest = all.shift();
    }
    String test = rest.positional().isEmpty() ? null : Text.str(rest.positional().get(0));
    Arguments testArguments = test == null ? rest : rest.shift();
    for (Object item : Values.items(value)) {
      Object subject = key.of(item);
      boolean passes = test == null
          ? Values.truth(subject)
          : Tests.passes(test, subject, testArguments);
      if (passes == keep) {
        kept.add(item);
      }
    }
    return new OneShot(kept);
  }

  private static Key attribute(Object name) {
    return attribute(name, null);
  }

  /**
   * Reads {@code "a.b.0"} or an index from an item; None gives the item itself. The default, unless
   * None, stands for an undefined value at every step of the path, as in Jinja.
   */
  private static Key attribute(Object name, Object otherwise) {
    if (name == null) {
      return item -> item;
    }
    List<Object> path = new ArrayList<>();
    if (name instanceof String text) {
      for (String part : text.split("\\.", -1)) {
        path.add(part.matches("\\d{1,9}") ? (Object) Long.valueOf(part) : part);
      }
    } else {
      path.add(name);
    }
    return item -> {
      Object value = item;
      for (Object part : path) {
        value = Members.item(value, part);
        value = value instanceof Undefined && otherwise != null ? otherwise : value;
      }
      return value;
    };
  }
}
