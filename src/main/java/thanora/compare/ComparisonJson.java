package thanora.compare;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.ser.std.StdSerializer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;
import thanora.compare.ComparisonResult.Conflicts;
import thanora.compare.ComparisonResult.Cost;
import thanora.compare.ComparisonResult.Method;
import thanora.compare.ComparisonResult.RatePoint;
import thanora.compare.ComparisonResult.Run;
import thanora.compare.ComparisonResult.Task;

/** {@link ComparisonResult} as a file. */
final class ComparisonJson {
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .disable(MapperFeature.AUTO_DETECT_IS_GETTERS)
          .disable(JsonWriteFeature.WRITE_NAN_AS_STRINGS)
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .addModule(
              new SimpleModule().addSerializer(new ValueOrNull()))
          .build();

  private ComparisonJson() {}

  /** An optional is its value, or null. */
  @SuppressWarnings("rawtypes")
  private static final class ValueOrNull extends StdSerializer<Optional> {
    ValueOrNull() {
      super(Optional.class);
    }

    @Override
    public void serialize(Optional value, JsonGenerator out, SerializerProvider provider)
        throws IOException {
      provider.defaultSerializeValue(value.isPresent() ? value.get() : null, out);
    }
  }

  static void write(ComparisonResult result, Path file) throws IOException {
    Path part = file.resolveSibling(file.getFileName() + ".part");
    JsonNode tree = JSON.valueToTree(result);
    nullForNaN(tree);
    try {
      Files.writeString(part, tree.toPrettyString() + "\n");
      Files.move(part, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(part);
    }
  }

  private static void nullForNaN(JsonNode node) {
    if (node instanceof ObjectNode object) {
      object.properties().forEach(entry -> {
        if (isNaN(entry.getValue())) {
          entry.setValue(object.nullNode());
        } else {
          nullForNaN(entry.getValue());
        }
      });
    } else if (node instanceof ArrayNode array) {
      for (int i = 0; i < array.size(); i++) {
        if (isNaN(array.get(i))) {
          array.setNull(i);
        } else {
          nullForNaN(array.get(i));
        }
      }
    }
  }

  private static boolean isNaN(JsonNode node) {
    return node.isDouble() && !Double.isFinite(node.doubleValue());
  }

  static ComparisonResult read(Path file) throws IOException {
    try {
      return result(new JsonPlace("", JSON.readTree(Files.readAllBytes(file))));
    } catch (JsonProcessingException e) {
      String place =
          e.getLocation() == null ? "" : " at line " + e.getLocation().getLineNr();
      throw new IllegalArgumentException(
          file + ": is not valid JSON" + place + " (" + firstLine(e.getOriginalMessage())
              + "); run the comparison again",
          e);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(file + ": " + firstLine(e.getMessage()), e);
    }
  }

  private static String firstLine(String message) {
    return message.replaceAll("\\s+", " ");
  }

  private static ComparisonResult result(JsonPlace at) {
    at.keys(
        "version", "command", "model", "device", "steps", "batch_size", "seeds", "tasks",
        "reference", "methods", "conflicts");
    return new ComparisonResult(
        at.get("version").text(),
        at.get("command").text(),
        at.get("model").text(),
        at.get("device").text(),
        at.get("steps").integer(),
        at.get("batch_size").smallInteger(),
        at.get("seeds").list(JsonPlace::integer),
        at.get("tasks").list(ComparisonJson::task),
        at.get("reference").text(),
        at.get("methods").list(ComparisonJson::method),
        at.optional("conflicts").map(ComparisonJson::conflicts));
  }

  private static Task task(JsonPlace at) {
    at.keys("name", "metric", "validation_rows", "row_tokens");
    return new Task(
        at.get("name").text(),
        at.get("metric").text(),
        at.get("validation_rows").smallInteger(),
        at.get("row_tokens").list(JsonPlace::smallInteger).stream()
            .mapToInt(Integer::intValue)
            .toArray());
  }

  private static Method method(JsonPlace at) {
    at.keys(
        "name", "merges", "needs_task_id", "rank", "parameters", "learning_rate", "sweep", "runs",
        "cost");
    return new Method(
        at.get("name").text(),
        at.get("merges").bool(),
        at.get("needs_task_id").bool(),
        at.get("rank").smallInteger(),
        at.get("parameters").integer(),
        at.get("learning_rate").number(),
        at.get("sweep").list(ComparisonJson::ratePoint),
        at.get("runs").list(ComparisonJson::run),
        at.optional("cost").map(ComparisonJson::cost));
  }

  private static RatePoint ratePoint(JsonPlace at) {
    at.keys("learning_rate", "seed", "validation_nll");
    return new RatePoint(
        at.get("learning_rate").number(),
        at.get("seed").integer(),
        at.get("validation_nll").numbers());
  }

  private static Run run(JsonPlace at) {
    at.keys("seed", "row_nll", "row_score", "merge_factor");
    return new Run(
        at.get("seed").integer(),
        at.get("row_nll").table(),
        at.get("row_score").table(),
        at.optional("merge_factor").map(JsonPlace::number).orElse(Double.NaN));
  }

  private static Cost cost(JsonPlace at) {
    at.keys("step_time", "memory", "latency");
    return new Cost(
        at.get("step_time").number(), at.get("memory").number(), at.get("latency").number());
  }

  private static Conflicts conflicts(JsonPlace at) {
    at.keys("steps", "by_layer", "by_pair");
    return new Conflicts(
        at.get("steps").list(JsonPlace::integer),
        at.get("by_layer").table(),
        at.get("by_pair").table());
  }
}
