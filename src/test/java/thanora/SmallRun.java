package thanora;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import thanora.demo.DemoTasks;

/** Recipes for the shipped model and a few rows of its tasks, small enough for a second or two. */
final class SmallRun {
  private static final ObjectMapper JSON = new ObjectMapper();

  private SmallRun() {}

  /** Writes rows of all demo tasks. */
  static Path data(Path folder) throws IOException {
    DemoTasks.writeTo(folder, 24, 5, 1);
    return folder;
  }

  /** Two tasks, r 6 in q and v, 4 rows a step, 4 steps. */
  static String yaml(Path data) {
    return """
        model: %s
        data: %s
        threads: 1
        tasks: [{name: sums}, {name: dates}]
        lora: {r: 6, target_modules: [q_proj, v_proj]}
        hasi: {preview_rows: 8}
        train: {learning_rate: 3e-3, max_steps: 4, batch_size: 4, max_length: 128}
        eval: {batch_size: 10, max_new_tokens: 3}
        merge: {probe_rows: 2}
        """.formatted(Path.of("demo", "model").toAbsolutePath(), data.toAbsolutePath());
  }

  static Recipe recipe(Path data, String... changes) {
    return RecipeReader.parse(yaml(data), "recipe", List.of(changes), note -> {});
  }

  /** Runs to the end. */
  static RunSummary run(Recipe recipe, Path folder, boolean resume) {
    try (RunFolder run = RunFolder.create(folder, resume, note -> {})) {
      return FineTune.run(recipe, run, RunListener.SILENT);
    }
  }

  static byte[] adapter(Path folder) throws IOException {
    return Files.readAllBytes(folder.resolve("adapter").resolve("adapter_model.safetensors"));
  }

  static JsonNode json(Path file) throws IOException {
    return JSON.readTree(file.toFile());
  }

  /** The rows of a log. */
  static List<JsonNode> log(Path folder) {
    return rows(folder.resolve("log.jsonl"));
  }

  /** The rows of a file. */
  static List<JsonNode> rows(Path file) {
    try {
      List<JsonNode> rows = new ArrayList<>();
      for (String line : Files.readAllLines(file)) {
        rows.add(JSON.readTree(line));
      }
      return rows;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
