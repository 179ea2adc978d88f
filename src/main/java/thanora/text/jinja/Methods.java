package thanora.text.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/** The methods of strings, dicts and lists; one that Python has and this lacks is an error. */
final class Methods {
  private static final Set<String> STRING = Set.of(
      "strip", "lstrip", "rstrip", "split", "rsplit", "splitlines", "startswith", "endswith",
      "upper", "lower", "title", "capitalize", "replace", "join", "find", "rfind", "count",
      "removeprefix", "removesuffix", "partition", "rpartition", "isdigit", "isalpha", "isalnum",
      "isspace", "isupper", "islower");
  private static final Set<String> NAMED = Set.of("split", "rsplit", "splitlines");
  private static final Set<String> STRING_MISSING = Set.of(
      "casefold", "center", "encode", "expandtabs", "format", "format_map", "index", "isascii",
      "isdecimal", "isidentifier", "isnumeric", "isprintable", "istitle", "ljust", "maketrans",
      "rindex", "rjust", "swapcase", "translate", "zfill");
  private static final Set<String> DICT = Set.of("get", "items", "keys", "values", "copy");
  private static final Set<String> DICT_CHANGES =
      Set.of("clear", "pop", "popitem", "setdefault", "update", "fromkeys");
  private static final Set<String> LIST_CHANGES =
      Set.of("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort");
  private static final Set<String> NUMBER_MISSING = Set.of(
      "real", "imag", "numerator", "denominator", "bit_length", "bit_count", "conjugate",
      "is_integer", "as_integer_ratio", "to_bytes", "from_bytes", "hex", "fromhex");

  private Methods() {}

  static Optional<Callable> of(Object owner, String name) {
    if (owner instanceof String text) {
      refuse(STRING_MISSING, "str", name, "is not supported");
      return when(STRING, name, arguments -> call(text, name, arguments));
    }
    if (owner instanceof Map<?, ?> map) {
      refuse(DICT_CHANGES, "dict", name, "is not allowed: templates may not change values");
      return when(DICT, name, arguments -> call(map, name, arguments));
    }
    if (owner instanceof List<?> list) {
      if (!(owner instanceof Tuple || owner instanceof Range)) {
        refuse(LIST_CHANGES, "list", name, "is not allowed: templates may not change values");
        refuse(Set.of("copy"), "list", name, "is not supported");
      }
      refuse(Set.of("index"), "list", name, "is not supported");
      return when(Set.of("count"), name, arguments -> list.stream()
          .filter(item -> Values.equal(item, arguments.bind("count", "value").get("value")))
          .count());
    }
    if (Values.isNumber(owner)) {
      refuse(NUMBER_MISSING, Values.typeName(owner), name, "is not supported");
    }
    return Optional.empty();
  }

  private static Optional<Callable> when(Set<String> names, String name, Callable method) {
    Callable checked = arguments -> {
      if (!arguments.named().isEmpty() && !NAMED.contains(name)) {
        throw new TemplateException(name + "() takes no arguments by name");
      }
      return method.call(arguments);
    };
    return names.contains(name) ? Optional.of(checked) : Optional.empty();
  }

  private static void refuse(Set<String> names, String type, String name, String why) {
    if (names.contains(name)) {
      throw new TemplateException(type + "." + name + " " + why);
    }
  }

  private static Object call(Map<?, ?> map, String name, Arguments arguments) {
    if (name.equals("get")) {
      Map<String, Object> bound = arguments.bind("get", "key", "default?");
      Object key = Values.key(bound.get("key"));
      return map.containsKey(key) ? map.get(key) : bound.get("default");
    }
    arguments.bind(name);
    return switch (name) {
      case "keys" -> new View("dict_keys", Values.items(map));
      case "values" -> new View("dict_values", new ArrayList<>(map.values()));
      case "items" -> new View("dict_items", pairs(map));
      default -> new LinkedHashMap<Object, Object>(map);
    };
  }

  /** The dict's entries as tuples. */
  static List<Object> pairs(Map<?, ?> map) {
    return map.entrySet().stream()
        .<Object>map(entry -> Tuple.of(entry.getKey(), entry.getValue())).toList();
  }

