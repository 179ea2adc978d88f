package thanora.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import thanora.Recipe;
import thanora.RecipeDraft;
import thanora.hub.ModelName;

@Command(
    name = "init",
    description = {
      "Writes a first recipe for the rows of a folder, with a comment for every choice. On a terminal it asks for"
          + " what is not given. It overwrites nothing."
    },
    footer = {
      "",
      "Files: TASK/train.jsonl and TASK/test.jsonl, TASK.jsonl, TASK-train.jsonl and TASK-test.jsonl; rows are",
      "{\"prompt\": ..., \"completion\": ...}. Of a task without test rows some are held out.",
      "",
      "Example: thanora init data --model models/SmolLM2-135M-Instruct --out recipe.yaml"
    })
final class InitCommand implements Callable<Integer> {
  private static final String FILE = "recipe.yaml";

  @Parameters(arity = "0..1", paramLabel = "FOLDER", description = "The folder of rows; the one you are in if left out.")
  private Optional<Path> folder = Optional.empty();

  @Option(
      names = "--model",
      paramLabel = "MODEL",
      description = "A Hugging Face folder, a .gguf file, a name on the hub such as ORG/NAME, or demo, which is meant"
          + " if left out.")
  private Optional<String> model = Optional.empty();

  @Option(names = "--out", paramLabel = "FILE", description = "The recipe to write; " + FILE + " if left out.")
  private Optional<Path> out = Optional.empty();

  @Option(names = {"-y", "--yes"}, description = "Ask nothing.")
  private boolean yes;

  @Mixin private OutputOptions output;

  @Override
  public Integer call() throws IOException {
    Optional<BufferedReader> terminal = yes || output.quiet || output.json || !Terminal.asks()
        ? Optional.empty() : Optional.of(new BufferedReader(new InputStreamReader(System.in, Charset.defaultCharset())));
    Path data = folder.isPresent() ? folder.get() : Path.of(ask(terminal, "Folder of the tasks' rows", "."));
    String base = model.isPresent() ? model.get()
        : ask(terminal, "Model: a Hugging Face folder, a .gguf file, a name on the hub, or demo", Recipe.DEMO_MODEL);
    boolean named = base.equals(Recipe.DEMO_MODEL) || ModelName.of(base).isPresent();
    if (!named && !Files.exists(Path.of(base))) {
      throw new IllegalArgumentException("--model " + base
          + " does not exist; give a Hugging Face folder, a .gguf file, a name on the hub or demo");
    }
    output.fetched(base);
    Path file = out.isPresent() ? out.get() : Path.of(ask(terminal, "Recipe to write", FILE));
    List<String> tasks = RecipeDraft.write(data, base, file, output::note);
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("recipe", file.toString());
    tree.put("tasks", tasks);
    output.result(tree, "recipe: " + file + ", " + tasks.size() + (tasks.size() == 1 ? " task: " : " tasks: ")
        + String.join(", ", tasks) + "\nnext: thanora plan " + file + "\n      thanora train " + file);
    return 0;
  }

  /** The answer; what is left out where there is nobody to ask, or the answer is empty. */
  private String ask(Optional<BufferedReader> terminal, String question, String leftOut) throws IOException {
    if (terminal.isEmpty()) {
      return leftOut;
    }
    output.err().print(question + " [" + leftOut + "]: ");
    output.err().flush();
    String answer = terminal.get().readLine();
    return answer == null || answer.isBlank() ? leftOut : answer.strip();
  }
}
