package thanora.text.jinja;

import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.function.Supplier;

/** The state of one rendering: output, generation spans, the line being rendered, and limits. */
final class Run {
  private static final long MAX_STEPS = 5_000_000;
  private static final int MAX_CALLS = 100;
  private static final int CHARS_A_STEP = 32;
  private static final int ITEMS_A_STEP = 4;

  private final LocalDateTime now;
  private final List<Rendering.Span> spans = new ArrayList<>();
  private StringBuilder out = new StringBuilder();
  private int captures;
  private long steps;
  private int calls;
  private int line;

  Run(LocalDateTime now) {
    this.now = now;
  }

  LocalDateTime now() {
    return now;
  }

  int line() {
    return line;
  }

  /** Counts one step of work at a line of the template. */
  void step(int atLine) {
    line = atLine;
    if (++steps > MAX_STEPS) {
      throw new TemplateException("more than " + MAX_STEPS + " steps; the template may never end");
    }
  }

  /** Counts the work and memory behind a value: big values are many steps. */
  <T> T charge(T value) {
    if (value instanceof String text) {
      steps += text.length() / CHARS_A_STEP;
    } else if (value instanceof Collection<?> items) {
      steps += items.size() / ITEMS_A_STEP;
    }
    step(line);
    return value;
  }

  void write(String text) {
    Strings.bounded((double) out.length() + text.length());
    out.append(charge(text));
  }

  /** What {@code body} writes, kept from the output. */
  String capture(Runnable body) {
    StringBuilder outer = out;
    out = new StringBuilder();
    captures++;
    try {
      body.run();
      return out.toString();
    } finally {
      out = outer;
      captures--;
    }
  }

  void generation(Runnable body) {
    if (captures > 0) {
      throw new TemplateException(
          "generation block inside a macro or set block: its place in the output is not known");
    }
    int start = out.length();
    body.run();
    spans.add(new Rendering.Span(start, out.length()));
  }

  String call(Supplier<String> macro) {
    if (++calls > MAX_CALLS) {
      throw new TemplateException("macros call each other more than " + MAX_CALLS + " deep");
    }
    try {
      return macro.get();
    } finally {
      calls--;
    }
  }

  Rendering finish() {
    return new Rendering(out.toString(), spans);
  }
}
