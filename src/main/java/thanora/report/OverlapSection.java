package thanora.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.function.Function;
import thanora.hasi.ModulePlan;
import thanora.hasi.RankPlan;
import thanora.page.Figures;
import thanora.page.HeatMaps;
import thanora.page.Html;
import thanora.page.LineChart;
import thanora.page.LineChart.Series;
import thanora.page.Page;

/** How the tasks' subspaces lie to each other, at the start and while training, and how their gradients do. */
final class OverlapSection {
  private final RunFiles run;
  private final Page page;
  private final Html html;
  private final HeatMaps maps;

  OverlapSection(RunFiles run, Page page) {
    this.run = run;
    this.page = page;
    this.html = page.html();
    this.maps = new HeatMaps(html);
  }

  void draw() {
    List<JsonNode> overlaps = run.events("overlap");
    boolean planned = run.plan().stream().flatMap(plan -> plan.modules().stream())
        .anyMatch(module -> !module.overlapBefore().isEmpty());
    if (planned || !overlaps.isEmpty()) {
      page.section("overlap", "Overlap of the tasks' subspaces", "0 where two tasks' subspaces are at right angles,"
          + " 1 where they are the same.");
      if (planned) {
        start(run.plan().get());
      }
      if (!overlaps.isEmpty()) {
        training(overlaps);
      }
      html.close();
    }
    conflicts();
  }

  /** Side by side where there is room for all tasks. */
  private String side() {
    return run.tasks().size() > 6 ? "pair stacked" : "pair";
  }

  /** What deflation did to the subspaces, mean over the modules. */
  private void start(RankPlan plan) {
    html.element("h3", "At the start");
    html.open("div", "class", side());
    startMap(plan, "as the tasks have them", ModulePlan::overlapBefore);
    startMap(plan, "as they are used", ModulePlan::overlapAfter);
    html.close();
  }

  private void startMap(RankPlan plan, String title, Function<ModulePlan, List<List<Double>>> overlap) {
    int tasks = plan.tasks().size();
    double[][] sums = new double[tasks][tasks];
    List<ModulePlan> modules = plan.modules().stream().filter(module -> !overlap.apply(module).isEmpty()).toList();
    for (ModulePlan module : modules) {
      for (int i = 0; i < tasks; i++) {
        for (int j = 0; j < tasks; j++) {
          sums[i][j] += overlap.apply(module).get(i).get(j) / modules.size();
        }
      }
    }
    html.open("div").element("h4", title);
    maps.pairs("Overlap of two tasks' subspaces, " + title, plan.tasks(), sums, HeatMaps.Colours.WARM);
    html.close();
  }

  private void training(List<JsonNode> overlaps) {
    html.element("h3", "While training");
    html.element("p", "Mean |cos| between rows of A, and between columns of B, of different tasks.", "class", "about");
    double[] steps = overlaps.stream().mapToDouble(row -> row.get("step").asDouble()).toArray();
    double[] a = means(overlaps, "layers_a");
    double[] b = means(overlaps, "layers_b");
    html.open("figure", "class", "panel single").open("figcaption").element("b", "mean over layers");
    html.element("span", "A " + ends(a) + " (blue), B " + ends(b) + " (orange)").close();
    LineChart.draw(html, "Overlap over training: A " + ends(a) + ", B " + ends(b),
        List.of(new Series("A", "curve", steps, a, true), new Series("B", "second", steps, b, true)), false);
    html.close();
    html.open("div", "class", side());
    byLayer("A by layer", overlaps, "layers_a");
    byLayer("B by layer", overlaps, "layers_b");
    JsonNode last = overlaps.get(overlaps.size() - 1);
    pairs("A by pair of tasks, at step " + Figures.count(last.get("step").asLong()), last.path("pairs_a"));
    pairs("B by pair of tasks, at step " + Figures.count(last.get("step").asLong()), last.path("pairs_b"));
    html.close();
    Page.details(html, "Overlaps as a table", List.of("step", "A", "B"), overlaps.stream().map(row -> List.of(
        Figures.count(row.get("step").asLong()), Figures.number(RunFiles.mean(row.path("layers_a"))),
        Figures.number(RunFiles.mean(row.path("layers_b"))))).toList(), false);
  }

  private static String ends(double[] values) {
    return Figures.number(values[0]) + " to " + Figures.number(values[values.length - 1]);
  }

  private static double[] means(List<JsonNode> rows, String key) {
    return rows.stream().mapToDouble(row -> RunFiles.mean(row.path(key))).toArray();
  }

  private void byLayer(String title, List<JsonNode> rows, String key) {
    html.open("div").element("h4", title);
    maps.layers("Overlap in " + title, steps(rows), layers(rows, key), HeatMaps.Colours.WARM, "apart", "overlapping");
    html.close();
  }

  private static List<Long> steps(List<JsonNode> rows) {
    return rows.stream().map(row -> row.get("step").asLong()).toList();
  }

  private static double[][] layers(List<JsonNode> rows, String key) {
    return rows.stream().map(row -> RunFiles.numbers(row.path(key))).toArray(double[][]::new);
  }

  private void pairs(String title, JsonNode values) {
    html.open("div").element("h4", title);
    maps.pairs("Overlap in " + title, run.tasks(), RunFiles.table(values), HeatMaps.Colours.WARM);
    html.close();
  }

  private void conflicts() {
    List<JsonNode> rows = run.events("conflicts");
    if (rows.isEmpty()) {
      return;
    }
    page.section("conflicts", "Gradient conflicts",
        "Cosine between the adapter gradients of two tasks: below 0 a step that helps one task harms the other.");
    html.open("div", "class", side());
    html.open("div").element("h3", "By layer over training");
    maps.layers("Mean cosine between task gradients", steps(rows), layers(rows, "layers"),
        HeatMaps.Colours.SIGNED, "tasks pull apart", "tasks pull together");
    html.close();
    html.open("div").element("h3", "By pair of tasks, mean over training");
    maps.pairs("Cosine between the gradients of two tasks", run.tasks(), meanPairs(rows), HeatMaps.Colours.SIGNED);
    html.close().close().close();
  }

  /** Over the samples in which both tasks had rows. */
  private double[][] meanPairs(List<JsonNode> rows) {
    List<double[][]> samples = rows.stream().map(row -> RunFiles.table(row.path("pairs"))).toList();
    int tasks = run.tasks().size();
    double[][] means = new double[tasks][tasks];
    for (int i = 0; i < tasks; i++) {
      for (int j = 0; j < tasks; j++) {
        int a = i;
        int b = j;
        means[i][j] = samples.stream().mapToDouble(sample -> sample[a][b]).filter(Double::isFinite)
            .average().orElse(Double.NaN);
      }
    }
    return means;
  }
}
