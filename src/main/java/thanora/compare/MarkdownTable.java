package thanora.compare;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import thanora.compare.ComparisonResult.Cost;
import thanora.compare.ComparisonResult.Method;
import thanora.compare.ComparisonResult.Task;
import thanora.page.Estimate;
import thanora.page.Figures;

/** A comparison in Markdown: a row a method, scores by task, and what was found in words. */
public final class MarkdownTable {
  private final ComparisonResult result;
  private final Findings findings;
  private final StringBuilder out = new StringBuilder();

  private MarkdownTable(ComparisonResult result, Findings findings) {
    this.result = result;
    this.findings = findings;
  }

  /** The whole document. */
  public static String of(ComparisonResult result, Findings findings) {
    MarkdownTable table = new MarkdownTable(result, findings);
    table.title();
    table.main();
    table.notes();
    if (findings.hasScores()) {
      table.scores();
    }
    table.words();
    return table.out.toString();
  }

  private void title() {
    out.append("# Fine-tuning methods compared on ").append(escape(result.model())).append("\n\n");
    out.append(
        escape(
            String.format(
                "%s, %s, %s of %s, on %s, by ThanoRA %s:",
                Figures.counted(result.tasks().size(), "task"),
                Figures.counted(result.seeds().size(), "seed"),
                Figures.counted(result.steps(), "step"),
                Figures.counted(result.batchSize(), "row"),
                result.device(),
                result.version())));
    out.append("\n\n");
    result.command().lines().forEach(line -> out.append("    ").append(line.replaceAll("\\s+", " ")).append('\n'));
    out.append('\n');
  }

  private void main() {
    List<String> head =
        new ArrayList<>(List.of("method", "rank", "parameters", "learning rate", "mean NLL"));
    head.add("difference to " + result.reference());
    if (findings.hasScores()) {
      head.addAll(List.of("mean score", "difference to " + result.reference()));
    }
    result.tasks().forEach(task -> head.add(task.name()));
    findings.perTask().ifPresent(name -> head.add("worst task against " + name));
    head.addAll(List.of("merges into one adapter", "step time", "memory", "latency"));
    head(head);
    for (Method method : Rows.ordered(result, findings)) {
      row(cells(method));
    }
  }

  private List<String> cells(Method method) {
    MethodFindings found = findings.method(method.name());
    List<String> cells = new ArrayList<>();
    cells.add(escape(method.name()));
    cells.add(method.isBase() ? "" : Integer.toString(method.rank()));
    cells.add(method.isBase() ? ""
        : Figures.count(method.parameters()) + (Rows.isOffBudget(result, method) ? "\u2020" : ""));
    cells.add(Rows.rate(method).replace("*", "\\*"));
    cells.add(Figures.withInterval(found.nll()));
    cells.add(difference(found.nllDifference()));
    if (findings.hasScores()) {
      cells.add(found.score().isKnown() ? Figures.withInterval(found.score()) : Figures.NONE);
      cells.add(difference(found.scoreDifference()));
    }
    found.taskNll().forEach(nll -> cells.add(Figures.number(nll.value())));
    if (findings.perTask().isPresent()) {
      cells.add(
          method.name().equals(findings.perTask().get())
              ? ""
              : found.worst(result.tasks())
                  .map(w -> escape(w.task()) + " " + Figures.signed(w.excess()))
                  .orElse(Figures.NONE));
    }
    cells.add(Rows.merges(method));
    Optional<Cost> cost = method.cost();
    cells.add(cost.map(c -> Figures.factor(c.stepTime())).orElse(""));
    cells.add(cost.map(c -> Figures.factor(c.memory())).orElse(""));
    cells.add(cost.map(c -> Figures.factor(c.latency())).orElse(""));
    return cells;
  }

  private static String difference(Optional<Difference> difference) {
    if (difference.isEmpty() || !difference.get().estimate().isKnown()) {
      return difference.isEmpty() ? "" : Figures.NONE;
    }
    Estimate estimate = difference.get().estimate();
    String value = Figures.signed(estimate.value());
    return (difference.get().isSignificant() ? "**" + value + "**" : value)
        + " " + Figures.signedInterval(estimate);
  }

  private void notes() {
    out.append('\n').append(escape(FindingsText.method(result, findings)));
    out.append(" Significant differences are in bold. Columns named after tasks hold NLL.");
    out.append(
        " Step time and memory are relative to " + escape(result.reference())
            + ", the latency of generation to the untouched model.\n");
    if (Rows.hasEdge(result)) {
      out.append("\n\\* The smallest or largest rate of its sweep: widen the sweep.\n");
    }
    Rows.offBudget(result, findings).ifPresent(off -> out.append("\n\u2020 ").append(escape(off)).append('\n'));
  }

  private void scores() {
    out.append("\n## Score by task\n\n");
    List<String> head = new ArrayList<>(List.of("method"));
    List<Task> tasks = findings.scoredTasks().stream().map(t -> result.tasks().get(t)).toList();
    tasks.forEach(task -> head.add(task.name() + " (" + task.metric() + ")"));
    head(head);
    for (Method method : Rows.ordered(result, findings)) {
      List<String> cells = new ArrayList<>(List.of(escape(method.name())));
      MethodFindings found = findings.method(method.name());
      for (int i = 0; i < tasks.size(); i++) {
        String score = Figures.number(found.taskScore().get(findings.scoredTasks().get(i)).value());
        boolean bold =
            !found.taskScoreDifferences().isEmpty()
                && found.taskScoreDifferences().get(i).isSignificant();
        cells.add(bold ? "**" + score + "**" : score);
      }
      row(cells);
    }
    out.append("\nBold: significantly different from ").append(escape(result.reference()));
    out.append(", p corrected over the tasks of a method.\n");
  }

  private void words() {
    out.append("\n## Findings\n\n");
    out.append(escape(FindingsText.headline(result, findings)));
    FindingsText.details(result, findings).forEach(s -> out.append(' ').append(escape(s)));
    out.append('\n');
  }

  private void head(List<String> cells) {
    row(cells.stream().map(MarkdownTable::escape).toList());
    out.append("|---").append("|---:".repeat(cells.size() - 1)).append("|\n");
  }

  private void row(List<String> cells) {
    out.append("| ").append(String.join(" | ", cells)).append(" |\n");
  }

  /** Text that Markdown shows as it is, on one line. */
  static String escape(String text) {
    return text.replaceAll("\\s+", " ")
        .replaceAll("[\\\\`*_\\[\\]|~#]", "\\\\$0")
        .replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;");
  }
}
