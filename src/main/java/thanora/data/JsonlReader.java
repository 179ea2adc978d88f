package thanora.data;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * Reads rows from JSON Lines: one object a line with the strings {@code prompt} and {@code
 * completion}; other fields are skipped and their names kept for the report.
 *
 * <p>UTF-8 only, never with replacement characters; a byte order mark and CRLF are accepted, blank
 * lines skipped. Every fault is a {@link DataException} of the form {@code file:line: rule; remedy}
 * (bytes and columns count from 1).
 */
public final class JsonlReader {
  static final int MAX_LINE_BYTES = 16 << 20;
  private static final int MAX_DEPTH = 16;
  private static final int MAX_NAMES = 12;
  private static final int MAX_SHOWN = 40;
  private static final String PROMPT = "prompt";
  private static final String COMPLETION = "completion";
  private static final String LFS_POINTER = "version https://git-lfs";

  private static final JsonFactory JSON =
      JsonFactory.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_DEPTH)
                  .maxStringLength(MAX_LINE_BYTES)
                  .build())
          .build();

  /** A row and the line of its file, from 1. */
  record Line(int number, Row row) {}

  /** The rows of a file and the names of the fields that were skipped. */
  record Contents(List<Line> lines, SortedSet<String> ignoredFields) {}

  private final Path file;
  private final List<Line> lines = new ArrayList<>();
  private final SortedSet<String> ignored = new TreeSet<>();
  private final CharsetDecoder decoder =
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPORT)
          .onUnmappableCharacter(CodingErrorAction.REPORT);

  private JsonlReader(Path file) {
    this.file = file;
  }

  /**
   * The rows of a file in order; an empty list where it has only blank lines.
   *
   * @throws DataException on the first fault, by file and line
   */
  public static List<Row> read(Path file) {
    return readLines(file).lines().stream().map(Line::row).toList();
  }

  static Contents readLines(Path file) {
    JsonlReader reader = new JsonlReader(file);
    if (!Files.isRegularFile(file)) {
      throw new DataException(
          file + ": " + (Files.exists(file) ? "not a regular file" : "no such file")
              + "; a task's rows are one file of JSON lines");
    }
    try (LineBytes source = new LineBytes(file, MAX_LINE_BYTES)) {
      while (source.advance()) {
        reader.accept(source.number(), source.bytes());
      }
    } catch (IOException e) {
      throw new DataException(file + ": cannot be read: " + e.getMessage(), e);
    }
    return new Contents(List.copyOf(reader.lines), reader.ignored);
  }

  private void accept(int number, ByteBuffer bytes) {
    String text = decode(number, bytes);
    if (!text.isBlank()) {
      lines.add(new Line(number, parse(number, text)));
    }
  }

  private String decode(int number, ByteBuffer bytes) {
    CharBuffer chars = CharBuffer.allocate(bytes.remaining());
    CoderResult result = decoder.reset().decode(bytes, chars, true);
    if (result.isError()) {
      throw new DataException(
          String.format(
              Locale.ROOT,
              "%s:%d:%d: byte 0x%02X is not UTF-8; save the file as UTF-8",
              file, number, bytes.position() + 1, bytes.get(bytes.position())));
    }
    String text = chars.flip().toString();
    return number == 1 && text.startsWith("\uFEFF") ? text.substring(1) : text;
  }

  private Row parse(int number, String text) {
    if (number == 1 && text.startsWith(LFS_POINTER)) {
      throw fault(number, "a Git LFS pointer, not the file itself; run git lfs pull");
    }
    try (JsonParser parser = JSON.createParser(text)) {
      JsonToken first = parser.nextToken();
      if (first != JsonToken.START_OBJECT) {
        throw fault(
            number,
            "a line must be one JSON object, not " + kind(first)
                + "; write one {\"prompt\": ..., \"completion\": ...} a line");
      }
      Row row = fields(number, parser);
      if (parser.nextToken() != null) {
        throw fault(number, "more than one JSON value on the line; write one object a line");
      }
      return row;
    } catch (JsonProcessingException e) {
      int column = e.getLocation() == null ? 1 : e.getLocation().getColumnNr();
      String reason = e.getOriginalMessage().lines().findFirst().orElse("broken")
          .replaceAll(" \\(start marker at .*", "");
      throw new DataException(file + ":" + number + ":" + column + ": not JSON: " + reason
          + "; write one object a line", e);
    } catch (IOException e) {
      throw new DataException(file + ":" + number + ": cannot be read: " + e.getMessage(), e);
    }
  }

  private Row fields(int number, JsonParser parser) throws IOException {
    Map<String, String> found = new LinkedHashMap<>();
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String name = parser.currentName();
      JsonToken value = parser.nextToken();
      boolean wanted = name.equals(PROMPT) || name.equals(COMPLETION);
      if (wanted && value != JsonToken.VALUE_STRING) {
        throw fault(number, name + " must be a string, not " + kind(value));
      }
      found.put(name, wanted ? parser.getText() : "");
      parser.skipChildren();
    }
    Row row = new Row(text(number, PROMPT, found), text(number, COMPLETION, found));
    if (row.completion().isBlank()) {
      throw fault(number, "completion is empty; every row needs an answer to train on");
    }
    for (String name : found.keySet()) {
      if (!name.equals(PROMPT) && !name.equals(COMPLETION) && ignored.size() < MAX_NAMES) {
        ignored.add(shown(name));
      }
    }
    return row;
  }

  private String text(int number, String name, Map<String, String> found) {
    String value = found.get(name);
    if (value == null) {
      List<String> names =
          found.keySet().stream().limit(MAX_NAMES).map(JsonlReader::shown).toList();
      throw fault(
          number,
          name + " is missing; the line has " + (names.isEmpty() ? "no field" : names)
              + " and needs the strings prompt and completion");
    }
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c == 0) {
        throw fault(number, name + " holds U+0000 at character " + (i + 1) + "; remove it");
      }
      if (Character.isHighSurrogate(c)
          && i + 1 < value.length()
          && Character.isLowSurrogate(value.charAt(i + 1))) {
        i++;
      } else if (Character.isSurrogate(c)) {
        throw fault(
            number,
            String.format(
                Locale.ROOT,
                "%s holds the lone surrogate U+%04X at character %d; write the whole pair",
                name, (int) c, i + 1));
      }
    }
    return value;
  }

  private DataException fault(int number, String message) {
    return new DataException(file + ":" + number + ": " + message);
  }

  private static String shown(String name) {
    String plain = name.replaceAll("\\p{Cntrl}", "?");
    return plain.length() <= MAX_SHOWN ? plain : plain.substring(0, MAX_SHOWN) + "...";
  }

  private static String kind(JsonToken token) {
    return switch (token) {
      case START_OBJECT -> "an object";
      case START_ARRAY -> "a list";
      case VALUE_STRING -> "a string";
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> "a number";
      case VALUE_TRUE, VALUE_FALSE -> "a boolean";
      case VALUE_NULL -> "null";
      default -> "this";
    };
  }
}
