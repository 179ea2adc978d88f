package thanora.text.jinja;

/** Jinja's undefined value: prints empty, counts as false and empty, refuses everything else. */
record Undefined(String why) {
  static Undefined name(String name) {
    return new Undefined("'" + name + "' is undefined");
  }

  static Undefined attribute(Object owner, String name) {
    return new Undefined("'" + Values.typeName(owner) + "' has no attribute '" + name + "'");
  }

  TemplateException error() {
    return new TemplateException(why);
  }
}
