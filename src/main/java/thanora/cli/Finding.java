package thanora.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What a look at one thing of the machine came to.
 *
 * @param what was looked at
 * @param found what is there
 * @param remedy what to do; empty where nothing is
 */
record Finding(String what, State state, String found, String remedy) {
  /** How it is. */
  enum State { OK, NOTE, WRONG }

  static Finding ok(String what, String found) {
    return new Finding(what, State.OK, found, "");
  }

  static Finding note(String what, String found, String remedy) {
    return new Finding(what, State.NOTE, found, remedy);
  }

  static Finding wrong(String what, String found, String remedy) {
    return new Finding(what, State.WRONG, found, remedy);
  }

  /** For a terminal. */
  List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add(String.format(Locale.ROOT, "%-5s  %-16s  %s", word(), what, found));
    if (!remedy.isEmpty()) {
      lines.add(String.format(Locale.ROOT, "%-5s  %-16s  -> %s", "", "", remedy));
    }
    return lines;
  }

  private String word() {
    return state.name().toLowerCase(Locale.ROOT);
  }

  /** For scripts. */
  Map<String, Object> tree() {
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("check", what);
    tree.put("state", word());
    tree.put("found", found);
    tree.put("remedy", remedy.isEmpty() ? null : remedy);
    return tree;
  }
}
