package thanora.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleFunction;
import java.util.function.Predicate;
import java.util.function.ToDoubleBiFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import thanora.hasi.ModulePlan;
import thanora.hasi.RankPlan;
import thanora.page.Figures;
import thanora.page.HeatMaps;
import thanora.page.Html;
import thanora.page.Page;

/** Who got which rank where, and why. */
final class PlanSection {
  private static final Pattern LAYER = Pattern.compile("\\.(\\d+)\\.");
  private static final String COOPERATIVE = "(all tasks)";

  private final RunFiles run;
  private final Page page;
  private final Html html;
  private final List<Integer> layers = new ArrayList<>();
  private final List<String> kinds = new ArrayList<>();

  PlanSection(RunFiles run, Page page) {
    this.run = run;
    this.page = page;
    this.html = page.html();
    run.plan().ifPresent(plan -> {
      layers.addAll(plan.modules().stream().map(PlanSection::layer).distinct().sorted().toList());
      kinds.addAll(plan.modules().stream().map(PlanSection::kind).distinct().toList());
    });
  }

  private static int layer(ModulePlan module) {
    Matcher layer = LAYER.matcher(module.name());
    return layer.find() ? Integer.parseInt(layer.group(1)) : 0;
  }

  private static String kind(ModulePlan module) {
    return module.name().substring(module.name().lastIndexOf('.') + 1);
  }

  void draw() {
    if (run.plan().isEmpty()) {
      return;
    }
    RankPlan plan = run.plan().get();
    page.section("ranks", "Ranks", String.format(Locale.ROOT,
        "How the %d rows of each module's adapter are shared out, by decoder layer; made from %d rows a task.",
        plan.r(), plan.previewRows()));
    summary(plan);
    html.element("h3", "Rank by task and layer");
    List<String> rows = new ArrayList<>(plan.tasks());
    rows.add(COOPERATIVE);
    views(plan, rows, (module, task) ->
        task < plan.tasks().size() ? module.tasks().get(task).rank() : module.coopRank(), "Rank", true);
    html.element("h3", "Entropy by task and layer");
    html.element("p", "Of the spectrum of what a task's rows do in a module, from 0, one direction, to 1, all"
        + " directions alike: the larger, the more rank.", "class", "about");
    views(plan, plan.tasks(), (module, task) -> module.tasks().get(task).entropy(), "Entropy", false);
    why(plan);
    html.close();
  }

  private void summary(RankPlan plan) {
    Page.scroll(html, "Ranks by task, mean over modules");
    html.open("table").open("thead").open("tr");
    List.of("task", "mean rank", "least", "most", "mean share", "mean entropy")
        .forEach(name -> html.element("th", name, "scope", "col"));
    html.close().close().open("tbody");
    for (int t = 0; t < plan.tasks().size(); t++) {
      int task = t;
      List<ModulePlan.TaskRank> ranks = plan.modules().stream().map(module -> module.tasks().get(task)).toList();
      html.open("tr").element("th", plan.tasks().get(task), "scope", "row");
      html.element("td", Figures.twoDecimals(ranks.stream().mapToInt(ModulePlan.TaskRank::rank).average().orElse(0)));
      html.element("td", "" + ranks.stream().mapToInt(ModulePlan.TaskRank::rank).min().orElse(0));
      html.element("td", "" + ranks.stream().mapToInt(ModulePlan.TaskRank::rank).max().orElse(0));
      html.element("td", Figures.number(ranks.stream().mapToDouble(ModulePlan.TaskRank::share).average().orElse(0)));
      html.element("td", Figures.number(ranks.stream().mapToDouble(ModulePlan.TaskRank::entropy).average().orElse(0)));
      html.close();
    }
    html.close().close().close();
  }

  /** A map for the mean of all modules and for each kind of module; the page's script shows one at a time. */
  private void views(
      RankPlan plan, List<String> rows, ToDoubleBiFunction<ModulePlan, Integer> value, String what, boolean whole) {
    html.open("div", "class", "views");
    DoubleFunction<String> decimals = Figures::twoDecimals;
    DoubleFunction<String> mean = whole ? x -> String.format(Locale.ROOT, "%.1f", x) : decimals;
    view(plan, rows, module -> true, value, what + ", mean of all modules", mean, "all modules");
    for (String kind : kinds) {
      view(plan, rows, module -> kind(module).equals(kind), value, what + " in " + kind,
          whole ? Figures::plain : decimals, kind);
    }
    html.close();
  }

  private void view(
      RankPlan plan, List<String> rows, Predicate<ModulePlan> wanted, ToDoubleBiFunction<ModulePlan, Integer> value,
      String label, DoubleFunction<String> text, String name) {
    html.open("div", "class", "view", "data-name", name).element("h4", name);
    double[][] values = new double[rows.size()][layers.size()];
    for (int task = 0; task < values.length; task++) {
      int row = task;
      for (int column = 0; column < layers.size(); column++) {
        int layer = layers.get(column);
        values[task][column] = plan.modules().stream().filter(wanted).filter(module -> layer(module) == layer)
            .mapToDouble(module -> value.applyAsDouble(module, row)).average().orElse(Double.NaN);
      }
    }
    new HeatMaps(html).grid(label + ", by task and layer", "layer",
        layers.stream().map(String::valueOf).toList(), rows, values, text);
    html.close();
  }

  private void why(RankPlan plan) {
    Page.details(html, "Why each module shares its rows so", List.of("module", "ranks", "why"),
        plan.modules().stream().map(module -> List.of(
            module.name(),
            String.join(" ", IntStream.concat(
                module.tasks().stream().mapToInt(ModulePlan.TaskRank::rank), IntStream.of(module.coopRank()))
                .mapToObj(String::valueOf).toList()),
            String.join("; ", IntStream.range(0, 1 + module.warnings().size())
                .mapToObj(i -> i == 0 ? module.why() : module.warnings().get(i - 1)).toList()))).toList(), true);
  }
}
