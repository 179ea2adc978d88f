package thanora.cli;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;
import thanora.FineTune;
import thanora.HubNames;
import thanora.Recipe;
import thanora.RecipeReader;
import thanora.RunFolder;
import thanora.RunSummary;
import thanora.train.StoppedException;

@Command(
    name = "train",
    description = "Trains one adapter on all tasks of a recipe and scores them before and after.",
    footer = {
      "",
      "Example: thanora train recipe.yaml --run-dir runs/a --set train.max_steps=200",
      "         thanora train recipe.yaml --run-dir runs/a --resume"
    })
final class TrainCommand implements Callable<Integer> {
  @Parameters(paramLabel = "RECIPE", description = "A recipe file; see docs/recipe.md.")
  private Path file;

  @Mixin private RecipeOptions options;
  @Mixin private RunOptions run;
  @Mixin private OutputOptions output;

  @Override
  public Integer call() {
    Recipe given = options.read(file, output::note).withAbsolutePaths();
    RecipeReader.requireFiles(given);
    try (StopSignals signals = StopSignals.take(output.err());
        RunFolder folder = run.create(RunOptions.nameOf(file), output::note);
        RunDisplay display = new RunDisplay(output)) {
      RunSummary summary = train(given, folder, display);
      display.close();
      output.result(summary.toTree(), Scores.of(summary) + "\n\nrun folder: " + folder.path()
          + "\nnext: thanora merge " + folder.path() + " --out merged-model");
    }
    return 0;
  }

  private static RunSummary train(Recipe given, RunFolder folder, RunDisplay display) {
    try {
      return FineTune.run(HubNames.fetch(given, folder.path(), display), folder, display);
    } catch (StoppedException e) {
      throw RunOptions.resumable(e, folder);
    }
  }
}
