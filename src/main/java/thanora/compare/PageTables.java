package thanora.compare;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import thanora.compare.ComparisonResult.Cost;
import thanora.compare.ComparisonResult.Method;
import thanora.compare.ComparisonResult.Task;
import thanora.page.Estimate;
import thanora.page.Figures;
import thanora.page.Html;

/** The tables of the page; each works without its script, which only sorts them. */
final class PageTables {
  private final ComparisonResult result;
  private final Findings findings;
  private final List<Method> methods;
  private final Html html;

  PageTables(ComparisonResult result, Findings findings, Html html) {
    this.result = result;
    this.findings = findings;
    this.methods = Rows.ordered(result, findings);
    this.html = html;
  }

  /** Means, differences, and what a method is. */
  void main() {
    begin("Means over the tasks by method");
    column("method", true);
    column("mean NLL", false);
    differenceColumn();
    if (findings.hasScores()) {
      column("mean score", false);
      differenceColumn();
    }
    if (findings.perTask().isPresent()) {
      column("worst task", false);
    }
    column("merges", true);
    column("parameters", false);
    column("rank", false);
    column("rate", false);
    html.close().close().open("tbody");
    for (Method method : methods) {
      mainRow(method);
    }
    html.close().close().close();
  }

  private void differenceColumn() {
    html.element("th", "to " + result.reference(), "scope", "col", "class", "name-head");
  }

  private void mainRow(Method method) {
    MethodFindings found = findings.method(method.name());
    boolean isReference = method.name().equals(result.reference());
    html.open("tr", "class", isReference ? "reference-row" : "");
    html.element("th", method.name(), "scope", "row");
    estimate(found.nll());
    difference(found.nllDifference(), false);
    if (findings.hasScores()) {
      estimate(found.score());
      difference(found.scoreDifference(), true);
    }
    if (findings.perTask().isPresent()) {
      worst(method, found);
    }
    html.element("td", Rows.merges(method), "class", "left");
    number(method.parameters(), method.isBase() ? ""
        : Figures.shortCount(method.parameters()) + (Rows.isOffBudget(result, method) ? "\u2020" : ""));
    number(method.rank(), method.isBase() ? "" : Integer.toString(method.rank()));
    number(method.learningRate(), Rows.rate(method));
    html.close();
  }

  private void number(double value, String text) {
    html.element("td", text, "data-v", Double.toString(value));
  }

  private void estimate(Estimate e) {
    html.open("td", "data-v", Double.toString(e.value()));
    if (e.isKnown()) {
      html.text(Figures.number(e.value())).text(" ");
      html.element(
          "small", String.format("[%s, %s]", Figures.number(e.low()), Figures.number(e.high())));
    } else {
      html.text(Figures.NONE);
    }
    html.close();
  }

  private void difference(Optional<Difference> difference, boolean higherIsBetter) {
    if (difference.isEmpty() || !difference.get().estimate().isKnown()) {
      html.element("td", difference.isEmpty() ? "" : Figures.NONE, "data-v", "0");
      return;
    }
    Difference d = difference.get();
    Estimate e = d.estimate();
    html.open(
        "td", "data-v", Double.toString(e.value()), "title",
        (d.isSignificant() ? "significant, p " : "not significant, p ")
            + Figures.p(d.p()) + ", corrected " + Figures.p(d.correctedP()));
    String value = Html.minus(Figures.signed(e.value()));
    if (d.isSignificant()) {
      boolean better = higherIsBetter == e.value() > 0;
      html.element("b", value + arrow(better), "class", better ? "better" : "worse");
    } else {
      html.text(value);
    }
    html.text(" ").element("small", Html.minus(Figures.signedInterval(e)));
    html.close();
  }

  /** Says without colour what is better, whichever direction that is. */
  private static String arrow(boolean better) {
    return better ? " \u25b4" : " \u25be";
  }

