package thanora.text.jinja;

import java.util.HashMap;
import java.util.Map;

/** Variables of one block; a name not set here is looked up in the block around it. */
final class Scope {
  private final Scope outer;
  private final Run run;
  private final Map<String, Object> variables = new HashMap<>();

  private Scope(Scope outer, Run run) {
    this.outer = outer;
    this.run = run;
  }

  static Scope root(Run run) {
    return new Scope(null, run);
  }

  Scope inner() {
    return new Scope(this, run);
  }

  Run run() {
    return run;
  }

  void set(String name, Object value) {
    variables.put(name, value);
  }

  Object get(String name) {
    for (Scope scope = this; scope != null; scope = scope.outer) {
      if (scope.variables.containsKey(name)) {
        return scope.variables.get(name);
      }
    }
    return Undefined.name(name);
  }
}
