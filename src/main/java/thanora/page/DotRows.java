package thanora.page;

import java.util.List;

/** Dots with interval bars on one axis, a row a name. */
public final class DotRows {
  private final Html html;

  public DotRows(Html html) {
    this.html = html;
  }

  /**
   * A number on the axis.
   *
   * @param style of its interval bar: better, worse or same
   */
  public record Dot(Estimate estimate, Svg.Mark mark, String style) {}

  /**
   * A row.
   *
   * @param dots drawn in this order
   * @param value the numbers in words
   * @param verdict better, worse or nothing, said after the value
   */
  public record Row(String name, List<Dot> dots, String value, String verdict) {}

  /** Names get the room that the longest one needs, within reason. */
  public static String nameWidth(List<Row> rows) {
    int longest = rows.stream().mapToInt(r -> r.name.length()).max().orElse(0);
    return "--name:" + Math.max(8, Math.min(24, longest + 1)) + "ch";
  }

  /** Draws rows and axis; {@code zero} is where the upright line is, NaN for none. */
  public void draw(List<Row> rows, Scale scale, double zero, int mostTicks) {
    List<Double> ticks = scale.ticks(mostTicks);
    for (Row row : rows) {
      html.open("div", "class", "row");
      html.element("span", row.name, "class", "name", "title", row.name);
      html.open("span", "class", "plot");
      plot(row, scale, ticks, zero);
      html.close();
      html.open("span", "class", "value").text(row.value);
      if (!row.verdict.isEmpty()) {
        html.text(" ").element("b", row.verdict, "class", row.verdict);
      }
      html.close().close();
    }
    html.open("div", "class", "row ticks", "aria-hidden", "true");
    html.element("span", "", "class", "name").open("span", "class", "plot");
    Svg svg = new Svg(html).open(20, "");
    for (double tick : ticks) {
      svg.text(scale.percent(tick), 14, 0, "middle", "tick",
          scale.isLog() ? Figures.brief(tick) : Scale.label(tick, ticks));
    }
    svg.close();
    html.close().element("span", "", "class", "value").close();
  }

  private void plot(Row row, Scale scale, List<Double> ticks, double zero) {
    Svg svg = new Svg(html).open(row.name + ": " + row.value + " " + row.verdict);
    for (double tick : ticks) {
      svg.upright(scale.percent(tick), "grid");
    }
    if (!Double.isNaN(zero)) {
      svg.upright(scale.percent(zero), "zero");
    }
    row.dots.forEach(dot -> dot(svg, dot, scale));
    svg.close();
  }

  private static void dot(Svg svg, Dot dot, Scale scale) {
    Estimate e = dot.estimate;
    if (!e.isKnown()) {
      svg.mark(100, Svg.Mark.DIVERGED);
      return;
    }
    if (e.low() <= scale.high() && e.high() >= scale.low()) {
      svg.level(scale.percent(e.low()), scale.percent(e.high()), "interval " + dot.style);
    }
    if (scale.holds(e.value())) {
      svg.mark(scale.percent(e.value()), dot.mark);
    } else {
      boolean right = e.value() > scale.high();
      svg.mark(right ? 100 : 0, right ? Svg.Mark.BEYOND_RIGHT : Svg.Mark.BEYOND_LEFT);
    }
  }

  /** A mark and what it means, in a legend. */
  public static void key(Html html, Svg.Mark mark, String meaning) {
    html.open("span").open("svg", "width", "16", "height", "16", "aria-hidden", "true");
    html.open("g", "transform", "translate(8 8)");
    html.shape("path", "d", mark.path(), "class", mark.style());
    html.close().close().text(meaning).close();
  }
}
