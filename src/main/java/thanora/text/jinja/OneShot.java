package thanora.text.jinja;

import java.util.Iterator;
import java.util.List;

/** A Python generator: it can be walked once, and is empty after that. */
final class OneShot {
  private final Iterator<Object> rest;

  OneShot(List<Object> items) {
    this.rest = items.iterator();
  }

  Iterator<Object> rest() {
    return rest;
  }
}
