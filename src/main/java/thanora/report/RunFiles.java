package thanora.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import thanora.checkpoint.CheckpointException;
import thanora.eval.AnswersFile;
import thanora.hasi.RankPlan;

/**
 * What a run folder holds so far.
 *
 * @param name of the folder
 * @param recipeText the file
 * @param recipe the same, read
 * @param plan who got which rank, if ranks were planned
 * @param log rows in order, up to the first that is torn
 * @param answers scored test rows
 * @param summary missing before the end
 * @param environment missing in runs of older versions
 */
record RunFiles(
    String name,
    String recipeText,
    JsonNode recipe,
    Optional<RankPlan> plan,
    List<JsonNode> log,
    List<AnswersFile.Line> answers,
    JsonNode summary,
    JsonNode environment) {
  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * Reads a folder that has a recipe.
   *
   * @throws CheckpointException naming the file that is damaged
   */
  static RunFiles read(Path folder) {
    Path recipe = folder.resolve("recipe.yaml");
    Path plan = folder.resolve("plan.json");
    try {
      String text = Files.readString(recipe);
      return new RunFiles(
          folder.toAbsolutePath().normalize().getFileName().toString(),
          text,
          new YAMLMapper().readTree(text),
          Files.exists(plan) ? Optional.of(RankPlan.read(plan)) : Optional.empty(),
          log(folder.resolve("log.jsonl")),
          AnswersFile.read(folder.resolve(AnswersFile.FILE)),
          json(folder.resolve("summary.json")),
          json(folder.resolve("environment.json")));
    } catch (IOException e) {
      throw new CheckpointException(folder + ": " + recipe.getFileName() + " or " + plan.getFileName()
          + " cannot be read; check rights", e);
    }
  }

  private static JsonNode json(Path file) {
    try {
      return Files.exists(file) ? JSON.readTree(file.toFile()) : MissingNode.getInstance();
    } catch (IOException e) {
      throw new CheckpointException(file + ": is not the JSON that a run wrote; remove it or train anew", e);
    }
  }

  private static List<JsonNode> log(Path file) throws IOException {
    List<JsonNode> rows = new ArrayList<>();
    if (!Files.exists(file)) {
      return rows;
    }
    try (BufferedReader in = Files.newBufferedReader(file)) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        JsonNode row = JSON.readTree(line);
        if (!row.path("step").isInt()) {
          break;
        }
        rows.add(row);
      }
    } catch (IOException torn) {
      // a row that is being written, or that a crash left: what is before it counts
    }
    return rows;
  }

  /** Rows of training steps. */
  List<JsonNode> steps() {
    return log.stream().filter(row -> !row.has("event")).toList();
  }

  /** Rows of another kind. */
  List<JsonNode> events(String event) {
    return log.stream().filter(row -> row.path("event").asText().equals(event)).toList();
  }

  /** Names of the tasks, in order. */
  List<String> tasks() {
    List<String> tasks = new ArrayList<>();
    recipe.path("tasks").forEach(task -> tasks.add(task.path("name").asText()));
    return tasks;
  }

  boolean isFinished() {
    return !summary.isMissingNode();
  }

  /** Numbers of a JSON array; NaN for null. */
  static double[] numbers(JsonNode array) {
    double[] values = new double[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).asDouble(Double.NaN);
    }
    return values;
  }

  /** Mean of the values of an array or object; those that are null are left out. */
  static double mean(JsonNode values) {
    double sum = 0;
    int count = 0;
    for (JsonNode value : values) {
      if (value.isNumber()) {
        sum += value.asDouble();
        count++;
      }
    }
    return sum / count;
  }

  /** Rows of numbers. */
  static double[][] table(JsonNode array) {
    double[][] rows = new double[array.size()][];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = numbers(array.get(i));
    }
    return rows;
  }
}
