package thanora.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.DoubleStream;
import thanora.compare.Resamples;
import thanora.compare.Sample;
import thanora.eval.AnswersFile.Judged;
import thanora.eval.AnswersFile.Line;
import thanora.page.DotRows;
import thanora.page.Estimate;
import thanora.page.Figures;
import thanora.page.Html;
import thanora.page.Page;
import thanora.page.Scale;
import thanora.page.Svg;

/** Scores and −log p before and after, with intervals over the test rows. */
final class ScoreSection {
  private static final int RESAMPLES = 2000;
  /** Highest over lowest number from which the axis is logarithmic. */
  private static final double WIDE = 30;

  private final RunFiles run;
  private final Page page;
  private final Html html;
  private final Map<String, List<Line>> tasks = new LinkedHashMap<>();

  ScoreSection(RunFiles run, Page page) {
    this.run = run;
    this.page = page;
    this.html = page.html();
    run.answers().forEach(line -> tasks.computeIfAbsent(line.task(), name -> new ArrayList<>()).add(line));
  }

  /** One quantity of a task or of their mean. */
  private record Change(String name, Estimate before, Estimate after, Estimate change) {
    boolean isSure() {
      return change.low() > 0 || change.high() < 0;
    }
  }

  void draw() {
    if (tasks.isEmpty()) {
      return;
    }
    page.section("scores", "Before and after", "On the test rows. Bars and brackets are 95 % intervals,"
        + " by drawing the rows again; those of the change draw the same rows before and after.");
    List<Change> scores = changes(Judged::score, line -> 1, 1);
    List<Change> nll = changes(Judged::nll, Line::tokens, Double.POSITIVE_INFINITY);
    boolean hasScores = scores.stream().anyMatch(c -> c.before.isKnown() || c.after.isKnown());
    headline(hasScores ? scores : nll, hasScores ? "score" : "\u2212log p a token");
    legend();
    html.open("div", "class", "cards");
    if (hasScores) {
      chart("Score, larger is better", scores, true);
    }
    chart("\u2212log p a token in nats, smaller is better", nll, false);
    html.close();
    if (hasScores) {
      table("Score", scores);
    }
    table("\u2212log p a token", nll);
    html.close();
  }

  private void headline(List<Change> changes, String what) {
    Change mean = changes.get(changes.size() - 1);
    if (mean.change.isKnown()) {
      html.element("p", String.format("Mean %s of the tasks: %s before, %s after.", what,
          Figures.number(mean.before.value()), Figures.number(mean.after.value())), "class", "headline");
    }
  }

  /** Every task, then their mean. */
  private List<Change> changes(Function<Judged, Double> value, Function<Line, Number> weight, double most) {
    double[][][][] values = new double[2][1][tasks.size()][];
    double[][] weights = new double[tasks.size()][];
    int at = 0;
    for (List<Line> lines : tasks.values()) {
      values[0][0][at] = lines.stream().mapToDouble(line -> number(line.before(), value)).toArray();
      values[1][0][at] = lines.stream().mapToDouble(line -> number(line.after(), value)).toArray();
      weights[at++] = lines.stream().mapToDouble(line -> weight.apply(line).doubleValue()).toArray();
    }
    Resamples resamples = Resamples.draw(values, weights, RESAMPLES, 0);
    List<Change> changes = new ArrayList<>();
    List<Sample> before = new ArrayList<>();
    List<Sample> after = new ArrayList<>();
    for (String task : tasks.keySet()) {
      before.add(resamples.task(0, before.size()));
      after.add(resamples.task(1, after.size()));
      changes.add(change(task, before.get(before.size() - 1), after.get(after.size() - 1), most));
    }
    changes.add(change("mean", Sample.mean(before), Sample.mean(after), most));
    return changes;
  }

  private static double number(Judged judged, Function<Judged, Double> value) {
    Double number = judged == null ? null : value.apply(judged);
    return number == null ? Double.NaN : number;
  }

  private static Change change(String name, Sample before, Sample after, double most) {
    return new Change(name, before.estimate(0, most), after.estimate(0, most), after.minus(before).estimate(
        Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY));
  }

  private void legend() {
    html.open("p", "class", "legend");
    DotRows.key(html, Svg.Mark.BASE, "before");
    DotRows.key(html, Svg.Mark.BETTER, "after, better");
    DotRows.key(html, Svg.Mark.WORSE, "after, worse");
    DotRows.key(html, Svg.Mark.SAME, "after, not told apart");
    html.close();
  }

  private void chart(String title, List<Change> changes, boolean largerIsBetter) {
    double[] ends = changes.stream().flatMap(c -> List.of(c.before, c.after).stream())
        .flatMapToDouble(e -> DoubleStream.of(e.low(), e.high())).filter(Double::isFinite).toArray();
    double low = Arrays.stream(ends).min().orElse(0);
    double high = Arrays.stream(ends).max().orElse(1);
    Scale scale = largerIsBetter ? Scale.linear(0, 1)
        : low > 0 && high > WIDE * low ? Scale.log(low, high) : Scale.linear(low, high);
    List<DotRows.Row> rows = new ArrayList<>();
    for (Change c : changes) {
      boolean better = largerIsBetter == c.change.value() > 0;
      Svg.Mark mark = !c.isSure() ? Svg.Mark.SAME : better ? Svg.Mark.BETTER : Svg.Mark.WORSE;
      List<DotRows.Dot> dots = new ArrayList<>();
      if (c.before.isKnown()) {
        dots.add(new DotRows.Dot(c.before, Svg.Mark.BASE, "same"));
      }
      if (c.after.isKnown()) {
        dots.add(new DotRows.Dot(c.after, mark, !c.isSure() ? "same" : better ? "better" : "worse"));
      }
      rows.add(new DotRows.Row(c.name, dots, Figures.number((c.after.isKnown() ? c.after : c.before).value()), ""));
    }
    html.open("figure", "class", "card").element("figcaption", title);
    html.open("div", "class", "dots dense", "style", DotRows.nameWidth(rows));
    new DotRows(html).draw(rows, scale, Double.NaN, 4);
    html.close().close();
  }

  private void table(String title, List<Change> changes) {
    html.element("h3", title);
    Page.scroll(html, title + " by task");
    html.open("table").open("thead").open("tr");
    List.of("task", "rows", "before", "after", "change").forEach(name -> html.element("th", name, "scope", "col"));
    html.close().close().open("tbody");
    for (Change c : changes) {
      html.open("tr").element("th", c.name, "scope", "row");
      html.element("td", tasks.containsKey(c.name) ? "" + tasks.get(c.name).size() : "");
      cell(c.before, Figures.number(c.before.value()), Figures.number(c.before.low()) + ", " + Figures.number(c.before.high()));
      cell(c.after, Figures.number(c.after.value()), Figures.number(c.after.low()) + ", " + Figures.number(c.after.high()));
      cell(c.change, Html.minus(Figures.signed(c.change.value())),
          Html.minus(Figures.signed(c.change.low()) + ", " + Figures.signed(c.change.high())));
      html.close();
    }
    html.close().close().close();
  }

  private void cell(Estimate e, String value, String interval) {
    html.open("td").text(e.isKnown() ? value : Figures.NONE);
    if (e.isKnown()) {
      html.text(" ").element("small", "[" + interval + "]");
    }
    html.close();
  }
}
