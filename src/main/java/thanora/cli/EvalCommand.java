package thanora.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import thanora.LoadedModel;
import thanora.Recipe;
import thanora.TrainedModel;
import thanora.eval.LmEvalFiles;
import thanora.eval.ScoredTask;
import thanora.eval.TaskScore;

@Command(
    name = "eval",
    description = {
      "Scores every task on its test rows: with the adapter where RUN is the folder of a run, with"
          + " the base alone where it is a recipe file."
    },
    footer = {
      "",
      "Example: thanora eval runs/a",
      "         thanora eval recipe.yaml --adapter DIR",
      "         thanora eval runs/a --output-path results"
    })
final class EvalCommand implements Callable<Integer> {
  @Option(names = "--adapter", paramLabel = "DIR", description = "An adapter in PEFT's format.")
  private Optional<Path> adapter = Optional.empty();

  @Option(
      names = "--output-path",
      paramLabel = "DIR",
      description = "Also writes results_*.json and samples_*.jsonl there, as lm-evaluation-harness does, in a"
          + " folder named after the model.")
  private Optional<Path> outputPath = Optional.empty();

  @Mixin private RunArgument run;
  @Mixin private RecipeOptions options;
  @Mixin private OutputOptions output;

  @Override
  public Integer call() {
    Recipe recipe = output.fetched(
        options.readRunOrRecipe(run.folder(), output::note).withAbsolutePaths());
    Optional<Path> from = adapter.map(TrainedModel::requireAdapter).or(() -> Files.isDirectory(run.folder())
        ? Optional.of(TrainedModel.adapterOf(run.folder())) : Optional.empty());
    outputPath.ifPresent(EvalCommand::requireFolder);
    long start = System.currentTimeMillis();
    try (RunDisplay display = new RunDisplay(output);
        TrainedModel model = TrainedModel.open(LoadedModel.load(recipe, display), from)) {
      Map<String, ScoredTask> rows = model.rows(recipe, display);
      display.close();
      double seconds = (System.currentTimeMillis() - start) / 1e3;
      outputPath.map(folder -> LmEvalFiles.write(folder, described(recipe, from, start / 1e3, seconds), rows))
          .ifPresent(file -> output.note("results: " + file));
      Map<String, TaskScore> scores = ScoredTask.totals(rows);
      output.result(Scores.tree(scores), Scores.of(scores));
    }
    return 0;
  }

  private static void requireFolder(Path path) {
    if (Files.exists(path) && !Files.isDirectory(path)) {
      throw new IllegalArgumentException("--output-path " + path + ": is a file; name a folder");
    }
  }

  /** A run goes by the name of its folder, an adapter likewise, the base by its own. */
  private LmEvalFiles.Model described(Recipe recipe, Optional<Path> adapter, double date, double seconds) {
    String name = this.adapter.map(Path::toString).orElse(
        adapter.isPresent() ? run.folder().normalize().toString() : recipe.model());
    return new LmEvalFiles.Model(name, recipe.model(), adapter.map(Path::toString).orElse(""),
        recipe.eval().batchSize(), recipe.device(), recipe.eval().maxRows(), recipe.seed(), date, seconds);
  }
}
