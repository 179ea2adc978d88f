package thanora.text.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The kinds of expression; each evaluates itself. */
final class Expressions {
  private Expressions() {}

  record Constant(Object value) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      return value;
    }
  }

  record Name(String name, int line) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      scope.run().step(line);
      return scope.get(name);
    }
  }

  record ListOf(List<Expression> items, boolean tuple) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      List<Object> values = new ArrayList<>(items.size());
      items.forEach(item -> values.add(item.evaluate(scope)));
      return tuple ? new Tuple(values) : values;
    }
  }

  record DictOf(List<Expression> keys, List<Expression> values) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      Map<Object, Object> map = new LinkedHashMap<>();
      for (int i = 0; i < keys.size(); i++) {
        map.put(Values.key(keys.get(i).evaluate(scope)), values.get(i).evaluate(scope));
      }
      return map;
    }
  }

  /** {@code owner.name} */
  record Attribute(Expression owner, String name, int line) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      Object value = owner.evaluate(scope);
      scope.run().step(line);
      return Members.attribute(value, name);
    }
  }

  /** {@code owner[index]} */
  record Item(Expression owner, Expression index, int line) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      Object value = owner.evaluate(scope);
      Object at = index.evaluate(scope);
      scope.run().step(line);
      return Members.item(value, at);
    }
  }

  /** {@code owner[from:to:step]}; each bound may be None. */
  record Slice(Expression owner, Expression from, Expression to, Expression step, int line)
      implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      Object value = owner.evaluate(scope);
      Object first = from.evaluate(scope);
      Object end = to.evaluate(scope);
      Object stride = step.evaluate(scope);
      scope.run().step(line);
      scope.run().charge(value);
      return Members.slice(value, first, end, stride);
    }
  }

  record Call(Expression function, CallArguments arguments, int line) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      Object callee = function.evaluate(scope);
      Arguments values = arguments.evaluate(scope);
      scope.run().step(line);
      if (callee instanceof Callable callable) {
        return scope.run().charge(callable.call(values));
      }
      throw Values.wrongType("a call", "a function", callee);
    }
  }

  record CallArguments(List<Expression> positional, Map<String, Expression> named) {
    Arguments evaluate(Scope scope) {
      if (positional.isEmpty() && named.isEmpty()) {
        return Arguments.NONE;
      }
      List<Object> values = new ArrayList<>(positional.size());
      positional.forEach(item -> values.add(item.evaluate(scope)));
      Map<String, Object> byName = new LinkedHashMap<>();
      named.forEach((name, item) -> byName.put(name, item.evaluate(scope)));
      return new Arguments(values, byName);
    }
  }

  record Filtered(Expression value, String filter, CallArguments arguments, int line)
      implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      Object input = value.evaluate(scope);
      Arguments values = arguments.evaluate(scope);
      scope.run().step(line);
      return Filters.apply(scope.run(), filter, scope.run().charge(input), values);
    }
  }

  record Tested(Expression value, String test, CallArguments arguments, int line)
      implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      Object input = value.evaluate(scope);
      Arguments values = arguments.evaluate(scope);
      scope.run().step(line);
      return Tests.passes(test, scope.run().charge(input), values);
    }
  }

  record Not(Expression value) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      return !Values.truth(value.evaluate(scope));
    }
  }

  record And(Expression left, Expression right) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      Object first = left.evaluate(scope);
      return Values.truth(first) ? right.evaluate(scope) : first;
    }
  }

  record Or(Expression left, Expression right) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      Object first = left.evaluate(scope);
      return Values.truth(first) ? first : right.evaluate(scope);
    }
  }

  /** {@code yes if condition else no} */
  record Either(Expression condition, Expression yes, Expression no, int line)
      implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      return (Values.truth(condition.evaluate(scope)) ? yes : no).evaluate(scope);
    }
  }

  record Binary(String operator, Expression left, Expression right, int line)
      implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      Object a = left.evaluate(scope);
      Object b = right.evaluate(scope);
      scope.run().step(line);
      return scope.run().charge(Arithmetic.apply(operator, a, b));
    }
  }

  record Negated(Expression value, boolean minus, int line) implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      Object number = value.evaluate(scope);
      scope.run().step(line);
      if (!Values.isNumber(number)) {
        throw Values.wrongType("a sign", "a number", number);
      }
      // A product keeps the sign of a zero, which 0 - x would lose.
      return Arithmetic.apply("*", number, minus ? -1L : 1L);
    }
  }

  /** {@code a < b == c in d}: every neighbouring pair holds; stops at the first that does not. */
  record Comparison(Expression first, List<String> operators, List<Expression> rest, int line)
      implements Expression {
    @Override
    public Object evaluate(Scope scope) {
      Object left = first.evaluate(scope);
      for (int i = 0; i < operators.size(); i++) {
        Object right = rest.get(i).evaluate(scope);
        scope.run().step(line);
        scope.run().charge(right);
        if (!Arithmetic.holds(operators.get(i), left, right)) {
          return false;
        }
        left = right;
      }
      return true;
    }
  }
}
