package thanora.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import thanora.FineTune;
import thanora.Recipe;
import thanora.checkpoint.AtomicFiles;
import thanora.hasi.RankPlan;
import thanora.hasi.RankPlanTable;

@Command(
    name = "analyze",
    description = {
      "Makes the rank plan without training: entropies, shares, ranks and overlap of the tasks by"
          + " module. The plan can be edited and given back as --set plan=FILE."
    },
    footer = {
      "",
      "Example: thanora analyze recipes/demo.yaml --data runs/first/data --out plan.json"
    })
final class AnalyzeCommand implements Callable<Integer> {
  @Parameters(paramLabel = "RECIPE", description = "A recipe file; see docs/recipe.md.")
  private Path file;

  @Option(
      names = "--out",
      paramLabel = "FILE",
      description = "The plan to write; plan.json in --run-dir if left out.")
  private Optional<Path> out = Optional.empty();

  @Option(
      names = "--run-dir",
      paramLabel = "DIR",
      description = "Folder for plan.json; the one you are in if left out.")
  private Path folder = Path.of("");

  @Option(names = "--force", description = "Replace the file if it is there.")
  private boolean force;

  @Mixin private RecipeOptions options;
  @Mixin private OutputOptions output;

  private Path plan() {
    return out.orElse(folder.resolve("plan.json"));
  }

  @Override
  public Integer call() throws IOException {
    Recipe recipe = output.fetched(
        options.read(file, output::note).withAbsolutePaths());
    if (Files.exists(plan()) && !force) {
      throw new IllegalArgumentException(
          plan() + " is there already; give another --out, or --force to replace it");
    }
    requireWritable(plan().toAbsolutePath().getParent());
    try (RunDisplay display = new RunDisplay(output)) {
      RankPlan plan = FineTune.analyze(recipe, display);
      Files.createDirectories(plan().toAbsolutePath().getParent());
      AtomicFiles.write(plan(), plan.toJson());
      display.close();
      output.result(plan.toJson(), RankPlanTable.byKind(plan) + "\n\nplan: " + plan()
          + "\nnext: edit it if you like, and train with --set plan=" + plan());
    }
    return 0;
  }

  /** Before minutes of work: the folder is there, or can be made. */
  private static void requireWritable(Path parent) {
    Path there = parent;
    while (there.getParent() != null && !Files.exists(there)) {
      there = there.getParent();
    }
    if (!Files.isDirectory(there) || !Files.isWritable(there)) {
      throw new IllegalArgumentException(
          there + " is not a folder that can be written to; give another --out or --run-dir");
    }
  }
}
