package thanora.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import picocli.CommandLine.Option;
import thanora.Recipe;
import thanora.RecipeReader;
import thanora.RunFolder;

/** Options that change a recipe. */
final class RecipeOptions {
  @Option(names = "--seed", paramLabel = "N", description = "Seed of everything random.")
  Optional<Long> seed = Optional.empty();

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "Change a key of the recipe, as in train.max_steps=9. May be repeated.")
  List<String> set = new ArrayList<>();

  @Option(
      names = "--model",
      paramLabel = "MODEL",
      description = "A Hugging Face folder, a .gguf file, a name on the hub such as ORG/NAME, or demo.")
  Optional<String> model = Optional.empty();

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description = "Folder that relative files of tasks are in.")
  Optional<String> data = Optional.empty();

  /** All changes as {@code key=value}; those with an option of their own come last and win. */
  List<String> overrides() {
    List<String> overrides = new ArrayList<>(set);
    seed.ifPresent(value -> overrides.add("seed=" + value));
    model.ifPresent(value -> overrides.add("model=" + value));
    data.ifPresent(value -> overrides.add("data=" + value));
    return overrides;
  }

  /** Reads a recipe file with the changes. */
  Recipe read(Path file, Consumer<String> notes) {
    return RecipeReader.read(file, overrides(), notes);
  }

  /** Reads the recipe of a run folder, or a recipe file, with the changes. */
  Recipe readRunOrRecipe(Path path, Consumer<String> notes) {
    return Files.isDirectory(path)
        ? RunFolder.recipeOf(path, overrides(), notes)
        : read(path, notes);
  }
}
