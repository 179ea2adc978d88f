package thanora.compare;

import java.util.List;
import thanora.compare.ComparisonResult.Conflicts;
import thanora.compare.ComparisonResult.Method;
import thanora.compare.ComparisonResult.Task;
import thanora.page.Figures;
import thanora.page.HeatMaps;
import thanora.page.Html;
import thanora.page.Page;

/** A comparison as one HTML file that loads nothing else; its script only sorts tables. */
public final class HtmlPage {
  private final ComparisonResult result;
  private final Findings findings;
  private final Page page;
  private final Html html;

  private HtmlPage(ComparisonResult result, Findings findings) {
    this.result = result;
    this.findings = findings;
    this.page = Page.open("Fine-tuning methods compared on " + result.model());
    this.html = page.html();
  }

  /** The whole page. */
  public static String of(ComparisonResult result, Findings findings) {
    return new HtmlPage(result, findings).build();
  }

  private String build() {
    header();
    finding();
    differences();
    table();
    tasks();
    rates();
    interference();
    conflicts();
    costs();
    notes();
    return page.close();
  }

  private void header() {
    long methods = result.methods().stream().filter(m -> !m.isBase()).count();
    page.header("ThanoRA " + result.version(), "Fine-tuning methods compared", String.format(
        "%s on %s, %s each, differences taken to %s.",
        Figures.counted(methods, "method"),
        Figures.counted(result.tasks().size(), "task"),
        Figures.counted(result.seeds().size(), "seed"),
        result.reference()));
    html.open("dl", "class", "facts");
    page.fact("Model", result.model());
    page.fact("Device", result.device());
    page.fact("Training", String.format("%s of %s",
        Figures.counted(result.steps(), "step"), Figures.counted(result.batchSize(), "row")));
    page.fact(result.seeds().size() == 1 ? "Seed" : "Seeds",
        Figures.list(result.seeds().stream().map(String::valueOf).toList()));
    html.open("div", "class", "wide").element("dt", "Tasks").open("dd");
    html.open("ul", "class", "tasks");
    for (Task task : result.tasks()) {
      html.open("li").text(task.name() + " ");
      String rows = Figures.counted(task.rows(), "test row");
      html.element("small", findings.hasScores() ? task.metric() + ", " + rows : rows).close();
    }
    html.close().close().close();
    html.open("div", "class", "wide").element("dt", "Command").open("dd");
    html.element("code", result.command()).close().close();
    html.close().close();
  }

  private void finding() {
    html.open("section", "class", "finding", "aria-label", "Findings");
    html.element("p", FindingsText.headline(result, findings), "class", "headline");
    List<String> details = FindingsText.details(result, findings);
    if (!details.isEmpty()) {
      html.element("p", String.join(" ", details));
    }
    html.close();
  }

  private void differences() {
    if (findings.methods().stream().allMatch(m -> m.nllDifference().isEmpty())) {
      return;
    }
    page.section("differences", "Difference to " + result.reference(),
        "Mean NLL over the tasks, nats a label token, minus that of " + result.reference()
            + " on the same rows and seeds; bars are 95 % intervals.");
    new DotChart(result, findings, html).differences();
    DotChart.legend(html, result.reference(), false, false);
    html.close();
  }

  private void table() {
    page.section("table", "All methods", "");
    new PageTables(result, findings, html).main();
    html.open("p", "class", "about");
    html.text("Brackets are 95 % intervals. \u25b4 significantly better and \u25be significantly"
        + " worse than " + result.reference() + ".");
    if (findings.perTask().isPresent()) {
      html.text(" Worst task: where NLL exceeds that of one LoRA for each task ("
          + findings.perTask().get() + ") the most.");
    }
    if (Rows.hasEdge(result)) {
      html.text(" * The smallest or largest rate of its sweep: widen the sweep.");
    }
    Rows.offBudget(result, findings).ifPresent(off -> html.text(" \u2020 " + off));
    html.close().close();
  }

  private void tasks() {
    page.section("tasks", "Task by task",
        "NLL of each task, methods in the order of their mean. The upright line is "
            + result.reference() + "; bars are 95 % intervals of the difference to it, on the same"
            + " rows and seeds.");
    boolean hasBase = result.method(ComparisonResult.BASE).isPresent();
    DotChart.legend(html, result.reference(), true, hasBase);
    html.open("div", "class", "cards");
    for (int t = 0; t < result.tasks().size(); t++) {
      html.open("figure", "class", "card");
      html.element("figcaption", result.tasks().get(t).name());
      new DotChart(result, findings, html).task(t);
      html.close();
    }
    html.close();
    PageTables tables = new PageTables(result, findings, html);
    html.element("h3", "NLL");
    tables.byTask(false);
    if (findings.hasScores()) {
      html.element("h3", "Score");
      tables.byTask(true);
    }
    html.element("p", "\u25b4 significantly better and \u25be significantly worse than "
        + result.reference() + ", corrected over the tasks of a method.", "class", "about");
    html.close();
  }

  private void rates() {
    if (result.methods().stream().noneMatch(m -> m.rates().length > 1)) {
      return;
    }
    page.section("rates", "Learning rates",
        "Validation NLL, mean over the tasks, at each rate of the sweep. The ring is the chosen"
            + " rate, small dots are single seeds, grey lines are the other methods; arrows at the"
            + " top are losses beyond the axis.");
    RateCurves.draw(result, findings, html);
    html.close();
  }

  private void interference() {
    if (findings.perTask().isEmpty()) {
      return;
    }
    page.section("interference", "Interference",
        "NLL minus that of " + findings.perTask().get() + ", one LoRA for each task: what a task"
            + " pays for sharing an adapter with the others.");
    new Interference(result, html).draw(findings);
    html.close();
  }

  private void conflicts() {
    if (result.conflicts().isEmpty()) {
      return;
    }
    Conflicts conflicts = result.conflicts().get();
    page.section("conflicts", "Gradient conflicts",
        "Cosine between the adapter gradients of two tasks, in the training of "
            + result.reference() + ".");
    html.open("div", "class", result.tasks().size() > 4 ? "pair stacked" : "pair");
    HeatMaps maps = new HeatMaps(html);
    if (!conflicts.steps().isEmpty() && conflicts.byLayer()[0].length > 0) {
      html.open("div").element("h3", "By layer over training");
      maps.layers("Mean cosine between task gradients", conflicts.steps(), conflicts.byLayer(),
          HeatMaps.Colours.SIGNED, "tasks pull apart", "tasks pull together");
      html.close();
    }
    html.open("div").element("h3", "By pair of tasks");
    maps.pairs("Cosine between the gradients of two tasks",
        result.tasks().stream().map(Task::name).toList(), conflicts.byPair(), HeatMaps.Colours.SIGNED);
    html.close().close().close();
  }

  private void costs() {
    if (result.methods().stream().noneMatch(m -> m.cost().isPresent())) {
      return;
    }
    page.section("costs", "Costs",
        "Time and peak memory of a training step relative to " + result.reference()
            + "; latency of generation relative to the untouched model.");
    new PageTables(result, findings, html).costs();
    html.close();
  }

  private void notes() {
    page.section("notes", "How to read the numbers", FindingsText.method(result, findings));
    boolean merging = result.methods().stream().anyMatch(Method::needsTaskId);
    if (merging) {
      html.element("p", "Methods that need the task are told which task each row belongs to; their"
          + " numbers do not compare with a model that must find out by itself.", "class", "about");
    }
    html.close();
  }
}
