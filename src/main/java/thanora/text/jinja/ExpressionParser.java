package thanora.text.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import thanora.text.jinja.Token.Kind;

/**
 * Reads an expression. From loose to tight: inline if, or, and, not, comparisons, + and -, ~,
 * * / // %, **, sign, then attributes, calls, filters and tests.
 */
final class ExpressionParser {
  private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");
  private static final Expression NONE = new Expressions.Constant(null);
  private final Tokens tokens;

  ExpressionParser(Tokens tokens) {
    this.tokens = tokens;
  }

  /** An expression, or a tuple of several without parentheses. */
  Expression tuple() {
    return tuple(this::expression, false);
  }

  private Expression tuple(Supplier<Expression> part, boolean mayBeEmpty) {
    List<Expression> items = new ArrayList<>();
    boolean comma = false;
    while (!endsTuple()) {
      items.add(part.get());
      if (!tokens.skipOperator(",")) {
        break;
      }
      comma = true;
    }
    if (items.isEmpty() && !mayBeEmpty) {
      throw tokens.unexpected("an expression");
    }
    return comma || items.isEmpty() ? new Expressions.ListOf(items, true) : items.get(0);
  }

  private boolean endsTuple() {
    return tokens.is(Kind.VARIABLE_END) || tokens.is(Kind.BLOCK_END) || tokens.isOperator(")");
  }

  Expression expression() {
    Expression value = withoutInlineIf();
    while (tokens.isName("if")) {
      int line = tokens.next().line();
      Expression condition = withoutInlineIf();
      Expression no = tokens.skipName("else")
          ? expression()
          : new Expressions.Constant(new Undefined("the inline if has no else"));
      value = new Expressions.Either(condition, value, no, line);
    }
    return value;
  }

  /** What may follow {@code in} of a for block, where {@code if} begins the filter of the loop. */
  Expression tupleWithoutInlineIf() {
    return tuple(this::withoutInlineIf, false);
  }

  private Expression withoutInlineIf() {
    Expression left = and();
    while (tokens.skipName("or")) {
      left = new Expressions.Or(left, and());
    }
    return left;
  }

  private Expression and() {
    Expression left = not();
    while (tokens.skipName("and")) {
      left = new Expressions.And(left, not());
    }
    return left;
  }

  private Expression not() {
    return tokens.skipName("not") ? new Expressions.Not(not()) : comparison();
  }

  private Expression comparison() {
    int line = tokens.line();
    Expression first = sum();
    List<String> operators = new ArrayList<>();
    List<Expression> rest = new ArrayList<>();
    while (true) {
      if (tokens.is(Kind.OPERATOR) && COMPARISONS.contains(tokens.current().text())) {
        operators.add(tokens.next().text());
      } else if (tokens.skipName("in")) {
        operators.add("in");
      } else if (tokens.isName("not") && tokens.look().isName("in")) {
        tokens.next();
        tokens.next();
        operators.add("not in");
      } else {
        break;
      }
      rest.add(sum());
    }
    return rest.isEmpty() ? first : new Expressions.Comparison(first, operators, rest, line);
  }

  private Expression sum() {
    return leftToRight(Set.of("+", "-"), this::concatenation);
  }

  private Expression concatenation() {
    return leftToRight(Set.of("~"), this::product);
  }

  private Expression product() {
    return leftToRight(Set.of("*", "/", "//", "%"), this::power);
  }

  private Expression power() {
    return leftToRight(Set.of("**"), () -> signed(true));
  }

  private Expression leftToRight(Set<String> operators, Supplier<Expression> operand) {
    Expression left = operand.get();
    while (tokens.is(Kind.OPERATOR) && operators.contains(tokens.current().text())) {
      Token operator = tokens.next();
      left = new Expressions.Binary(operator.text(), left, operand.get(), operator.line());
    }
    return left;
  }

  private Expression signed(boolean withFilters) {
    Expression value;
    int line = tokens.line();
    if (tokens.skipOperator("-")) {
      value = new Expressions.Negated(signed(false), true, line);
    } else if (tokens.skipOperator("+")) {
      value = new Expressions.Negated(signed(false), false, line);
    } else {
      value = primary();
    }
    value = postfix(value);
    return withFilters ? filtersAndTests(value) : value;
  }

  private Expression primary() {
    Token token = tokens.next();
    return switch (token.kind()) {
      case NAME -> name(token);
      case STRING -> new Expressions.Constant(string(token));
      case INTEGER -> new Expressions.Constant(integer(token));
      case FLOAT -> new Expressions.Constant(
          Double.parseDouble(token.text().replace("_", "")));
      default -> bracketed(token);
    };
  }

  private static Expression name(Token token) {
    return switch (token.text()) {
      case "true", "True" -> new Expressions.Constant(true);
      case "false", "False" -> new Expressions.Constant(false);
      case "none", "None" -> NONE;
      default -> {
        if (!Character.isUnicodeIdentifierStart(token.text().codePointAt(0))
            && token.text().charAt(0) != '_') {
          throw new TemplateException(token.line(), "'" + token.text() + "' is not a name");
        }
        yield new Expressions.Name(token.text(), token.line());
      }
    };
  }

  private String string(Token first) {
    StringBuilder text = new StringBuilder(first.text());
    while (tokens.is(Kind.STRING)) {
      text.append(tokens.next().text());
    }
    return text.toString();
  }

