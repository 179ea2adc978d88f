package thanora.text.jinja;

import java.util.List;

/** The {@code loop} variable of a for block. */
final class Loop {
  private final List<Object> items;
  private int at = -1;
  private Object changed;

  Loop(List<Object> items) {
    this.items = items;
  }

  Object next() {
    return items.get(++at);
  }

  boolean hasNext() {
    return at + 1 < items.size();
  }

  /** The attribute's value, or {@link Members#ABSENT}. */
  Object attribute(String name) {
    return switch (name) {
      case "index" -> at + 1L;
      case "index0" -> (long) at;
      case "revindex" -> (long) items.size() - at;
      case "revindex0" -> items.size() - at - 1L;
      case "length" -> (long) items.size();
      case "first" -> at == 0;
      case "last" -> at == items.size() - 1;
      case "previtem" -> at > 0 ? items.get(at - 1) : new Undefined("there is no previous item");
      case "nextitem" -> hasNext() ? items.get(at + 1) : new Undefined("there is no next item");
      case "depth" -> 1L;
      case "depth0" -> 0L;
      case "cycle" -> (Callable) this::cycle;
      case "changed" -> (Callable) this::changed;
      default -> Members.ABSENT;
    };
  }

  private Object cycle(Arguments arguments) {
    List<Object> values = arguments.positional();
    if (values.isEmpty() || !arguments.named().isEmpty()) {
      throw new TemplateException("loop.cycle needs values");
    }
    return values.get(at % values.size());
  }

  private Object changed(Arguments arguments) {
    Object now = new Tuple(arguments.positional());
    boolean isNew = changed == null || !Values.equal(changed, now);
    changed = now;
    return isNew;
  }
}