  private static Object call(String text, String name, Arguments arguments) {
    return switch (name) {
      case "strip", "lstrip", "rstrip" -> strip(text, name, arguments);
      case "split", "rsplit" -> split(text, name, arguments);
      case "startswith" -> affix(arguments, name, text::startsWith);
      case "endswith" -> affix(arguments, name, text::endsWith);
      case "replace" -> {
        Map<String, Object> bound = arguments.bind(name, "old", "new", "count?");
        yield Strings.replace(text, string(bound, "old"), string(bound, "new"),
            Values.integer(bound.getOrDefault("count", -1L), "count"));
      }
      case "join" -> {
        List<Object> parts = Values.items(arguments.bind(name, "parts").get("parts"));
        for (Object part : parts) {
          if (!(part instanceof String)) {
            throw Values.wrongType("str.join", "strings", part);
          }
        }
        yield Strings.join(text, parts);
      }
      case "splitlines" -> Strings.lines(
          text, Values.truth(arguments.bind(name, "keepends?").get("keepends")));
      case "find" -> Strings.find(text, one(arguments, name), false);
      case "rfind" -> Strings.find(text, one(arguments, name), true);
      case "count" -> Strings.count(text, one(arguments, name));
      case "partition" -> Strings.partition(text, one(arguments, name), false);
      case "rpartition" -> Strings.partition(text, one(arguments, name), true);
      case "removeprefix" -> {
        String prefix = one(arguments, name);
        yield text.startsWith(prefix) ? text.substring(prefix.length()) : text;
      }
      case "removesuffix" -> {
        String suffix = one(arguments, name);
        yield text.endsWith(suffix) ? text.substring(0, text.length() - suffix.length()) : text;
      }
      default -> {
        arguments.bind(name);
        yield plain(text, name);
      }
    };
  }

  private static Object plain(String text, String name) {
    return switch (name) {
      case "upper" -> Strings.upper(text);
      case "lower" -> Strings.lower(text);
      case "title" -> Strings.title(text);
      case "capitalize" -> Strings.capitalize(text);
      case "isdigit" -> all(text, Character::isDigit);
      case "isalpha" -> all(text, Character::isLetter);
      case "isalnum" -> all(text, Character::isLetterOrDigit);
      case "isspace" -> all(text, Strings::isSpace);
      case "isupper" -> cased(text, Character::isUpperCase, Character::isLowerCase);
      case "islower" -> cased(text, Character::isLowerCase, Character::isUpperCase);
      default -> throw new TemplateException("str." + name + " is not supported");
    };
  }

  private static boolean all(String text, Predicate<Integer> test) {
    return !text.isEmpty() && text.codePoints().allMatch(test::test);
  }

  private static boolean cased(String text, Predicate<Integer> some, Predicate<Integer> none) {
    return text.codePoints().anyMatch(some::test) && text.codePoints().noneMatch(none::test);
  }

  private static String strip(String text, String name, Arguments arguments) {
    Map<String, Object> bound = arguments.bind(name, "chars?");
    String chars = bound.get("chars") == null ? null : string(bound, "chars");
    String left = name.equals("rstrip") ? text : Strings.stripLeft(text, chars);
    return name.equals("lstrip") ? left : Strings.stripRight(left, chars);
  }

  private static Object split(String text, String name, Arguments arguments) {
    Map<String, Object> bound = arguments.bind(name, "sep?", "maxsplit?");
    String separator = bound.get("sep") == null ? null : string(bound, "sep");
    long most = Values.integer(bound.getOrDefault("maxsplit", -1L), "maxsplit");
    return name.equals("split")
        ? Strings.split(text, separator, most)
        : Strings.splitRight(text, separator, most);
  }

  private static boolean affix(Arguments arguments, String name, Predicate<String> test) {
    Object wanted = arguments.bind(name, "prefix").get("prefix");
    if (wanted instanceof Tuple any) {
      return any.stream().anyMatch(part -> test.test(string(Map.of("prefix", part), "prefix")));
    }
    return test.test(one(arguments, name));
  }

  private static String one(Arguments arguments, String name) {
    return string(arguments.bind(name, "text"), "text");
  }

  private static String string(Map<String, Object> bound, String name) {
    if (bound.get(name) instanceof String text) {
      return text;
    }
    throw Values.wrongType("argument '" + name + "'", "a string", bound.get(name));
  }
}
