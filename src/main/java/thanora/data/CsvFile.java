package thanora.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.csv.CsvMapper;
import com.fasterxml.jackson.dataformat.csv.CsvParser;
import com.fasterxml.jackson.dataformat.csv.CsvSchema;
import java.io.CharConversionException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiConsumer;

/** Reads a table of text whose first row names its columns; quoted values may hold newlines. */
final class CsvFile {
  private static final CsvMapper CSV =
      CsvMapper.builder().enable(CsvParser.Feature.WRAP_AS_ARRAY).build();

  private CsvFile() {}

  static void read(Path file, InputStream bytes, char separator, BiConsumer<Place, ObjectNode> rows)
      throws IOException {
    CsvSchema schema = CsvSchema.emptySchema().withColumnSeparator(separator);
    Place place = new Place(file, 1);
    try (MappingIterator<String[]> table =
        CSV.readerFor(String[].class).with(schema).readValues(bytes)) {
      List<String> header = table.hasNextValue() ? header(place, table.nextValue()) : List.of();
      while (true) {
        place = new Place(file, table.getCurrentLocation().getLineNr());
        if (!table.hasNextValue()) {
          return;
        }
        String[] values = table.nextValue();
        boolean isBlank = values.length == 0 || values.length == 1 && values[0].isBlank();
        if (!isBlank) {
          rows.accept(place, row(place, header, values));
        }
      }
    } catch (JsonProcessingException e) {
      if (e.getCause() instanceof CharConversionException) {
        throw new DataException(place + ": is not UTF-8; save the file as UTF-8", e);
      }
      JsonProcessingException table = e.getCause() instanceof JsonProcessingException c ? c : e;
      if (table == e && e.getCause() instanceof IOException unreadable) {
        throw unreadable;
      }
      throw new DataException(place + ": is not a table: " + JsonlReader.reason(table)
          + "; close every quote, and write a quote inside of a value twice", e);
    }
  }

  private static List<String> header(Place place, String[] names) {
    List<String> header = Arrays.stream(names).map(String::strip).toList();
    for (String name : header) {
      if (name.isEmpty() || header.indexOf(name) != header.lastIndexOf(name)) {
        throw place.fault("the first row names the columns, but " + (name.isEmpty()
            ? "one is empty" : "two are " + name) + "; give each column a name of its own");
      }
    }
    return header;
  }

  private static ObjectNode row(Place place, List<String> header, String[] values) {
    if (values.length != header.size()) {
      throw place.fault("the row has " + values.length + " values, the first row names "
          + header.size() + " columns; put values with separators or newlines in quotes");
    }
    ObjectNode row = JsonNodeFactory.instance.objectNode();
    for (int i = 0; i < values.length; i++) {
      row.put(header.get(i), values[i]);
    }
    return row;
  }
}
