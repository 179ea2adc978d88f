package thanora.text.jinja;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import thanora.text.jinja.Token.Kind;

/** Reads a template into statements. A block it does not know is an error with its line. */
final class Parser {
  private static final Statement NOTHING = new Statements.Block(List.of());
  private static final Set<String> RESERVED =
      Set.of("true", "false", "none", "True", "False", "None");
  private final Tokens tokens;
  private final ExpressionParser expressions;
  private int loops;

  private Parser(List<Token> tokens) {
    this.tokens = new Tokens(tokens);
    this.expressions = new ExpressionParser(this.tokens);
  }

  static Statement parse(String template) {
    Parser parser = new Parser(Lexer.tokens(template));
    return parser.body();
  }

  /** Statements up to one of the ends, whose name is left as the current token. */
  private Statement body(String... ends) {
    int opened = tokens.line();
    List<Statement> body = new ArrayList<>();
    while (!tokens.is(Kind.END)) {
      Token token = tokens.next();
      switch (token.kind()) {
        case DATA -> body.add(new Statements.Data(token.text(), token.line()));
        case VARIABLE_BEGIN -> {
          body.add(new Statements.Output(expressions.tuple(), token.line()));
          tokens.expect(Kind.VARIABLE_END, "}}");
        }
        default -> {
          if (Set.of(ends).contains(tokens.current().text()) && tokens.is(Kind.NAME)) {
            return new Statements.Block(body);
          }
          body.add(statement(tokens.expect(Kind.NAME, "a statement")));
        }
      }
    }
    if (ends.length > 0) {
      throw new TemplateException(
          opened, "block is never closed; missing {% " + ends[ends.length - 1] + " %}");
    }
    return new Statements.Block(body);
  }

  private Statement statement(Token word) {
    return switch (word.text()) {
      case "if" -> ifBlock(word.line());
      case "for" -> forBlock(word.line());
      case "set" -> set(word.line());
      case "macro" -> macro(word.line());
      case "generation" -> generation(word.line());
      case "break" -> jump(word, Statement.Flow.BREAK);
      case "continue" -> jump(word, Statement.Flow.CONTINUE);
      default -> throw new TemplateException(
          word.line(), "block '" + word.text() + "' is unknown or out of place");
    };
  }

  private Statement jump(Token word, Statement.Flow flow) {
    if (loops == 0) {
      throw new TemplateException(word.line(), "'" + word.text() + "' outside of a loop");
    }
    endBlock();
    return new Statements.Jump(flow);
  }

  private Statement ifBlock(int line) {
    Expression condition = expressions.tuple();
    endBlock();
    Statement yes = body("elif", "else", "endif");
    Token end = tokens.next();
    Statement no = NOTHING;
    if (end.isName("elif")) {
      return new Statements.If(condition, yes, ifBlock(end.line()), line);
    }
    if (end.isName("else")) {
      endBlock();
      no = body("endif");
      tokens.next();
    }
    endBlock();
    return new Statements.If(condition, yes, no, line);
  }

  private Statement forBlock(int line) {
    Statements.Target target = target(false);
    tokens.expectName("in");
    Expression sequence = expressions.tupleWithoutInlineIf();
    Expression condition = tokens.skipName("if") ? expressions.expression() : null;
    if (tokens.isName("recursive")) {
      throw new TemplateException(line, "recursive loops are not supported");
    }
    endBlock();
    loops++;
    Statement body = body("else", "endfor");
    loops--;
    Statement otherwise = NOTHING;
    if (tokens.next().isName("else")) {
      endBlock();
      otherwise = body("endfor");
      tokens.next();
    }
    endBlock();
    return new Statements.For(target, sequence, condition, body, otherwise, line);
  }

  private Statement set(int line) {
    Statements.Target target = target(true);
    if (tokens.skipOperator("=")) {
      Expression value = expressions.tuple();
      endBlock();
      return new Statements.Assign(target, value, line);
    }
    Expression filtered =
        expressions.filters(new Expressions.Name(Statements.AssignBlock.BODY, line));
    endBlock();
    Statement body = isolated("endset");
    return new Statements.AssignBlock(target, filtered, body, line);
  }

  private Statement generation(int line) {
    endBlock();
    return new Statements.Generation(isolated("endgeneration"), line);
  }

  /** A body that a break or continue cannot leave. */
  private Statement isolated(String end) {
    int around = loops;
    loops = 0;
    Statement body = body(end);
    loops = around;
    tokens.next();
    endBlock();
    return body;
  }

  private Statement macro(int line) {
    String name = newName();
    tokens.expectOperator("(");
    List<String> parameters = new ArrayList<>();
    Map<String, Expression> defaults = new HashMap<>();
    while (!tokens.isOperator(")")) {
      String parameter = newName();
      if (parameters.contains(parameter)) {
        throw new TemplateException(line, "parameter '" + parameter + "' is named twice");
      }
      parameters.add(parameter);
      if (tokens.skipOperator("=")) {
        defaults.put(parameter, expressions.expression());
      } else if (!defaults.isEmpty()) {
        throw tokens.unexpected("a default value");
      }
      if (!tokens.skipOperator(",")) {
        break;
      }
    }
    tokens.expectOperator(")");
    endBlock();
    Statement body = isolated("endmacro");
    return new Statements.MacroDefinition(name, parameters, defaults, body, line);
  }

  private Statements.Target target(boolean withNamespace) {
    List<Statements.Target> parts = new ArrayList<>();
    boolean comma = false;
    do {
      if (!parts.isEmpty() && !tokens.is(Kind.NAME) && !tokens.isOperator("(")) {
        break;
      }
      if (!parts.isEmpty() && tokens.isName("in")) {
        break;
      }
      parts.add(oneTarget(withNamespace));
      comma |= tokens.isOperator(",");
    } while (tokens.skipOperator(","));
    return comma ? new Statements.TupleTarget(parts) : parts.get(0);
  }

  private Statements.Target oneTarget(boolean withNamespace) {
    if (tokens.skipOperator("(")) {
      Statements.Target inner = target(withNamespace);
      tokens.expectOperator(")");
      return inner;
    }
    String name = newName();
    if (withNamespace && tokens.skipOperator(".")) {
      return new Statements.NamespaceTarget(name, tokens.expect(Kind.NAME, "a name").text());
    }
    return new Statements.NameTarget(name);
  }

  private String newName() {
    Token name = tokens.expect(Kind.NAME, "a name");
    if (RESERVED.contains(name.text())) {
      throw new TemplateException(name.line(), "'" + name.text() + "' cannot be set");
    }
    return name.text();
  }

  private void endBlock() {
    tokens.expect(Kind.BLOCK_END, "%}");
  }
}
