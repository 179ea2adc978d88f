package thanora.checkpoint;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** JSON of files that nobody vouches for: no duplicate keys, deep nesting or trailing text. */
final class Json {
  static final ObjectMapper MAPPER =
      mapper(64).enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private Json() {}

  /** Reads one value at a time; text after it is the caller's to check. */
  static ObjectMapper mapper(int depth) {
    JsonFactory factory = JsonFactory.builder()
        .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
        .streamReadConstraints(StreamReadConstraints.builder()
            .maxNestingDepth(depth).maxNumberLength(64).maxStringLength(16 << 20).build())
        .build();
    return new ObjectMapper(factory);
  }

  /** Reads a file that must hold one object. */
  static ObjectNode object(Path path) {
    return object(path.toString(), text(path));
  }

  /** Parses text that must hold one object. */
  static ObjectNode object(String source, String text) {
    try {
      JsonNode node = MAPPER.readTree(text);
      if (node instanceof ObjectNode object) {
        return object;
      }
      throw new CheckpointException(source + ": is not a JSON object");
    } catch (JsonProcessingException e) {
      throw new CheckpointException(source + ": is not valid JSON (" + reason(e) + ")", e);
    }
  }

  /** A whole text file, which must be UTF-8. */
  static String text(Path path) {
    try {
      return utf8(path.toString(), ByteBuffer.wrap(Files.readAllBytes(path)));
    } catch (NoSuchFileException e) {
      throw new CheckpointException(path + ": no such file", e);
    } catch (IOException e) {
      throw new CheckpointException(path + ": cannot be read (" + e.getMessage() + ")", e);
    }
  }

  static String utf8(String source, ByteBuffer bytes) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
    } catch (CharacterCodingException e) {
      throw new CheckpointException(source + ": is not UTF-8", e);
    }
  }

  /** Jackson's message without its source and on one line. */
  static String reason(JsonProcessingException e) {
    String place = e.getLocation() == null ? "" : " at line " + e.getLocation().getLineNr()
        + ", column " + e.getLocation().getColumnNr();
    return e.getOriginalMessage().replaceAll("\\s+", " ").replaceAll(" \\(start marker at .*\\)", "") + place;
  }
}
