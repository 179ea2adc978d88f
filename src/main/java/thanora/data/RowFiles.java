package thanora.data;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SortedSet;
import java.util.function.BiConsumer;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/**
 * Reads rows from files of any kind that is known by its ending: {@code .json}, {@code .csv}, {@code
 * .tsv}, {@code .parquet}; anything else is JSON Lines. Text files may end in {@code .gz}.
 *
 * <p>Every fault is a {@link DataException} of the form {@code file:line: rule; remedy}.
 */
public final class RowFiles {
  /** A row and where it stands. */
  record Line(Place place, Row row) {}

  /** The rows of some files and the names of the fields that were of no use. */
  record Contents(List<Line> lines, SortedSet<String> ignoredFields) {}

  private RowFiles() {}

  /** Whether a file is of a kind that rows are read from. */
  public static boolean isNamed(String file) {
    return file.toLowerCase(Locale.ROOT).matches(".*\\.(parquet|(jsonl?|[ct]sv)(\\.gz)?)");
  }

  /**
   * The rows of a file, by their own fields.
   *
   * @throws DataException on the first fault, by file and line
   */
  public static List<Row> rows(Path file) {
    return read(List.of(file), RowRules.none()).lines().stream().map(Line::row).toList();
  }

  /**
   * The rows of the files in their order; an empty list where there is none.
   *
   * @throws DataException on the first fault, by file and line
   */
  static Contents read(List<Path> files, RowRules rules) {
    List<Line> lines = new ArrayList<>();
    RowReader reader = new RowReader(rules);
    for (Path file : files) {
      read(file, (place, fields) -> lines.add(new Line(place, reader.read(fields, place))));
    }
    return new Contents(List.copyOf(lines), reader.ignoredFields());
  }

  private static void read(Path file, BiConsumer<Place, ObjectNode> rows) {
    if (!Files.isRegularFile(file)) {
      throw new DataException(
          file + ": " + (Files.exists(file) ? "not a regular file" : "no such file")
              + "; a task's rows are files of JSON lines, JSON, CSV or Parquet");
    }
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    String ending = name.replaceFirst("\\.gz$", "").replaceFirst(".*\\.", "");
    try (InputStream bytes = new BufferedInputStream(Files.newInputStream(file))) {
      refusePointer(file, bytes);
      if (ending.equals("parquet")) {
        ParquetFile.read(file, rows);
        return;
      }
      InputStream text = name.endsWith(".gz") ? new GZIPInputStream(bytes) : bytes;
      switch (ending) {
        case "json" -> JsonFile.read(file, text, rows);
        case "csv" -> CsvFile.read(file, text, ',', rows);
        case "tsv" -> CsvFile.read(file, text, '\t', rows);
        default -> new JsonlReader(file).read(text, rows);
      }
    } catch (ZipException | EOFException e) {
      throw new DataException(
          file + ": is not a whole gzip file: " + e.getMessage() + "; fetch it again", e);
    } catch (IOException e) {
      throw new DataException(file + ": cannot be read: " + e.getMessage(), e);
    }
  }

  private static void refusePointer(Path file, InputStream bytes) throws IOException {
    bytes.mark(64);
    String start = new String(bytes.readNBytes(23), StandardCharsets.US_ASCII);
    bytes.reset();
    if (start.equals("version https://git-lfs")) {
      throw new DataException(
          file + ": a Git LFS pointer, not the file itself; run git lfs pull");
    }
  }
}
