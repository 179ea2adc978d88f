package thanora.text.jinja;

/** One token of a template; {@code text} is a string's decoded value or the operator itself. */
record Token(Kind kind, String text, int line) {
  enum Kind {
    DATA, VARIABLE_BEGIN, VARIABLE_END, BLOCK_BEGIN, BLOCK_END,
    NAME, STRING, INTEGER, FLOAT, OPERATOR, END
  }

  boolean isName(String name) {
    return kind == Kind.NAME && text.equals(name);
  }

  boolean isOperator(String operator) {
    return kind == Kind.OPERATOR && text.equals(operator);
  }

  String describe() {
    return switch (kind) {
      case END -> "end of template";
      case BLOCK_END -> "end of the block";
      case VARIABLE_END -> "end of the expression";
      case BLOCK_BEGIN, VARIABLE_BEGIN, DATA -> "text";
      case STRING -> "string '" + text + "'";
      case NAME, INTEGER, FLOAT, OPERATOR -> "'" + text + "'";
    };
  }
}
