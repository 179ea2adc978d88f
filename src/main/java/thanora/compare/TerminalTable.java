package thanora.compare;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import thanora.compare.ComparisonResult.Method;
import thanora.page.Figures;

/** A comparison as plain ASCII columns, at most {@value #WIDTH} wide. */
public final class TerminalTable {
  static final int WIDTH = 110;
  private static final int NAME = 20;
  private static final String GAP = "  ";

  private TerminalTable() {}

  /** Table, notes and the headline; ends with a line break. */
  public static String of(ComparisonResult result, Findings findings) {
    List<List<String>> rows = new ArrayList<>();
    List<String> head =
        new ArrayList<>(
            List.of("method", "params", "lr", "NLL", "to " + shorten(result.reference(), 18)));
    if (findings.hasScores()) {
      head.addAll(List.of("score", "diff"));
    }
    head.add("merges");
    rows.add(head);
    for (Method method : Rows.ordered(result, findings)) {
      rows.add(cells(method, result, findings));
    }
    StringBuilder out = new StringBuilder();
    layOut(rows, out);
    out.append("\n* significant: p < 0.05 after Holm's correction; brackets: 95 % intervals\n");
    if (Rows.hasEdge(result)) {
      out.append("! smallest or largest rate of its sweep: widen the sweep\n");
    }
    Rows.offBudget(result, findings).ifPresent(off -> out.append(wrap("^ " + off)));
    if (result.seeds().size() == 1) {
      out.append("one seed: intervals know the spread over test rows only\n");
    }
    out.append('\n').append(wrap(FindingsText.headline(result, findings)));
    return out.toString();
  }

  private static List<String> cells(Method method, ComparisonResult result, Findings findings) {
    MethodFindings found = findings.method(method.name());
    List<String> cells = new ArrayList<>();
    cells.add(shorten(method.name(), NAME));
    cells.add(method.isBase() ? ""
        : Figures.shortCount(method.parameters()) + (Rows.isOffBudget(result, method) ? "^" : ""));
    cells.add(Rows.rate(method).replace('*', '!'));
    cells.add(found.nll().isKnown() ? Figures.number(found.nll().value()) : "diverged");
    cells.add(
        known(found.nllDifference())
            .map(d -> mark(d) + " " + Figures.signedInterval(d.estimate()))
            .orElse(""));
    if (findings.hasScores()) {
      cells.add(Figures.number(found.score().value()));
      cells.add(known(found.scoreDifference()).map(TerminalTable::mark).orElse(""));
    }
    cells.add(
        method.isBase() ? "" : method.merges() ? "yes" : method.needsTaskId() ? "task id" : "no");
    return cells;
  }

  private static Optional<Difference> known(Optional<Difference> difference) {
    return difference.filter(d -> d.estimate().isKnown());
  }

  private static String mark(Difference difference) {
    return Figures.signed(difference.estimate().value()) + (difference.isSignificant() ? "*" : " ");
  }

  private static void layOut(List<List<String>> rows, StringBuilder out) {
    int columns = rows.get(0).size();
    int[] widths = new int[columns];
    for (List<String> row : rows) {
      for (int c = 0; c < columns; c++) {
        widths[c] = Math.max(widths[c], row.get(c).length());
      }
    }
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int c = 0; c < columns; c++) {
        String pad = " ".repeat(widths[c] - row.get(c).length());
        boolean left = c == 0 || c == columns - 1;
        line.append(c == 0 ? "" : GAP);
        line.append(left ? row.get(c) + pad : pad + row.get(c));
      }
      out.append(line.toString().stripTrailing()).append('\n');
    }
  }

  private static String shorten(String name, int length) {
    String plain = name.replaceAll("[^\\x20-\\x7e]", "?");
    return plain.length() <= length ? plain : plain.substring(0, length - 2) + "..";
  }

  private static String wrap(String text) {
    StringBuilder out = new StringBuilder();
    int column = 0;
    for (String word : text.split("\\s+")) {
      if (column > 0 && column + 1 + word.length() > WIDTH) {
        out.append('\n');
        column = 0;
      }
      out.append(column > 0 ? " " : "").append(word);
      column += word.length() + (column > 0 ? 1 : 0);
    }
    return out.append('\n').toString();
  }
}
