package thanora.cli;

import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;

/**
 * Progress of something with a known number of steps (0 where it is not known), with the last loss of every task:
 *
 * <pre>train [#####-----] 120/250 4.1/s 0:31 left | words 0.31 sums 1.20</pre>
 *
 * On a terminal one line that is drawn again, at most ten times a second, by a carriage return
 * alone, without colours or escape codes. Elsewhere a plain line every ten seconds and one at the end, of what takes
 * two seconds or more, with no control characters but line ends. For one thread.
 */
final class Progress implements AutoCloseable {
  private static final int BAR = 20;
  private static final double LIVE_SECONDS = 0.1;
  private static final double PLAIN_SECONDS = 10;
  private static final double SHORT_SECONDS = 2;

  /** How progress is shown. */
  enum Style { SILENT, PLAIN, LIVE }

  private final PrintWriter out;
  private final Style style;
  private final int width;
  private final String label;
  private final int total;
  private final LongSupplier nanos;
  private final Map<String, Double> losses = new LinkedHashMap<>();

  private long started;
  private int firstStep;
  private int step;
  private double shownAt;
  private int shownStep = -1;
  private int drawn;

  Progress(
      PrintWriter out, Style style, int width, String label, int total, LongSupplier nanos) {
    this.out = out;
    this.style = style;
    this.width = Math.max(20, width);
    this.label = label;
    this.total = total;
    this.nanos = nanos;
    this.started = nanos.getAsLong();
    // A terminal shows the first step at once, a file only what takes long, and the end.
    this.shownAt = style == Style.LIVE ? Double.NEGATIVE_INFINITY : 0;
  }

  /** Progress on standard error, in the style that fits it. */
  static Progress on(PrintWriter err, String label, int total, boolean quiet) {
    Style style = quiet ? Style.SILENT : Terminal.isLive() ? Style.LIVE : Style.PLAIN;
    return new Progress(err, style, Terminal.columns(), label, total, System::nanoTime);
  }

  /** Counts from a step that was done before, so that the rate is that of this run. */
  Progress from(int done) {
    firstStep = done;
    step = done;
    started = nanos.getAsLong();
    shownAt = style == Style.LIVE ? Double.NEGATIVE_INFINITY : 0;
    return this;
  }

  /** Shows on a terminal that it has begun. */
  void begin() {
    if (style == Style.LIVE) {
      show();
    }
  }

  /** Shows a step without losses. */
  void update(int done) {
    update(done, Map.of());
  }

  /**
   * Shows a step.
   *
   * @param done steps done
   * @param taskLoss loss of the tasks of this step; others keep their last one
   */
  void update(int done, Map<String, Double> taskLoss) {
    boolean ended = isEnd(done) && shownStep == done;
    step = done;
    losses.putAll(taskLoss);
    double interval = style == Style.LIVE ? LIVE_SECONDS : PLAIN_SECONDS;
    if (!ended && (seconds() - shownAt >= interval || isEnd(done))) {
      show();
    }
  }

  /** Whether it is the last step; of an unknown number none is. */
  private boolean isEnd(int done) {
    return total > 0 && done >= total;
  }

  /** Prints a line of its own, above the live one. */
  void say(String line) {
    if (style == Style.SILENT) {
      return;
    }
    erase();
    out.println(line);
    out.flush();
    if (style == Style.LIVE && shownStep >= 0) {
      show();
    }
  }

  private void show() {
    shownAt = seconds();
    shownStep = step;
    if (style == Style.PLAIN) {
      if (shownAt >= SHORT_SECONDS) {
        out.println(line(Integer.MAX_VALUE, false));
        out.flush();
      }
    } else if (style == Style.LIVE) {
      // One column is left free: a full line would wrap and not be drawn over.
      String line = line(width - 1, true);
      out.print("\r" + line + " ".repeat(Math.max(0, drawn - line.length())));
      out.flush();
      drawn = line.length();
    }
  }

  private void erase() {
    if (drawn > 0) {
      out.print("\r" + " ".repeat(drawn) + "\r");
      drawn = 0;
    }
  }

  /** The line in at most so many columns: first the bar goes, then the ends of names, then more. */
  private String line(int columns, boolean bar) {
    String head = label + " ";
    int full = total == 0 ? BAR : (int) Math.min(BAR, (long) BAR * step / total);
    String drawnBar = bar && total > 0 ? "[" + "#".repeat(full) + "-".repeat(BAR - full) + "] " : "";
    String tail = (total > 1 ? step + "/" + total : total == 0 ? "" + step : "") + speed();
    String line = head + drawnBar + tail + losses(Integer.MAX_VALUE);
    if (line.length() > columns) {
      line = head + tail + losses(Integer.MAX_VALUE);
    }
    for (int letters = 8; line.length() > columns && letters >= 1; letters--) {
      line = head + tail + losses(letters);
    }
    return line.length() > columns ? line.substring(0, columns) : line;
  }

  private String losses(int letters) {
    if (losses.isEmpty()) {
      return "";
    }
    return losses.entrySet().stream()
        .map(e -> cut(e.getKey(), letters) + String.format(Locale.ROOT, " %.2f", e.getValue()))
        .collect(Collectors.joining(" ", " | ", ""));
  }

  private static String cut(String name, int letters) {
    return name.length() <= letters ? name : name.substring(0, letters);
  }

  private String speed() {
    int done = step - firstStep;
    double seconds = seconds();
    if (total == 1) {
      return clock(seconds);
    }
    if (done <= 0 || seconds <= 0) {
      return "";
    }
    double rate = done / seconds;
    String shown =
        rate >= 1
            ? String.format(Locale.ROOT, " %.1f/s", rate)
            : String.format(Locale.ROOT, " %.1f s each", 1 / rate);
    if (total == 0) {
      return shown;
    }
    return step >= total
        ? shown + " " + clock(seconds) + " in all"
        : shown + " " + clock((total - step) / rate) + " left";
  }

  private static String clock(double seconds) {
    long s = Math.round(seconds);
    return s >= 3600
        ? String.format(Locale.ROOT, "%d:%02d:%02d", s / 3600, s / 60 % 60, s % 60)
        : String.format(Locale.ROOT, "%d:%02d", s / 60, s % 60);
  }

  private double seconds() {
    return (nanos.getAsLong() - started) / 1e9;
  }

  /** Shows the last step, if it is not shown yet, and ends the line. */
  @Override
  public void close() {
    if (style == Style.SILENT) {
      return;
    }
    if (shownStep != step && step > firstStep) {
      show();
    }
    if (drawn > 0) {
      out.println();
      out.flush();
      drawn = 0;
    }
  }
}
