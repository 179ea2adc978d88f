package thanora.page;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.DoubleStream;

/** Lines over training steps that stretch with the page. */
public final class LineChart {
  private static final int HEIGHT = 150;
  /** Highest over lowest number from which the axis is logarithmic. */
  private static final double WIDE = 30;

  private final Html html;
  private final List<Series> series;
  private final Scale x;
  private final Scale y;

  /**
   * One line.
   *
   * @param style curve, second or ghost
   * @param steps rising
   * @param values one a step; NaN leaves a gap
   * @param dots whether every number gets a dot
   */
  public record Series(String name, String style, double[] steps, double[] values, boolean dots) {
    /** At most so many points, means of neighbours. */
    public Series thinned(int most) {
      int group = (steps.length + most - 1) / Math.max(1, most);
      if (group <= 1) {
        return this;
      }
      int count = (steps.length + group - 1) / group;
      double[] places = new double[count];
      double[] means = new double[count];
      for (int i = 0; i < count; i++) {
        int end = Math.min(steps.length, (i + 1) * group);
        places[i] = steps[end - 1];
        means[i] = Arrays.stream(values, i * group, end).filter(Double::isFinite).average().orElse(Double.NaN);
      }
      return new Series(name, style, places, means, dots);
    }
  }

  private LineChart(Html html, List<Series> series, boolean mayBeLog) {
    this.html = html;
    this.series = series;
    double[] steps = series.stream().flatMapToDouble(s -> Arrays.stream(s.steps)).toArray();
    double first = Arrays.stream(steps).min().orElse(0);
    this.x = new Scale(first, Math.max(first + 1, Arrays.stream(steps).max().orElse(1)), false);
    double[] values = series.stream().flatMapToDouble(s -> Arrays.stream(s.values))
        .filter(Double::isFinite).toArray();
    double low = Arrays.stream(values).min().orElse(0);
    double high = Arrays.stream(values).max().orElse(1);
    this.y = mayBeLog && low > 0 && high > WIDE * low ? Scale.log(low, high) : Scale.linear(low, high);
  }

  /**
   * Draws one or more lines.
   *
   * @param label what is drawn, for those who do not see it
   * @param mayBeLog whether numbers far apart get a logarithmic axis
   */
  public static void draw(Html html, String label, List<Series> series, boolean mayBeLog) {
    new LineChart(html, series, mayBeLog).draw(label);
  }

  private void draw(String label) {
    html.open("div", "class", "frame");
    Svg svg = new Svg(html).open(HEIGHT, label);
    axes(svg);
    for (Series line : series) {
      svg.path(
          Arrays.stream(line.steps).map(x::percent).toArray(),
          Arrays.stream(line.values).map(this::top).toArray(), HEIGHT, line.style);
      for (int i = 0; line.dots && i < line.steps.length; i++) {
        if (Double.isFinite(line.values[i])) {
          svg.dot(x.percent(line.steps[i]), top(line.values[i]), 2.6, "point " + line.style);
        }
      }
    }
    hover(svg);
    svg.close();
    html.close();
  }

  private double top(double value) {
    return Double.isFinite(value) ? HEIGHT * (1 - y.percent(value) / 100) : Double.NaN;
  }

  private void axes(Svg svg) {
    for (double tick : y.ticks(4)) {
      svg.line(0, top(tick), 100, top(tick), "grid");
      svg.text(0, top(tick) + 4, -8, "end", "tick", Figures.brief(tick));
    }
    svg.line(0, HEIGHT, 100, HEIGHT, "axis");
    List<Double> whole = x.ticks(4).stream().filter(tick -> tick == Math.rint(tick)).toList();
    for (double tick : whole) {
      svg.line(x.percent(tick), HEIGHT, x.percent(tick), HEIGHT + 4, "axis");
      svg.text(x.percent(tick), HEIGHT + 17, 0, "middle", "tick", Figures.count((long) tick));
    }
  }

  /** Invisible strips, one a step of the longest line, that say the numbers when pointed at. */
  private void hover(Svg svg) {
    double[] steps = series.stream().map(Series::steps)
        .max((a, b) -> Integer.compare(a.length, b.length)).orElseThrow();
    for (int i = 0; i < steps.length; i++) {
      double left = x.percent(i == 0 ? steps[i] : (steps[i - 1] + steps[i]) / 2);
      double right = x.percent(i == steps.length - 1 ? steps[i] : (steps[i] + steps[i + 1]) / 2);
      String title = said(steps[i], i == 0 ? Double.NEGATIVE_INFINITY : steps[i - 1]);
      svg.rectangle(left, 0, right - left, HEIGHT, "hover", 0, title);
    }
  }

  /** What the lines are at a step, or between it and the step before. */
  private String said(double step, double after) {
    List<String> parts = new ArrayList<>();
    for (Series line : series) {
      DoubleStream.Builder found = DoubleStream.builder();
      for (int i = 0; i < line.steps.length; i++) {
        if (line.steps[i] <= step && line.steps[i] > after) {
          found.add(line.values[i]);
        }
      }
      found.build().filter(Double::isFinite).average()
          .ifPresent(value -> parts.add(line.name + " " + Figures.brief(value)));
    }
    return "step " + Figures.count((long) step) + ": " + String.join(", ", parts);
  }
}
