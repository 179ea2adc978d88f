package thanora.cli;

import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import thanora.LoadedModel;
import thanora.Recipe;
import thanora.RunFolder;
import thanora.TrainedModel;

@Command(
    name = "merge",
    description = {
      "Merges the adapter of a run into its base and writes a Hugging Face folder, or a GGUF file for"
          + " llama.cpp, after checking that both give the same logits and scores. Of a model that sees images"
          + " the part that does goes into a second file, mmproj-NAME.gguf."
    },
    footer = {
      "",
      "Example: thanora merge runs/a --out merged",
      "         thanora merge runs/a --format gguf --outtype q8_0 --out model.gguf"
    })
final class MergeCommand implements Callable<Integer> {
  /** Formats of models. */
  enum Format {
    HF,
    GGUF;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      description = "One of ${COMPLETION-CANDIDATES}; if left out, gguf where --out ends in .gguf, else hf.")
  private Optional<Format> format = Optional.empty();

  @Mixin private WriteOptions write;
  @Mixin private GgufOptions gguf;
  @Mixin private RunArgument run;
  @Mixin private RecipeOptions options;
  @Mixin private OutputOptions output;

  @Override
  public Integer call() {
    Path out = write.free();
    boolean toGguf = gguf.chosen(format, Format.GGUF, out);
    Recipe recipe = output.fetched(
        RunFolder.recipeOf(run.folder(), options.overrides(), output::note).withAbsolutePaths());
    Optional<Path> adapter = Optional.of(TrainedModel.adapterOf(run.folder()));
    try (StopSignals signals = StopSignals.take(output.err());
        RunDisplay display = new RunDisplay(output);
        TrainedModel model = TrainedModel.open(LoadedModel.load(recipe, display), adapter)) {
      write.logits.ifPresent(file -> model.writeLogits(recipe, file, display));
      TrainedModel.MergeReport report = toGguf
          ? model.mergeGguf(recipe, out, gguf.type(GgufOptions.Type.AUTO), display)
          : model.merge(recipe, out, display);
      display.close();
      Optional<Path> vision =
          toGguf && model.seesImages() ? Optional.of(TrainedModel.visionFile(out)) : Optional.empty();
      output.result(Scores.tree(report, out, vision), Scores.of(report) + "\n\nmerged model: " + out
          + vision.map(file -> "\nfor images:   " + file).orElse(""));
    }
    return 0;
  }
}
