package thanora.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import thanora.LoadedModel;
import thanora.Recipe;
import thanora.RunFolder;
import thanora.TrainedModel;

@Command(
    name = "generate",
    description = "Answers a prompt with a model, a model and an adapter, or the model of a run.",
    footer = {
      "",
      "Example: thanora generate --run runs/a --prompt 'twelve plus three'"
    })
final class GenerateCommand implements Callable<Integer> {
  /** The adapter comes from one place. */
  static final class Source {
    @Option(names = "--adapter", paramLabel = "DIR", description = "An adapter in PEFT's format.")
    Optional<Path> adapter = Optional.empty();

    @Option(
        names = {"--run", "--run-dir"},
        paramLabel = "DIR",
        description = "A run folder: its model and its adapter.")
    Optional<Path> run = Optional.empty();
  }

  @Option(
      names = "--model",
      paramLabel = "PATH",
      description = "A Hugging Face folder, a .gguf file, or demo.")
  private Optional<String> model = Optional.empty();

  @ArgGroup(exclusive = true)
  private Source source = new Source();

  @Option(names = "--prompt", required = true, paramLabel = "TEXT", description = "The prompt.")
  private String prompt;

  @Option(
      names = "--max-new-tokens",
      paramLabel = "N",
      description = "Most tokens of the answer; ${DEFAULT-VALUE}.")
  private int maxNewTokens = 128;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Taken for scripts; answers are greedy, the same for every seed.")
  private Optional<Long> seed = Optional.empty();

  @Mixin private OutputOptions output;

  @Override
  public Integer call() {
    if (model.isEmpty() && source.run.isEmpty()) {
      throw new IllegalArgumentException("no model is given; give --model PATH or --run DIR");
    }
    if (maxNewTokens < 1) {
      throw new IllegalArgumentException(
          "--max-new-tokens " + maxNewTokens + " is smaller than 1; give 1 or more");
    }
    Optional<Path> adapter = source.adapter.map(TrainedModel::requireAdapter)
        .or(() -> source.run.map(TrainedModel::adapterOf));
    try (RunDisplay display = new RunDisplay(output);
        TrainedModel trained = TrainedModel.open(load(display), adapter)) {
      trained.warnings().forEach(display::note);
      display.close();
      String answer = trained.answer(prompt, maxNewTokens);
      output.result(new TreeMap<>(Map.of("prompt", prompt, "answer", answer)), answer);
    }
    return 0;
  }

  /** The model that is named, or that of the run, on the run's device. */
  private LoadedModel load(RunDisplay display) {
    if (source.run.isEmpty()) {
      return LoadedModel.load(model.orElseThrow(), "auto", Recipe.Dtype.AUTO, 0, display);
    }
    List<String> changes = model.map(path -> List.of("model=" + path)).orElse(List.of());
    return LoadedModel.load(
        RunFolder.recipeOf(source.run.get(), changes, output::note).withAbsolutePaths(), display);
  }
}
