package thanora.text.jinja;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The arguments of one call: by position, then by name. */
record Arguments(List<Object> positional, Map<String, Object> named) {
  static final Arguments NONE = new Arguments(List.of(), Map.of());

  /**
   * The values of parameters by name; one written with {@code ?} behind it may be missing.
   *
   * @throws TemplateException if one is missing, unknown, twice or too many
   */
  Map<String, Object> bind(String function, String... parameters) {
    if (positional.size() > parameters.length) {
      throw new TemplateException(function + " takes at most " + parameters.length
          + " arguments, got " + positional.size());
    }
    Map<String, Object> bound = new LinkedHashMap<>();
    Map<String, Object> rest = new LinkedHashMap<>(named);
    for (int i = 0; i < parameters.length; i++) {
      boolean optional = parameters[i].endsWith("?");
      String name = parameters[i].replace("?", "");
      if (i < positional.size()) {
        bound.put(name, positional.get(i));
      } else if (rest.containsKey(name)) {
        bound.put(name, rest.remove(name));
      } else if (!optional) {
        throw new TemplateException(function + " misses its argument '" + name + "'");
      }
    }
    if (!rest.isEmpty()) {
      throw new TemplateException(function + " got an unexpected or repeated argument '"
          + rest.keySet().iterator().next() + "'");
    }
    return bound;
  }

  /** These arguments without the first positional one. */
  Arguments shift() {
    return new Arguments(positional.subList(1, positional.size()), named);
  }
}