  private void worst(Method method, MethodFindings found) {
    boolean isMeasure = findings.perTask().get().equals(method.name());
    Optional<MethodFindings.Worst> worst =
        isMeasure ? Optional.empty() : found.worst(result.tasks());
    html.open(
        "td", "data-v", worst.map(w -> Double.toString(w.excess())).orElse("NaN"));
    worst.ifPresent(w -> {
      html.text(Html.minus(Figures.signed(w.excess()))).text(" ");
      html.element("small", w.task(), "class", "task");
    });
    html.close();
  }

  /** NLL or score of every task; significant differences in bold. */
  void byTask(boolean isScore) {
    begin(isScore ? "Score by method and task" : "NLL by method and task");
    column("method", true);
    List<Integer> tasks =
        isScore
            ? findings.scoredTasks()
            : IntStream.range(0, result.tasks().size()).boxed().toList();
    for (int task : tasks) {
      Task about = result.tasks().get(task);
      html.element(
          "th", isScore ? about.name() + " (" + about.metric() + ")" : about.name(), "scope",
          "col", "class", "name-head");
    }
    html.close().close().open("tbody");
    for (Method method : methods) {
      MethodFindings found = findings.method(method.name());
      List<Difference> differences =
          isScore ? found.taskScoreDifferences() : found.taskNllDifferences();
      html.open("tr").element("th", method.name(), "scope", "row");
      for (int i = 0; i < tasks.size(); i++) {
        Estimate e = (isScore ? found.taskScore() : found.taskNll()).get(tasks.get(i));
        taskCell(e, differences.isEmpty() ? Optional.empty() : Optional.of(differences.get(i)),
            isScore);
      }
      html.close();
    }
    html.close().close().close();
  }

  private void taskCell(Estimate e, Optional<Difference> difference, boolean isScore) {
    html.open("td", "data-v", Double.toString(e.value()));
    String value = Figures.number(e.value());
    if (difference.map(Difference::isSignificant).orElse(false)) {
      boolean better = isScore ? difference.get().isHigher() : difference.get().isLower();
      html.element("b", value + arrow(better), "class", better ? "better" : "worse",
          "title", better ? "significantly better" : "significantly worse");
    } else {
      html.text(value);
    }
    html.close();
  }

  /** Step time, memory and latency as bars. */
  void costs() {
    begin("Costs by method");
    column("method", true);
    column("step time", true);
    column("memory", true);
    column("latency", true);
    html.close().close().open("tbody");
    for (Method method : methods) {
      if (method.cost().isPresent()) {
        Cost cost = method.cost().get();
        html.open("tr").element("th", method.name(), "scope", "row");
        bar(cost.stepTime(), most(Cost::stepTime));
        bar(cost.memory(), most(Cost::memory));
        bar(cost.latency(), most(Cost::latency));
        html.close();
      }
    }
    html.close().close().close();
  }

  private double most(ToDoubleFunction<Cost> of) {
    return methods.stream()
        .flatMap(m -> m.cost().stream())
        .mapToDouble(of)
        .filter(Double::isFinite)
        .max()
        .orElse(1);
  }

  private void bar(double factor, double most) {
    html.open("td", "class", "left bars", "data-v", Double.toString(factor));
    html.open("span", "class", "track", "aria-hidden", "true");
    if (Double.isFinite(factor)) {
      html.element("span", "", "style",
          String.format(Locale.ROOT, "width:%.1f%%", 100 * factor / most));
    }
    html.close();
    html.text(
        Double.isNaN(factor) ? "not measured" : String.format(Locale.ROOT, "%.2f\u00d7", factor));
    html.close();
  }

  private void begin(String caption) {
    html.open("div", "class", "scroll", "tabindex", "0", "role", "region", "aria-label", caption);
    html.open("table", "class", "sortable");
    html.element("caption", caption, "class", "unseen");
    html.open("thead").open("tr");
  }

  private void column(String name, boolean left) {
    html.element("th", name, "scope", "col", "class", left ? "left" : "");
  }
}