  private static long integer(Token token) {
    String text = token.text().replace("_", "").toLowerCase(java.util.Locale.ROOT);
    String prefix = text.substring(0, Math.min(2, text.length()));
    int radix = switch (prefix) {
      case "0x" -> 16;
      case "0o" -> 8;
      case "0b" -> 2;
      default -> 10;
    };
    try {
      return new BigInteger(radix == 10 ? text : text.substring(2), radix).longValueExact();
    } catch (ArithmeticException tooLarge) {
      throw new TemplateException(token.line(), "integer " + text + " is over 64 bits");
    }
  }

  private Expression bracketed(Token open) {
    if (open.isOperator("(")) {
      Expression inner = tuple(this::expression, true);
      tokens.expectOperator(")");
      return inner;
    }
    if (open.isOperator("[")) {
      List<Expression> items = new ArrayList<>();
      while (!tokens.isOperator("]")) {
        items.add(expression());
        if (!tokens.skipOperator(",")) {
          break;
        }
      }
      tokens.expectOperator("]");
      return new Expressions.ListOf(items, false);
    }
    if (open.isOperator("{")) {
      return dict();
    }
    throw new TemplateException(open.line(), "expected an expression, got " + open.describe());
  }

  private Expression dict() {
    List<Expression> keys = new ArrayList<>();
    List<Expression> values = new ArrayList<>();
    while (!tokens.isOperator("}")) {
      keys.add(expression());
      tokens.expectOperator(":");
      values.add(expression());
      if (!tokens.skipOperator(",")) {
        break;
      }
    }
    tokens.expectOperator("}");
    return new Expressions.DictOf(keys, values);
  }

  private Expression postfix(Expression start) {
    Expression value = start;
    while (true) {
      int line = tokens.line();
      if (tokens.skipOperator(".")) {
        value = member(value, line);
      } else if (tokens.skipOperator("[")) {
        value = subscript(value, line);
      } else if (tokens.isOperator("(")) {
        value = new Expressions.Call(value, arguments(), line);
      } else {
        return value;
      }
    }
  }

  private Expression member(Expression owner, int line) {
    if (tokens.is(Kind.INTEGER)) {
      return new Expressions.Item(owner, new Expressions.Constant(integer(tokens.next())), line);
    }
    return new Expressions.Attribute(owner, tokens.expect(Kind.NAME, "a name").text(), line);
  }

  private Expression subscript(Expression owner, int line) {
    Expression first = tokens.isOperator(":") ? NONE : expression();
    if (!tokens.isOperator(":")) {
      tokens.expectOperator("]");
      return new Expressions.Item(owner, first, line);
    }
    Expression to = bound();
    Expression step = bound();
    tokens.expectOperator("]");
    return new Expressions.Slice(owner, first, to, step, line);
  }

  /** {@code :value}, {@code :} or nothing. */
  private Expression bound() {
    boolean given = tokens.skipOperator(":") && !tokens.isOperator(":") && !tokens.isOperator("]");
    return given ? expression() : NONE;
  }

  Expression filtersAndTests(Expression start) {
    Expression value = start;
    while (true) {
      if (tokens.isOperator("|")) {
        value = filters(value);
      } else if (tokens.isName("is")) {
        value = test(value);
      } else if (tokens.isOperator("(")) {
        int line = tokens.line();
        value = new Expressions.Call(value, arguments(), line);
      } else {
        return value;
      }
    }
  }

  Expression filters(Expression start) {
    Expression value = start;
    while (tokens.skipOperator("|")) {
      Token name = tokens.expect(Kind.NAME, "a filter");
      Filters.require(name.text(), name.line());
      value = new Expressions.Filtered(value, name.text(), optionalArguments(), name.line());
    }
    return value;
  }

  private Expression test(Expression value) {
    int line = tokens.next().line();
    boolean negated = tokens.skipName("not");
    Token name = tokens.expect(Kind.NAME, "a test");
    Tests.require(name.text(), name.line());
    Expressions.CallArguments arguments = tokens.isOperator("(")
        ? arguments()
        : new Expressions.CallArguments(bareArgument(), Map.of());
    Expression test = new Expressions.Tested(value, name.text(), arguments, line);
    return negated ? new Expressions.Not(test) : test;
  }

  /** The one argument that a test may have without parentheses: {@code is divisibleby 3}. */
  private List<Expression> bareArgument() {
    boolean begins = switch (tokens.current().kind()) {
      case NAME -> !Set.of("else", "or", "and").contains(tokens.current().text());
      case STRING, INTEGER, FLOAT -> true;
      default -> tokens.isOperator("[") || tokens.isOperator("{");
    };
    if (!begins) {
      return List.of();
    }
    if (tokens.isName("is")) {
      throw new TemplateException(tokens.line(), "tests with 'is' cannot be chained");
    }
    return List.of(postfix(primary()));
  }

  private Expressions.CallArguments optionalArguments() {
    return tokens.isOperator("(")
        ? arguments()
        : new Expressions.CallArguments(List.of(), Map.of());
  }

  private Expressions.CallArguments arguments() {
    tokens.expectOperator("(");
    List<Expression> positional = new ArrayList<>();
    Map<String, Expression> named = new LinkedHashMap<>();
    while (!tokens.isOperator(")")) {
      if (tokens.is(Kind.NAME) && tokens.look().isOperator("=")) {
        Token name = tokens.next();
        tokens.next();
        if (named.put(name.text(), expression()) != null) {
          throw new TemplateException(name.line(), "argument '" + name.text() + "' is given twice");
        }
      } else if (tokens.isOperator("*") || tokens.isOperator("**") || !named.isEmpty()) {
        throw tokens.unexpected("an argument by name");
      } else {
        positional.add(expression());
      }
      if (!tokens.skipOperator(",")) {
        break;
      }
    }
    tokens.expectOperator(")");
    return new Expressions.CallArguments(positional, named);
  }
}
