package thanora.text.jinja;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The functions every chat template may call. */
final class Globals {
  private Globals() {}

  static void define(Scope scope) {
    scope.set("range", (Callable) Globals::range);
    scope.set("dict", (Callable) Globals::dict);
    scope.set("namespace", (Callable) Globals::namespace);
    scope.set("raise_exception", (Callable) Globals::raise);
    scope.set("strftime_now", (Callable) arguments -> {
      Object format = arguments.bind("strftime_now", "format").get("format");
      if (format instanceof String text) {
        return Dates.format(scope.run().now(), text);
      }
      throw Values.wrongType("strftime_now", "a string", format);
    });
  }

  private static Object range(Arguments arguments) {
    List<Object> bounds = arguments.positional();
    arguments.bind("range", "start", "stop?", "step?");
    long first = Values.integer(bounds.get(0), "range");
    if (bounds.size() == 1) {
      return new Range(0, first, 1);
    }
    long step = bounds.size() > 2 ? Values.integer(bounds.get(2), "range") : 1;
    return new Range(first, Values.integer(bounds.get(1), "range"), step);
  }

  private static Map<Object, Object> dict(Arguments arguments) {
    Map<Object, Object> made = new LinkedHashMap<>();
    if (arguments.positional().size() > 1) {
      throw new TemplateException("dict takes at most one argument without a name");
    }
    for (Object source : arguments.positional()) {
      if (source instanceof Map<?, ?> map) {
        made.putAll(map);
        continue;
      }
      for (Object pair : Values.items(source)) {
        List<Object> both = Values.items(pair);
        if (both.size() != 2) {
          throw new TemplateException("dict needs pairs");
        }
        made.put(Values.key(both.get(0)), both.get(1));
      }
    }
    made.putAll(arguments.named());
    return made;
  }

  private static Namespace namespace(Arguments arguments) {
    Namespace namespace = new Namespace();
    dict(arguments).forEach((name, value) -> namespace.put(Text.str(name), value));
    return namespace;
  }

  private static Object raise(Arguments arguments) {
    Object message = arguments.bind("raise_exception", "message").get("message");
    throw new TemplateException("the template says: " + Text.str(message));
  }
}
