package thanora.text.jinja;

/** A function, bound method or macro. */
interface Callable {
  Object call(Arguments arguments);
}
