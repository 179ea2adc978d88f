package thanora.text.jinja;

import java.util.LinkedHashMap;
import java.util.Map;

/** {@code namespace(...)}: the only value that {@code {% set ns.name = ... %}} may change. */
final class Namespace {
  private final Map<String, Object> attributes = new LinkedHashMap<>();

  void put(String name, Object value) {
    if (name.startsWith("_")) {
      throw new TemplateException("namespace attribute '" + name + "' starts with an underscore");
    }
    attributes.put(name, value);
  }

  Map<String, Object> attributes() {
    return attributes;
  }

  Object get(String name) {
    return attributes.containsKey(name)
        ? attributes.get(name)
        : Undefined.attribute(this, name);
  }
}
