package thanora.cli;

import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import thanora.LoadedModel;
import thanora.Recipe;
import thanora.RecipeReader;
import thanora.RunFolder;
import thanora.TrainedModel;

@Command(
    name = "merge",
    description = {
      "Merges the adapter of a run into its base and writes a Hugging Face folder, after checking"
          + " that both give the same logits and scores."
    },
    footer = {
      "",
      "Example: thanora merge runs/a --out merged"
    })
final class MergeCommand implements Callable<Integer> {
  @Mixin private WriteOptions write;
  @Mixin private RunArgument run;
  @Mixin private RecipeOptions options;
  @Mixin private OutputOptions output;

  @Override
  public Integer call() {
    Path out = write.free();
    Recipe recipe =
        RunFolder.recipeOf(run.folder(), options.overrides(), output::note).withAbsolutePaths();
    RecipeReader.requireFiles(recipe);
    Optional<Path> adapter = Optional.of(TrainedModel.adapterOf(run.folder()));
    try (StopSignals signals = StopSignals.take(output.err());
        RunDisplay display = new RunDisplay(output);
        TrainedModel model = TrainedModel.open(LoadedModel.load(recipe, display), adapter)) {
      write.logits.ifPresent(file -> model.writeLogits(recipe, file, display));
      TrainedModel.MergeReport report = model.merge(recipe, out, display);
      display.close();
      output.result(Scores.tree(report, out), Scores.of(report) + "\n\nmerged model: " + out);
    }
    return 0;
  }
}
