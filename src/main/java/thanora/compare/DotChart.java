package thanora.compare;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import thanora.compare.ComparisonResult.Method;
import thanora.page.DotRows;
import thanora.page.Estimate;
import thanora.page.Figures;
import thanora.page.Html;
import thanora.page.Scale;
import thanora.page.Svg;

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

  private static DotRows.Row row(
      String name, Estimate estimate, Svg.Mark mark, String value, String verdict) {
    DotRows.Dot dot = new DotRows.Dot(estimate, mark, verdict.isEmpty() ? "same" : verdict);
    return new DotRows.Row(name, List.of(dot), value, verdict);
  }

  /** Differences of the mean NLL to the reference, smallest first. */
  void differences() {
    List<DotRows.Row> rows = new ArrayList<>();
    for (Method method : Rows.ordered(result, findings)) {
      findings.method(method.name()).nllDifference().ifPresent(d ->
          rows.add(
              row(
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
    html.open("div", "class", "dots forest", "style", DotRows.nameWidth(rows));
    new DotRows(html).draw(rows, scale(rows, 0), 0, 6);
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
    List<DotRows.Row> rows = new ArrayList<>();
    List<DotRows.Row> scaled = new ArrayList<>();
    double reference = findings.method(result.reference()).taskNll().get(task).value();
    for (Method method : Rows.ordered(result, findings)) {
      MethodFindings found = findings.method(method.name());
      Estimate nll = found.taskNll().get(task);
      boolean isRival = !found.taskNllDifferences().isEmpty();
      Optional<Difference> difference =
          isRival ? Optional.of(found.taskNllDifferences().get(task)) : Optional.empty();
      DotRows.Row row =
          row(
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
    html.open("div", "class", "dots dense", "style", DotRows.nameWidth(rows));
    new DotRows(html).draw(rows, scale(scaled, reference), reference, 4);
    html.close();
  }

  private static Estimate shifted(Estimate difference, double by) {
    return new Estimate(difference.value() + by, difference.low() + by, difference.high() + by);
  }

  private static Estimate alone(Estimate e) {
    return new Estimate(e.value(), e.value(), e.value());
  }

  private static Scale scale(List<DotRows.Row> rows, double always) {
    double[] ends =
        rows.stream()
            .flatMap(r -> r.dots().stream())
            .flatMap(d -> Stream.of(d.estimate().low(), d.estimate().high()))
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

  /** What the marks mean. */
  static void legend(Html html, String reference, boolean isTask, boolean hasBase) {
    html.open("p", "class", "legend");
    DotRows.key(html, Svg.Mark.BETTER, "significantly better");
    DotRows.key(html, Svg.Mark.WORSE, "significantly worse");
    DotRows.key(html, Svg.Mark.SAME, "not told apart");
    if (isTask) {
      DotRows.key(html, Svg.Mark.REFERENCE, reference);
      if (hasBase) {
        DotRows.key(html, Svg.Mark.BASE, "untouched model");
      }
    }
    DotRows.key(html, Svg.Mark.BEYOND_RIGHT, "beyond the axis");
    html.close();
  }
}
