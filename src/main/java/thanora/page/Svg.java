package thanora.page;

import java.util.Locale;

/**
 * Drawings that stretch with the page while their text does not: x in per cent of the width, y in
 * pixels or half the height, no view box.
 */
public final class Svg {
  private final Html html;

  public Svg(Html html) {
    this.html = html;
  }

  /** A drawing as wide as its place; an empty label hides it from screen readers. */
  public Svg open(int height, String label) {
    if (label.isEmpty()) {
      html.open("svg", "width", "100%", "height", "" + height, "aria-hidden", "true");
    } else {
      html.open("svg", "width", "100%", "height", "" + height, "role", "img", "aria-label", label);
    }
    return this;
  }

  /** A drawing that also takes the height of its place. */
  public Svg open(String label) {
    html.open("svg", "class", "fill", "role", "img", "aria-label", label);
    return this;
  }

  public Svg close() {
    html.close();
    return this;
  }

  public Svg line(double x1, double y1, double x2, double y2, String style) {
    html.shape(
        "line", "x1", percent(x1), "y1", pixels(y1), "x2", percent(x2), "y2", pixels(y2), "class",
        style);
    return this;
  }

  /** A line from top to bottom. */
  public Svg upright(double x, String style) {
    html.shape(
        "line", "x1", percent(x), "y1", "0", "x2", percent(x), "y2", "100%", "class", style);
    return this;
  }

  /** A line at half the height. */
  public Svg level(double x1, double x2, String style) {
    html.shape(
        "line", "x1", percent(x1), "y1", "50%", "x2", percent(x2), "y2", "50%", "class", style);
    return this;
  }

  /** A rectangle that says something when pointed at. */
  public Svg rectangle(
      double x, double y, double width, double height, String style, double opacity, String title) {
    html.open(
        "rect", "x", percent(x), "y", pixels(y), "width", percent(width), "height",
        pixels(height), "class", style, "fill-opacity",
        String.format(Locale.ROOT, "%.2f", opacity));
    html.element("title", title).close();
    return this;
  }

  /** A line through points, x in per cent, y in pixels of a drawing so high; NaN leaves a gap. */
  public Svg path(double[] x, double[] y, int height, String style) {
    StringBuilder d = new StringBuilder();
    boolean pen = false;
    for (int i = 0; i < x.length; i++) {
      if (Double.isFinite(y[i])) {
        d.append(String.format(Locale.ROOT, "%s%.2f %.1f", pen ? "L" : "M", x[i], y[i]));
      }
      pen = Double.isFinite(y[i]);
    }
    // stretched both ways, but for the width of the line
    html.open("svg", "width", "100%", "height", "" + height, "viewBox", "0 0 100 " + height,
        "preserveAspectRatio", "none");
    html.shape("path", "d", d.toString(), "class", style, "vector-effect", "non-scaling-stroke");
    html.close();
    return this;
  }

  public Svg dot(double x, double y, double radius, String style) {
    html.shape("circle", "cx", percent(x), "cy", pixels(y), "r", pixels(radius), "class", style);
    return this;
  }

  /** A mark with a shape of its own, so that it is told from others without its colour. */
  public Svg mark(double x, double y, Mark mark) {
    return mark(percent(x), pixels(y), mark);
  }

  /** A mark at half the height. */
  public Svg mark(double x, Mark mark) {
    return mark(percent(x), "50%", mark);
  }

  private Svg mark(String x, String y, Mark mark) {
    html.open("svg", "x", x, "y", y, "class", "mark");
    html.shape("path", "d", mark.path, "class", mark.style);
    html.close();
    return this;
  }

  /** Text beside a point, {@code dx} pixels to the right of it; anchor is start, middle or end. */
  public Svg text(double x, double y, double dx, String anchor, String style, String text) {
    html.element(
        "text", text, "x", percent(x), "y", pixels(y), "dx", pixels(dx), "text-anchor", anchor,
        "class", style);
    return this;
  }

  private static String percent(double x) {
    return String.format(Locale.ROOT, "%.2f%%", x);
  }

  private static String pixels(double y) {
    return String.format(Locale.ROOT, "%.1f", y).replaceAll("\\.0$", "");
  }

  /** Shapes about the origin. */
  public enum Mark {
    /** The reference. */
    REFERENCE("M-4.5-4.5h9v9h-9z", "reference"),
    /** Significantly better than the reference. */
    BETTER("M0-6a6 6 0 1 1 0 12a6 6 0 1 1 0-12z", "better"),
    /** Significantly worse. */
    WORSE("M0-7L7 0L0 7L-7 0z", "worse"),
    /** Not told apart from the reference. */
    SAME("M0-4.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 1 1 0-9z", "same"),
    /** The untouched model. */
    BASE("M-5-5L5 5M-5 5L5-5", "cross"),
    /** A number beyond the right end. */
    BEYOND_RIGHT("M-4-5L5 0L-4 5z", "beyond"),
    /** A number beyond the left end. */
    BEYOND_LEFT("M4-5L-5 0L4 5z", "beyond"),
    /** A number beyond the top. */
    BEYOND_TOP("M-5 4L0-5L5 4z", "beyond"),
    /** No number: the run diverged. */
    DIVERGED("M-4-4L4 4M-4 4L4-4", "cross"),
    /** The chosen one of several. */
    CHOSEN("M0-6.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 1 1 0-13z", "chosen");

    private final String path;
    private final String style;

    Mark(String path, String style) {
      this.path = path;
      this.style = style;
    }

    public String path() {
      return path;
    }

    public String style() {
      return style;
    }
  }
}
