package thanora.data;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.function.BiConsumer;

/**
 * Reads a JSON file of rows: a list of objects, {@code {"data": [...]}}, or objects one after the
 * other, as many files of this ending are.
 */
final class JsonFile {
  private final Path file;
  private final JsonParser parser;
  private final BiConsumer<Place, ObjectNode> rows;

  private JsonFile(Path file, JsonParser parser, BiConsumer<Place, ObjectNode> rows) {
    this.file = file;
    this.parser = parser;
    this.rows = rows;
  }

  static void read(Path file, InputStream bytes, BiConsumer<Place, ObjectNode> rows)
      throws IOException {
    try (JsonParser parser = JsonlReader.JSON.createParser(bytes)) {
      new JsonFile(file, parser, rows).read();
    } catch (JsonProcessingException e) {
      JsonLocation at = e.getLocation();
      throw new DataException(
          file + (at == null ? "" : ":" + at.getLineNr() + ":" + at.getColumnNr()) + ": not JSON: "
              + JsonlReader.reason(e) + "; a .json file is a list of objects", e);
    }
  }

  private void read() throws IOException {
    while (parser.nextToken() != null) {
      if (parser.currentToken() == JsonToken.START_ARRAY) {
        list();
      } else {
        object();
      }
    }
  }

  private void list() throws IOException {
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      Place place = place();
      row(place, JsonlReader.JSON.readTree(parser));
    }
  }

  /** A row, or the object whose {@code data} are the rows. */
  private void object() throws IOException {
    Place place = place();
    JsonNode node = JsonlReader.JSON.readTree(parser);
    if (!node.path("data").isArray()) {
      row(place, node);
      return;
    }
    int number = 0;
    for (JsonNode row : node.get("data")) {
      row(new Place(file, ++number), row);
    }
  }

  private Place place() {
    return new Place(file, parser.currentTokenLocation().getLineNr());
  }

  private void row(Place place, JsonNode node) {
    if (!node.isObject()) {
      throw place.fault("a row must be an object, not " + Fields.kind(node)
          + "; a .json file is a list of objects");
    }
    rows.accept(place, (ObjectNode) node);
  }
}
