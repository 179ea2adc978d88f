package thanora.text.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The kinds of statement; each executes itself. */
final class Statements {
  private Statements() {}

  record Data(String text, int line) implements Statement {
    @Override
    public Flow execute(Scope scope) {
      scope.run().step(line);
      scope.run().write(text);
      return Flow.NORMAL;
    }
  }

  record Output(Expression value, int line) implements Statement {
    @Override
    public Flow execute(Scope scope) {
      scope.run().step(line);
      scope.run().write(Text.str(value.evaluate(scope)));
      return Flow.NORMAL;
    }
  }

  record Block(List<Statement> body) implements Statement {
    @Override
    public Flow execute(Scope scope) {
      for (Statement statement : body) {
        Flow flow = statement.execute(scope);
        if (flow != Flow.NORMAL) {
          return flow;
        }
      }
      return Flow.NORMAL;
    }
  }

  record Jump(Flow flow) implements Statement {
    @Override
    public Flow execute(Scope scope) {
      return flow;
    }
  }

  record If(Expression condition, Statement yes, Statement no, int line) implements Statement {
    @Override
    public Flow execute(Scope scope) {
      scope.run().step(line);
      return (Values.truth(condition.evaluate(scope)) ? yes : no).execute(scope);
    }
  }

  /** What an assignment or a for block sets: a name, {@code namespace.name}, or several of them. */
  interface Target {
    void assign(Scope scope, Object value);
  }

  record NameTarget(String name) implements Target {
    @Override
    public void assign(Scope scope, Object value) {
      scope.set(name, value);
    }
  }

  record NamespaceTarget(String namespace, String name) implements Target {
    @Override
    public void assign(Scope scope, Object value) {
      if (!(scope.get(namespace) instanceof Namespace holder)) {
        throw new TemplateException("'" + namespace + "' is not a namespace");
      }
      holder.put(name, value);
    }
  }

  record TupleTarget(List<Target> parts) implements Target {
    @Override
    public void assign(Scope scope, Object value) {
      Values.refuseUndefined(value);
      List<Object> items = Values.items(value);
      if (items.size() != parts.size()) {
        throw new TemplateException(
            "cannot unpack " + items.size() + " values into " + parts.size() + " names");
      }
      for (int i = 0; i < parts.size(); i++) {
        parts.get(i).assign(scope, items.get(i));
      }
    }
  }

  record Assign(Target target, Expression value, int line) implements Statement {
    @Override
    public Flow execute(Scope scope) {
      scope.run().step(line);
      target.assign(scope, value.evaluate(scope));
      return Flow.NORMAL;
    }
  }

  /** {@code {% set name | filter %}body{% endset %}}; the filters read the name {@link #BODY}. */
  record AssignBlock(Target target, Expression filtered, Statement body, int line)
      implements Statement {
    static final String BODY = " body";

    @Override
    public Flow execute(Scope scope) {
      scope.run().step(line);
      Scope inner = scope.inner();
      inner.set(BODY, scope.run().capture(() -> body.execute(inner)));
      target.assign(scope, filtered.evaluate(inner));
      return Flow.NORMAL;
    }
  }

  /** A for block. Each turn has variables of its own, as in Jinja. */
  record For(Target target, Expression sequence, Expression condition, Statement body,
      Statement otherwise, int line) implements Statement {
    @Override
    public Flow execute(Scope scope) {
      scope.run().step(line);
      Loop loop = new Loop(selected(scope));
      boolean noTurnFinished = true;
      while (loop.hasNext()) {
        scope.run().step(line);
        Scope turn = scope.inner();
        target.assign(turn, loop.next());
        turn.set("loop", loop);
        Flow flow = body.execute(turn);
        if (flow == Flow.BREAK) {
          break;
        }
        // Jinja clears its mark at the end of a turn, so one left by continue does not count.
        noTurnFinished &= flow == Flow.CONTINUE;
      }
      return noTurnFinished ? otherwise.execute(scope.inner()) : Flow.NORMAL;
    }

    private List<Object> selected(Scope scope) {
      List<Object> all = Values.items(sequence.evaluate(scope));
      if (condition == null) {
        return all;
      }
      List<Object> kept = new ArrayList<>();
      for (Object item : all) {
        Scope turn = scope.inner();
        target.assign(turn, item);
        if (Values.truth(condition.evaluate(turn))) {
          kept.add(item);
        }
      }
      return kept;
    }
  }

  record Generation(Statement body, int line) implements Statement {
    @Override
    public Flow execute(Scope scope) {
      scope.run().step(line);
      scope.run().generation(() -> body.execute(scope.inner()));
      return Flow.NORMAL;
    }
  }

  /**
   * A macro.
   *
   * @param defaults by parameter; a parameter without one is undefined when it is not given
   */
  record MacroDefinition(String name, List<String> parameters, Map<String, Expression> defaults,
      Statement body, int line) implements Statement {
    @Override
    public Flow execute(Scope scope) {
      scope.set(name, (Callable) arguments -> call(scope, arguments));
      return Flow.NORMAL;
    }

    private String call(Scope around, Arguments arguments) {
      Scope scope = around.inner();
      String[] optional = parameters.stream().map(p -> p + "?").toArray(String[]::new);
      Map<String, Object> bound =
          new LinkedHashMap<>(arguments.bind("macro " + name, optional));
      for (String parameter : parameters) {
        if (bound.containsKey(parameter)) {
          scope.set(parameter, bound.get(parameter));
        } else if (defaults.containsKey(parameter)) {
          scope.set(parameter, defaults.get(parameter).evaluate(scope));
        } else {
          scope.set(parameter, new Undefined("parameter '" + parameter + "' was not given"));
        }
      }
      Run run = scope.run();
      return run.call(() -> run.capture(() -> body.execute(scope)));
    }
  }
}
