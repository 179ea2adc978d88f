package thanora.cli;

import java.util.ArrayList;
import java.util.List;

/** A table of text; columns of numbers are aligned to the right, others to the left. */
final class Table {
  private static final String NUMBER = "[-+]?[\\d.,]+(e[-+]?\\d+)?(%| [kMGT]B)?|-|";

  private final List<List<String>> rows = new ArrayList<>();

  /** Starts a table with its column heads. */
  Table(String... heads) {
    rows.add(List.of(heads));
  }

  /**
   * Adds a row.
   *
   * @throws IllegalArgumentException if it has not one cell a head
   */
  Table row(String... cells) {
    if (cells.length != rows.get(0).size()) {
      throw new IllegalArgumentException(
          cells.length + " cells do not fit " + rows.get(0).size() + " columns; give one a head");
    }
    rows.add(List.of(cells));
    return this;
  }

  /** The lines, each ended but the last; no trailing blanks. */
  @Override
  public String toString() {
    int columns = rows.get(0).size();
    int[] widths = new int[columns];
    boolean[] right = new boolean[columns];
    for (int c = 0; c < columns; c++) {
      int column = c;
      widths[c] = rows.stream().mapToInt(row -> length(row.get(column))).max().orElse(0);
      right[c] = rows.size() > 1
          && rows.stream().skip(1).allMatch(row -> row.get(column).matches(NUMBER));
    }
    List<String> lines = new ArrayList<>();
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int c = 0; c < columns; c++) {
        String gap = " ".repeat(widths[c] - length(row.get(c)));
        line.append(c == 0 ? "" : "  ");
        line.append(right[c] ? gap + row.get(c) : row.get(c) + gap);
      }
      lines.add(line.toString().stripTrailing());
    }
    return String.join(System.lineSeparator(), lines);
  }

  private static int length(String text) {
    return text.codePointCount(0, text.length());
  }
}
