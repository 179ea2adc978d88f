package thanora.compare;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import thanora.compare.ComparisonResult.Method;

/** Dots with interval bars, a row a method: the differences to the reference, and the tasks. */
final class DotChart {

  private final ComparisonResult result;
  private final Findings findings;
  private final Html html;

  DotChart(ComparisonResult result, Findings findings, Html html) {
    this.result = result;
    this.findings = findings;
    this.html = html;
  }

  private record Row(String name, Estimate estimate, Svg.Mark mark, String value, String verdict) {}

  /** Differences of the mean NLL to the reference, smallest first. */
  void differences() {
    List<Row> rows = new ArrayList<>();
    for (Method method : Rows.ordered(result, findings)) {
      findings.method(method.name()).nllDifference().ifPresent(d ->
          rows.add(
              new Row(
                  method.name(),
                  d.estimate(),
                  mark(Optional.of(d)),
                  d.estimate().isKnown()
                      ? Html.minus(
                          Figures.signed(d.estimate().value()) + " "
                              + Figures.signedInterval(d.estimate()))
                      : "diverged",
                  verdict(d))));
    }
    html.open("div", "class", "dots forest", "style", nameWidth(rows));
    draw(rows, scale(rows, 0), 0, 6);
    html.open("div", "class", "direction", "aria-hidden", "true");
    html.element("span", "");
    html.open("p");
    html.element("span", "\u2190 better than " + result.reference());
    html.element("span", "worse than " + result.reference() + " \u2192");
    html.close().close().close();
  }

  /**
   * NLL of one task, in the order of the mean. The bars are the intervals of the difference, put at
   * the reference's value: what rows have in common is not in them, so that a bar that is clear of
   * the line and a mark that says so agree.
   */
  void task(int task) {
    List<Row> rows = new ArrayList<>();
    List<Row> scaled = new ArrayList<>();
    double reference = findings.method(result.reference()).taskNll().get(task).value();
    for (Method method : Rows.ordered(result, findings)) {
      MethodFindings found = findings.method(method.name());
      Estimate nll = found.taskNll().get(task);
      boolean isRival = !found.taskNllDifferences().isEmpty();
      Optional<Difference> difference =
          isRival ? Optional.of(found.taskNllDifferences().get(task)) : Optional.empty();
      Row row =
          new Row(
              method.name(),
              difference.map(d -> shifted(d.estimate(), reference)).orElse(alone(nll)),
              method.isBase() && !isRival ? Svg.Mark.BASE : mark(difference),
              nll.isKnown() ? Figures.number(nll.value()) : "diverged",
              difference.map(DotChart::verdict).orElse(""));
      rows.add(row);
      if (!method.isBase()) {
        scaled.add(row);
      }
    }
    html.open("div", "class", "dots dense", "style", nameWidth(rows));
    draw(rows, scale(scaled, reference), reference, 4);
    html.close();
  }

  /** Names get the room that the longest one needs, within reason. */
  private static String nameWidth(List<Row> rows) {
    int longest = rows.stream().mapToInt(r -> r.name.length()).max().orElse(0);
    return "--name:" + Math.max(8, Math.min(24, longest + 1)) + "ch";
  }

  private static Estimate shifted(Estimate difference, double by) {
    return new Estimate(difference.value() + by, difference.low() + by, difference.high() + by);
  }

  private static Estimate alone(Estimate e) {
    return new Estimate(e.value(), e.value(), e.value());
  }

  private static Scale scale(List<Row> rows, double always) {
    double[] ends =
        rows.stream()
            .flatMap(r -> Stream.of(r.estimate.low(), r.estimate.high()))
            .mapToDouble(Double::doubleValue)
            .toArray();
    return Double.isNaN(always) ? Scale.robust(ends) : Scale.robust(ends, always);
  }

  private static Svg.Mark mark(Optional<Difference> difference) {
    return difference
        .map(d -> d.isLower()
            ? Svg.Mark.BETTER
            : d.isHigher() ? Svg.Mark.WORSE : Svg.Mark.SAME)
        .orElse(Svg.Mark.REFERENCE);
  }

  private static String verdict(Difference difference) {
    return difference.isLower() ? "better" : difference.isHigher() ? "worse" : "";
  }

  private void draw(List<Row> rows, Scale scale, double zero, int mostTicks) {
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
      svg.text(scale.percent(tick), 14, 0, "middle", "tick", Scale.label(tick, ticks));
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
    Estimate e = row.estimate;
    if (!e.isKnown()) {
      svg.mark(100, Svg.Mark.DIVERGED).close();
      return;
    }
    String style = "interval " + (row.verdict.isEmpty() ? "same" : row.verdict);
    if (e.low() <= scale.high() && e.high() >= scale.low()) {
      svg.level(scale.percent(e.low()), scale.percent(e.high()), style);
    }
    if (scale.holds(e.value())) {
      svg.mark(scale.percent(e.value()), row.mark);
    } else {
      boolean right = e.value() > scale.high();
      svg.mark(right ? 100 : 0, right ? Svg.Mark.BEYOND_RIGHT : Svg.Mark.BEYOND_LEFT);
    }
    svg.close();
  }

  /** What the marks mean. */
  static void legend(Html html, String reference, boolean isTask, boolean hasBase) {
    html.open("p", "class", "legend");
    key(html, Svg.Mark.BETTER, "significantly better");
    key(html, Svg.Mark.WORSE, "significantly worse");
    key(html, Svg.Mark.SAME, "not told apart");
    if (isTask) {
      key(html, Svg.Mark.REFERENCE, reference);
      if (hasBase) {
        key(html, Svg.Mark.BASE, "untouched model");
      }
    }
    key(html, Svg.Mark.BEYOND_RIGHT, "beyond the axis");
    html.close();
  }

  private static void key(Html html, Svg.Mark mark, String meaning) {
    html.open("span").open("svg", "width", "16", "height", "16", "aria-hidden", "true");
    html.open("g", "transform", "translate(8 8)");
    html.shape("path", "d", mark.path(), "class", mark.style());
    html.close().close().text(meaning).close();
  }
}
