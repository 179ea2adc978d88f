package thanora.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import thanora.DataPreview;
import thanora.DataPreview.Counts;
import thanora.Recipe;
import thanora.data.DataCheck;

/** A preview of rows for a terminal or a pipe. */
final class PreviewText {
  private static final String TRAINED = "\u001b[32m";
  private static final String END = "\u001b[0m";
  private static final int MAX_SHOWN = 60;
  private static final int MAX_FAULTS = 5;

  private final DataPreview preview;
  private final Recipe recipe;
  private final boolean colours;

  PreviewText(DataPreview preview, Recipe recipe, boolean colours) {
    this.preview = preview;
    this.recipe = recipe;
    this.colours = colours;
  }

  @Override
  public String toString() {
    List<String> parts = new ArrayList<>();
    for (DataPreview.Task task : preview.tasks()) {
      task.rows().forEach(row -> parts.add(row(task.name(), row)));
    }
    parts.add(counts());
    List<String> odd = oddities();
    if (!odd.isEmpty()) {
      parts.add(String.join("\n", odd));
    }
    return String.join("\n\n", parts);
  }

  private String row(String task, DataPreview.Shown row) {
    StringBuilder text = new StringBuilder(String.format(Locale.ROOT,
        "%s, train row %d: %d tokens, %d trained%n", task, row.row(), row.tokens(), row.trained()));
    row.images().forEach(image -> text.append(visible(image)).append(System.lineSeparator()));
    for (DataPreview.Piece piece : row.pieces()) {
      String shown = visible(piece.text());
      text.append(!piece.trained() ? shown
          : colours ? TRAINED + shown + END : "\u27e6" + shown + "\u27e7");
    }
    return text.toString().stripTrailing();
  }

  private String counts() {
    boolean images = splits().anyMatch(split -> split.images().count() > 0 || !split.images().faults().isEmpty());
    List<String> columns = new ArrayList<>(List.of("task", "split", "rows", "tokens", "trained", "median", "longest",
        "too long", "cut", "empty", "twice"));
    columns.addAll(images ? List.of("images", "their rows", "their tokens", "faulty") : List.of());
    Table table = new Table(columns.toArray(String[]::new));
    for (DataPreview.Task task : preview.tasks()) {
      for (Map.Entry<String, Counts> split : task.splits().entrySet()) {
        Counts c = split.getValue();
        List<String> row = new ArrayList<>(List.of(task.name(), split.getKey(), "" + c.rows(), "" + c.tokens(),
            "" + c.trained(), "" + c.median(), "" + c.longest(), "" + c.tooLong(), "" + c.cut(), "" + c.empty(),
            "" + c.duplicates()));
        row.addAll(images ? List.of("" + c.images().count(), "" + c.images().rows(), "" + c.images().tokens(),
            "" + c.images().faults().size()) : List.of());
        table.row(row.toArray(String[]::new));
      }
    }
    return table.toString();
  }

  private Stream<Counts> splits() {
    return preview.tasks().stream().flatMap(task -> task.splits().values().stream());
  }

  /** The first rows with a faulty image of each split. */
  private List<String> faults() {
    List<String> lines = new ArrayList<>();
    for (DataPreview.Task task : preview.tasks()) {
      task.splits().forEach((name, split) -> {
        List<String> faults = split.images().faults();
        if (!faults.isEmpty()) {
          lines.add(task.name() + " " + name + ": " + faults.size()
              + " rows with faulty images, and training would refuse them:");
          faults.stream().limit(MAX_FAULTS).forEach(fault -> lines.add("  " + visible(fault)));
          if (faults.size() > MAX_FAULTS) {
            lines.add("  and " + (faults.size() - MAX_FAULTS) + " more");
          }
        }
      });
    }
    return lines;
  }

  private List<String> oddities() {
    List<String> lines = faults();
    boolean tooLong = splits().anyMatch(split -> split.tooLong() > 0);
    if (tooLong && recipe.train().longRows() == Recipe.LongRows.REFUSE) {
      lines.add("rows are longer than " + preview.maxLength() + " tokens, and training would"
          + " refuse them; raise train.max_length, or set train.long_rows to drop or truncate");
    }
    preview.check().repeated().forEach((split, rows) -> lines.add(
        split + ": " + rows + " rows like an earlier one but for case and blanks"));
    for (DataCheck.Overlap overlap : preview.check().overlaps()) {
      lines.add(overlap.split() + ": " + overlap.alike() + " rows with a prompt of " + overlap.other()
          + ", " + overlap.exact() + " of them to the letter, such as " + quoted(overlap.example()));
    }
    for (DataCheck.Collision collision : preview.check().collisions()) {
      lines.add(collision.split() + ": " + collision.prompts() + " prompts with several completions,"
          + " such as " + quoted(collision.example()) + ": "
          + String.join(", ", collision.completions().stream().limit(3).map(PreviewText::quoted).toList()));
    }
    preview.ignoredFields().forEach((task, names) ->
        lines.add(task + ": fields not used: " + String.join(", ", names)));
    return lines;
  }

  private static String quoted(String text) {
    String line = visible(text).replaceAll("\\s+", " ");
    int end = line.offsetByCodePoints(0, Math.min(MAX_SHOWN, line.codePointCount(0, line.length())));
    return '"' + line.substring(0, end) + (end < line.length() ? "..." : "") + '"';
  }

  /** Control characters of the data do nothing to a terminal. */
  private static String visible(String text) {
    StringBuilder shown = new StringBuilder();
    text.codePoints().forEach(c -> {
      if (Character.isISOControl(c) && c != '\n' && c != '\t') {
        shown.append(String.format(Locale.ROOT, "\\u%04x", c));
      } else {
        shown.appendCodePoint(c);
      }
    });
    return shown.toString();
  }
}
