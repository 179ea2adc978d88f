package thanora.data;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import java.util.function.BiConsumer;

/**
 * Reads JSON Lines: one object a line.
 *
 * <p>UTF-8 only, never with replacement characters; a byte order mark and CRLF are accepted, blank
 * lines skipped. Every fault is a {@link DataException} of the form {@code file:line: rule; remedy}
 * (bytes and columns count from 1).
 */
final class JsonlReader {
  static final int MAX_LINE_BYTES = 16 << 20;
  private static final int MAX_DEPTH = 100;

  /** JSON without duplicate fields, bombs of depth and endless strings. */
  static final ObjectMapper JSON =
      new ObjectMapper(
          JsonFactory.builder()
              .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
              .streamReadConstraints(
                  StreamReadConstraints.builder()
                      .maxNestingDepth(MAX_DEPTH)
                      .maxStringLength(MAX_LINE_BYTES)
                      .build())
              .build());

  private final Path file;
  private final CharsetDecoder decoder =
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPORT)
          .onUnmappableCharacter(CodingErrorAction.REPORT);

  /**
   * @param file what messages name
   */
  JsonlReader(Path file) {
    this.file = file;
  }

  /** Gives each object and its place to {@code rows}. */
  void read(InputStream bytes, BiConsumer<Place, ObjectNode> rows) throws IOException {
    LineBytes source = new LineBytes(file, bytes, MAX_LINE_BYTES);
    while (source.advance()) {
      Place place = new Place(file, source.number());
      String text = decode(place, source.bytes());
      if (!text.isBlank()) {
        rows.accept(place, parse(place, text));
      }
    }
  }

  private String decode(Place place, ByteBuffer bytes) {
    CharBuffer chars = CharBuffer.allocate(bytes.remaining());
    CoderResult result = decoder.reset().decode(bytes, chars, true);
    if (result.isError()) {
      throw new DataException(
          String.format(
              Locale.ROOT,
              "%s:%d: byte 0x%02X is not UTF-8; save the file as UTF-8",
              place, bytes.position() + 1, bytes.get(bytes.position())));
    }
    String text = chars.flip().toString();
    return place.number() == 1 && text.startsWith("\uFEFF") ? text.substring(1) : text;
  }

  private static ObjectNode parse(Place place, String text) {
    try (JsonParser parser = JSON.createParser(text)) {
      JsonToken first = parser.nextToken();
      if (first != JsonToken.START_OBJECT) {
        throw place.fault(
            "a line must be one JSON object, not " + Fields.kind(JSON.readTree(parser))
                + "; write one {\"prompt\": ..., \"completion\": ...} a line");
      }
      ObjectNode fields = JSON.readTree(parser);
      if (parser.nextToken() != null) {
        throw place.fault("more than one JSON value on the line; write one object a line");
      }
      return fields;
    } catch (JsonProcessingException e) {
      int column = e.getLocation() == null ? 1 : e.getLocation().getColumnNr();
      throw new DataException(
          place + ":" + column + ": not JSON: " + reason(e) + "; write one object a line", e);
    } catch (IOException e) {
      throw new DataException(place + ": cannot be read: " + e.getMessage(), e);
    }
  }

  /** The first line of what Jackson says. */
  static String reason(JsonProcessingException e) {
    return e.getOriginalMessage().lines().findFirst().orElse("broken")
        .replaceAll(" \\(start marker at .*", "");
  }
}
