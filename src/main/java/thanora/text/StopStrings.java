package thanora.text;

import java.util.List;

/**
 * Cuts a text that comes in pieces at the first of some strings, wherever the pieces' borders lie: what
 * may be the beginning of one is held back.
 */
public final class StopStrings {
  private final List<String> stops;
  private final StringBuilder held = new StringBuilder();
  private boolean stopped;

  /** Strings to end at; none is empty. */
  public StopStrings(List<String> stops) {
    if (stops.stream().anyMatch(String::isEmpty)) {
      throw new IllegalArgumentException("a stop string is empty; leave it out");
    }
    this.stops = List.copyOf(stops);
  }

  /** The text to give out after a further piece. */
  public String next(String piece) {
    if (stopped) {
      return "";
    }
    held.append(piece);
    int at = stops.stream().mapToInt(held::indexOf).filter(found -> found >= 0).min().orElse(-1);
    stopped = at >= 0;
    int out = stopped ? at : held.length() - beginning();
    String text = held.substring(0, out);
    held.delete(0, stopped ? held.length() : out);
    return text;
  }

  /** What was held back for a string that never came. */
  public String end() {
    String text = held.toString();
    held.setLength(0);
    return text;
  }

  /** Whether one was met. */
  public boolean stopped() {
    return stopped;
  }

  /** Length of the longest end of the text that begins a stop string. */
  private int beginning() {
    int longest = 0;
    for (String stop : stops) {
      for (int n = Math.min(stop.length() - 1, held.length()); n > longest; n--) {
        if (stop.startsWith(held.substring(held.length() - n))) {
          longest = n;
        }
      }
    }
    return longest;
  }
}
