package thanora.compare;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import thanora.compare.ComparisonResult.Conflicts;
import thanora.compare.ComparisonResult.Method;
import thanora.compare.ComparisonResult.Task;

/** A comparison as one HTML file that loads nothing else; its script only sorts tables. */
public final class HtmlPage {
  private final ComparisonResult result;
  private final Findings findings;
  private final Html html = new Html();

  private HtmlPage(ComparisonResult result, Findings findings) {
    this.result = result;
    this.findings = findings;
  }

  /** The whole page. */
  public static String of(ComparisonResult result, Findings findings) {
    return new HtmlPage(result, findings).page();
  }

  private String page() {
    String title = "Fine-tuning methods compared on " + result.model();
    html.verbatim("<!doctype html>\n").open("html", "lang", "en").open("head");
    html.empty("meta", "charset", "utf-8");
    html.empty("meta", "name", "viewport", "content", "width=device-width, initial-scale=1");
    html.empty("meta", "name", "color-scheme", "content", "light dark");
    html.empty("meta", "http-equiv", "Content-Security-Policy", "content",
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'");
    html.element("title", title);
    html.open("style").verbatim(resource("page.css")).close().close();
    html.open("body").open("main");
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
    html.close();
    html.open("script").verbatim(resource("page.js")).close();
    return html.close().close().verbatim("\n").toString();
  }

  private void header() {
    html.open("header").element("p", "ThanoRA " + result.version(), "class", "kicker");
    html.element("h1", "Fine-tuning methods compared");
    long methods = result.methods().stream().filter(m -> !m.isBase()).count();
    html.element(
        "p",
        String.format(
            "%s on %s, %s each, differences taken to %s.",
            Figures.counted(methods, "method"),
            Figures.counted(result.tasks().size(), "task"),
            Figures.counted(result.seeds().size(), "seed"),
            result.reference()),
        "class", "standfirst");
    html.open("dl", "class", "facts");
    fact("Model", result.model());
    fact("Device", result.device());
    fact("Training", String.format("%s of %s",
        Figures.counted(result.steps(), "step"), Figures.counted(result.batchSize(), "row")));
    fact(result.seeds().size() == 1 ? "Seed" : "Seeds",
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

  private void fact(String name, String value) {
    html.open("div").element("dt", name).element("dd", value).close();
  }

  private void section(String id, String title, String about) {
    html.open("section", "aria-labelledby", id).element("h2", title, "id", id);
    if (!about.isEmpty()) {
      html.element("p", about, "class", "about");
    }
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
    section("differences", "Difference to " + result.reference(),
        "Mean NLL over the tasks, nats a label token, minus that of " + result.reference()
            + " on the same rows and seeds; bars are 95 % intervals.");
    new DotChart(result, findings, html).differences();
    DotChart.legend(html, result.reference(), false, false);
    html.close();
  }

  private void table() {
    section("table", "All methods", "");
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
    section("tasks", "Task by task",
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
    section("rates", "Learning rates",
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
    section("interference", "Interference",
        "NLL minus that of " + findings.perTask().get() + ", one LoRA for each task: what a task"
            + " pays for sharing an adapter with the others.");
    new HeatMaps(result, html).interference(findings);
    html.close();
  }

  private void conflicts() {
    if (result.conflicts().isEmpty()) {
      return;
    }
    Conflicts conflicts = result.conflicts().get();
    section("conflicts", "Gradient conflicts",
        "Cosine between the adapter gradients of two tasks, in the training of "
            + result.reference() + ".");
    html.open("div", "class", result.tasks().size() > 4 ? "pair stacked" : "pair");
    HeatMaps maps = new HeatMaps(result, html);
    if (!conflicts.steps().isEmpty() && conflicts.byLayer()[0].length > 0) {
      html.open("div").element("h3", "By layer over training");
      maps.layers(conflicts);
      html.close();
    }
    html.open("div").element("h3", "By pair of tasks");
    maps.pairs(conflicts);
    html.close().close().close();
  }

  private void costs() {
    if (result.methods().stream().noneMatch(m -> m.cost().isPresent())) {
      return;
    }
    section("costs", "Costs",
        "Time and peak memory of a training step relative to " + result.reference()
            + "; latency of generation relative to the untouched model.");
    new PageTables(result, findings, html).costs();
    html.close();
  }

  private void notes() {
    section("notes", "How to read the numbers", FindingsText.method(result, findings));
    boolean merging = result.methods().stream().anyMatch(Method::needsTaskId);
    if (merging) {
      html.element("p", "Methods that need the task are told which task each row belongs to; their"
          + " numbers do not compare with a model that must find out by itself.", "class", "about");
    }
    html.close();
  }

  private static String resource(String name) {
    try (InputStream in = HtmlPage.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException(
            String.format(Locale.ROOT, "%s is missing from the program; build it again", name));
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
