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
import thanora.RecipeReader;
import thanora.TrainedModel;
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
      "         thanora eval recipe.yaml --adapter DIR"
    })
final class EvalCommand implements Callable<Integer> {
  @Option(names = "--adapter", paramLabel = "DIR", description = "An adapter in PEFT's format.")
  private Optional<Path> adapter = Optional.empty();

  @Mixin private RunArgument run;
  @Mixin private RecipeOptions options;
  @Mixin private OutputOptions output;

  @Override
  public Integer call() {
    Recipe recipe = options.readRunOrRecipe(run.folder(), output::note).withAbsolutePaths();
    RecipeReader.requireFiles(recipe);
    Optional<Path> from = adapter.map(TrainedModel::requireAdapter).or(() -> Files.isDirectory(run.folder())
        ? Optional.of(TrainedModel.adapterOf(run.folder())) : Optional.empty());
    try (RunDisplay display = new RunDisplay(output);
        TrainedModel model = TrainedModel.open(LoadedModel.load(recipe, display), from)) {
      Map<String, TaskScore> scores = model.score(recipe, display);
      display.close();
      output.result(Scores.tree(scores), Scores.of(scores));
    }
    return 0;
  }
}
