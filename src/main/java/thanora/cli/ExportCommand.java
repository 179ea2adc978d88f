package thanora.cli;

import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import thanora.LoadedModel;
import thanora.Recipe;
import thanora.RecipeReader;
import thanora.RunFolder;
import thanora.TrainedModel;
import thanora.checkpoint.OutType;

@Command(
    name = "export",
    description = "Writes the adapter of a run in the format of another tool.",
    footer = {
      "",
      "Example: thanora export runs/a --out adapter",
      "         thanora export runs/a --format gguf --out adapter.gguf"
    })
final class ExportCommand implements Callable<Integer> {
  /** Formats of adapters. */
  enum Format {
    PEFT,
    GGUF;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      description = "One of ${COMPLETION-CANDIDATES}; if left out, gguf where --out ends in .gguf, else peft.")
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
    Recipe recipe =
        RunFolder.recipeOf(run.folder(), options.overrides(), output::note).withAbsolutePaths();
    if (write.logits.isPresent()) {
      RecipeReader.requireFiles(recipe);
    }
    Optional<Path> adapter = Optional.of(TrainedModel.adapterOf(run.folder()));
    try (StopSignals signals = StopSignals.take(output.err());
        RunDisplay display = new RunDisplay(output);
        TrainedModel model = TrainedModel.open(LoadedModel.load(recipe, display), adapter)) {
      model.warnings().forEach(display::note);
      write.logits.ifPresent(file -> model.writeLogits(recipe, file, display));
      display.stage("export", 1);
      if (toGguf) {
        model.exportGguf(out, gguf.type(GgufOptions.Type.F32).orElse(OutType.F16));
      } else {
        display.note(model.export(out));
      }
      display.advanced(1);
      display.close();
      output.result(
          new TreeMap<>(Map.of(
              "format", (toGguf ? Format.GGUF : Format.PEFT).toString(), "out", out.toString())),
          "adapter: " + out);
    }
    return 0;
  }
}
