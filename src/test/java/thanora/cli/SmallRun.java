package thanora.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Two tasks of a few rows, a recipe of plain LoRA on one kind of module, and the command line. */
final class SmallRun {
  final Path folder;
  final Path recipe;
  final Path out;
  private final StringWriter stdout = new StringWriter();
  private final StringWriter stderr = new StringWriter();

  SmallRun(Path folder) throws IOException {
    this.folder = folder;
    this.recipe = folder.resolve("r.yaml");
    this.out = folder.resolve("out");
    Path model = Path.of("demo/model").toAbsolutePath();
    Files.writeString(recipe, """
        model: %s
        data: %s
        method: lora
        device: cpu
        threads: 1
        tasks: [{name: a}, {name: b}]
        lora: {r: 3, target_modules: [q_proj]}
        hasi: {preview_rows: 2}
        train: {max_steps: 2, batch_size: 4}
        eval: {max_rows: 2, max_new_tokens: 2, generate: false}
        merge: {probe_rows: 1, dtype: float32}
        """.formatted(model, folder.resolve("data")));
    for (String task : List.of("a", "b")) {
      String rows = "{\"prompt\": \"one " + task + "\", \"completion\": \"two\"}\n"
          + "{\"prompt\": \"three " + task + "\", \"completion\": \"four\"}\n";
      rows(task + "/train.jsonl", rows);
      rows(task + "/test.jsonl", rows.replace("one", "five").replace("three", "six"));
    }
  }

  /** Replaces a file of rows. */
  Path rows(String file, String text) throws IOException {
    Path path = folder.resolve("data").resolve(file);
    Files.createDirectories(path.getParent());
    return Files.writeString(path, text);
  }

  /** A copy of the demo model, to be damaged. */
  Path modelCopy() throws IOException {
    Path copy = Files.createDirectories(folder.resolve("model"));
    try (Stream<Path> files = Files.list(Path.of("demo/model"))) {
      for (Path file : files.toList()) {
        Files.copy(file, copy.resolve(file.getFileName()));
      }
    }
    return copy;
  }

  /** Runs a command; returns its exit code. */
  int run(String... args) {
    stdout.getBuffer().setLength(0);
    stderr.getBuffer().setLength(0);
    return Main.run(new PrintWriter(stdout), new PrintWriter(stderr), args);
  }

  /** Trains into {@link #out} without notes, with more options. */
  int train(String... options) {
    return run(Stream.concat(
        Stream.of("train", recipe.toString(), "--run-dir", out.toString(), "--quiet"),
        Stream.of(options)).toArray(String[]::new));
  }

  String stdout() {
    return stdout.toString();
  }

  List<String> stderr() {
    return stderr.toString().lines().toList();
  }
}
