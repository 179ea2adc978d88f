package thanora.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.IntStream;
import thanora.page.Figures;
import thanora.page.Html;
import thanora.page.LineChart;
import thanora.page.LineChart.Series;
import thanora.page.Page;

/** Losses of all tasks over training, and what the optimiser did. */
final class CurveSection {
  /** Points of a line; more are averaged. */
  private static final int MOST_POINTS = 150;
  private static final int MOST_ROWS = 30;
  /** How much of a smoothed loss stays from one step to the next. */
  private static final double KEPT = 0.9;

  private final RunFiles run;
  private final Page page;
  private final Html html;

  CurveSection(RunFiles run, Page page) {
    this.run = run;
    this.page = page;
    this.html = page.html();
  }

  void draw() {
    if (run.steps().isEmpty()) {
      return;
    }
    List<JsonNode> evaluations = run.events("evaluation");
    page.section("training", "Training", "Loss in nats a token by step: grey as it was in the batch, blue"
        + " smoothed" + (evaluations.isEmpty() ? "." : ", orange on validation rows.")
        + " Point at a drawing for its numbers.");
    html.open("div", "class", "panels");
    loss("all tasks", row -> row.path("loss"), row -> RunFiles.mean(row.path("nll")));
    for (String task : run.tasks()) {
      loss(task, row -> row.path("task_loss").path(task), row -> row.path("nll").path(task).asDouble(Double.NaN));
    }
    single("learning rate", "lr");
    single("gradient norm", "grad_norm");
    if (run.steps().stream().anyMatch(row -> row.path("spr").asDouble() != 0)) {
      single("overlap penalty (SPR)", "spr");
    }
    html.close();
    table(evaluations);
    html.close();
  }

  private void loss(String name, Function<JsonNode, JsonNode> train, Function<JsonNode, Double> validation) {
    Series raw = series("in the batch", "ghost", train);
    List<Series> lines = new ArrayList<>(List.of(raw.thinned(MOST_POINTS), smoothed(raw).thinned(MOST_POINTS)));
    List<JsonNode> evaluations = run.events("evaluation");
    String last = Figures.number(last(lines.get(1).values()));
    if (!evaluations.isEmpty()) {
      double[] values = evaluations.stream().mapToDouble(validation::apply).toArray();
      lines.add(new Series("validation", "second",
          evaluations.stream().mapToDouble(row -> row.get("step").asDouble()).toArray(), values, true));
      last += ", validation " + Figures.number(last(values));
    }
    panel(name, last, "Loss of " + name + " over training, at the end " + last, lines, true);
  }

  private void single(String name, String key) {
    Series series = series(name, "curve", row -> row.path(key)).thinned(MOST_POINTS);
    String last = Figures.brief(last(series.values()));
    panel(name, last, name + " over training, at the end " + last, List.of(series), false);
  }

  private void panel(String name, String last, String label, List<Series> lines, boolean mayBeLog) {
    html.open("figure", "class", "panel").open("figcaption").element("b", name);
    html.element("span", "at the end " + last).close();
    LineChart.draw(html, label, lines, mayBeLog);
    html.close();
  }

  private static double last(double[] values) {
    return values.length == 0 ? Double.NaN : values[values.length - 1];
  }

  /** A number of every step that has it. */
  private Series series(String name, String style, Function<JsonNode, JsonNode> value) {
    List<JsonNode> rows = run.steps().stream().filter(row -> value.apply(row).isNumber()).toList();
    return new Series(name, style,
        rows.stream().mapToDouble(row -> row.get("step").asDouble()).toArray(),
        rows.stream().mapToDouble(row -> value.apply(row).asDouble()).toArray(), false);
  }

  /** The exponential moving mean, made up for its start, as TensorBoard draws it. */
  private static Series smoothed(Series raw) {
    double[] values = new double[raw.values().length];
    double sum = 0;
    double weight = 0;
    for (int i = 0; i < values.length; i++) {
      sum = KEPT * sum + (1 - KEPT) * raw.values()[i];
      weight = KEPT * weight + 1 - KEPT;
      values[i] = sum / weight;
    }
    return new Series("smoothed", "curve", raw.steps(), values, false);
  }

  /** The same numbers, means of neighbouring steps. */
  private void table(List<JsonNode> evaluations) {
    List<String> head = new ArrayList<>(List.of("step", "loss"));
    List<Series> columns = new ArrayList<>();
    columns.add(series("", "", row -> row.path("loss")));
    for (String task : run.tasks()) {
      head.add(task);
      columns.add(series("", "", row -> row.path("task_loss").path(task)));
    }
    double[] ends = columns.get(0).thinned(MOST_ROWS).steps();
    List<List<String>> rows = new ArrayList<>();
    for (int i = 0; i < ends.length; i++) {
      double after = i == 0 ? 0 : ends[i - 1];
      double upTo = ends[i];
      List<String> row = new ArrayList<>(List.of(Figures.count((long) upTo)));
      columns.forEach(column -> row.add(Figures.number(between(column, after, upTo))));
      rows.add(row);
    }
    Page.details(html, "Losses as a table", head, rows, false);
    if (!evaluations.isEmpty()) {
      List<String> tasks = new ArrayList<>(List.of("step"));
      tasks.addAll(run.tasks());
      Page.details(html, "Validation losses as a table", tasks, evaluations.stream().map(evaluation -> {
        List<String> row = new ArrayList<>(List.of(Figures.count(evaluation.get("step").asLong())));
        run.tasks().forEach(task -> row.add(Figures.number(evaluation.path("nll").path(task).asDouble(Double.NaN))));
        return row;
      }).toList(), false);
    }
  }

  private static double between(Series series, double after, double upTo) {
    return IntStream.range(0, series.steps().length)
        .filter(i -> series.steps()[i] > after && series.steps()[i] <= upTo)
        .mapToDouble(i -> series.values()[i]).average().orElse(Double.NaN);
  }
}
