package thanora;

import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A YAML value whose scalars are still the text of the file, so that the key decides what {@code
 * 1e-4} (text in YAML 1.1) and {@code no} (a boolean in YAML 1.1) mean.
 */
sealed interface RecipeNode {
  /** How the value is shown in a message. */
  String shown();

  /** A scalar; text is empty and absent true for YAML's null. */
  record Scalar(String text, boolean absent) implements RecipeNode {
    @Override
    public String shown() {
      return absent ? "null" : text.isEmpty() ? "\"\"" : text;
    }
  }

  /** A mapping, in the order of the file. */
  record Fields(Map<String, RecipeNode> values) implements RecipeNode {
    @Override
    public String shown() {
      return "a mapping of " + values.size() + " keys";
    }
  }

  /** A list. */
  record Items(List<RecipeNode> values) implements RecipeNode {
    @Override
    public String shown() {
      return "a list of " + values.size();
    }
  }

  /**
   * Reads one YAML document.
   *
   * @param problems gets a line for each key that is given twice
   * @throws RecipeException if it is not YAML, or uses anchors
   */
  static RecipeNode parse(String yaml, String source, List<String> problems) {
    try (YAMLParser parser = YAMLFactory.builder().build().createParser(yaml)) {
      if (parser.nextToken() == null) {
        return new Fields(new LinkedHashMap<>());
      }
      RecipeNode node = read(parser, source, "", problems);
      if (parser.nextToken() != null) {
        throw new RecipeException(
            List.of(source + ": holds more than one document; keep one, without a second ---"));
      }
      return node;
    } catch (IOException e) {
      String line = e.getMessage().lines().filter(l -> !l.isBlank()).findFirst().orElse("");
      String where = e.getMessage().replaceAll("(?s).*line: (\\d+).*", "$1");
      throw new RecipeException(
          List.of(
              source + (where.matches("\\d+") ? ":" + where : "") + ": is not YAML: "
                  + line.strip() + "; check indentation, colons and quotes"));
    }
  }

  private static RecipeNode read(
      YAMLParser parser, String source, String path, List<String> problems) throws IOException {
    JsonToken token = parser.currentToken();
    if (parser.isCurrentAlias() || parser.getObjectId() != null) {
      throw new RecipeException(
          List.of(
              source + ":" + parser.currentTokenLocation().getLineNr()
                  + ": anchors and aliases (& and *) are not read; write the value out"));
    }
    if (token == JsonToken.START_OBJECT) {
      return readFields(parser, source, path, problems);
    }
    if (token == JsonToken.START_ARRAY) {
      List<RecipeNode> items = new ArrayList<>();
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        items.add(read(parser, source, path + items.size() + ".", problems));
      }
      return new Items(items);
    }
    boolean absent = token == JsonToken.VALUE_NULL;
    return new Scalar(absent ? "" : parser.getText().strip(), absent);
  }

  private static RecipeNode readFields(
      YAMLParser parser, String source, String path, List<String> problems) throws IOException {
    Map<String, RecipeNode> fields = new LinkedHashMap<>();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = parser.currentName();
      int line = parser.currentTokenLocation().getLineNr();
      parser.nextToken();
      if (fields.put(key, read(parser, source, path + key + ".", problems)) != null) {
        problems.add(path + key + ": is given twice (again in line " + line + "); keep one");
      }
    }
    return new Fields(fields);
  }
}
