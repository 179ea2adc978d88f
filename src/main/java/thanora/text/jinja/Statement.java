package thanora.text.jinja;

/** A part of a template that writes or sets something. */
interface Statement {
  /** How a block ended: by itself, or by break or continue. */
  enum Flow { NORMAL, BREAK, CONTINUE }

  Flow execute(Scope scope);
}
