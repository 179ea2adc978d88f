package thanora.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Option;
import thanora.LoadedModel;
import thanora.NamedAdapters;
import thanora.Recipe;
import thanora.RunFolder;
import thanora.TrainedModel;

/** Which model answers, and which adapters on it. */
final class ModelOptions {
  @Option(
      names = "--model",
      paramLabel = "MODEL",
      description = "A Hugging Face folder, a .gguf file, a name on the hub such as ORG/NAME, or demo.")
  private Optional<String> model = Optional.empty();

  @Option(
      names = "--adapter",
      paramLabel = "[NAME=]DIR",
      description = "An adapter in PEFT's format; its name is that of the folder if none is given.")
  private List<String> adapters = new ArrayList<>();

  @Option(
      names = {"--run", "--run-dir"},
      paramLabel = "DIR",
      description = "A run folder: its model and its adapter.")
  private Optional<Path> run = Optional.empty();

  /** Loads the model that is named, or that of the run, on the run's device. */
  NamedAdapters open(OutputOptions output) {
    if (model.isEmpty() && run.isEmpty()) {
      throw new IllegalArgumentException("no model is given; give --model MODEL or --run DIR");
    }
    if (run.isPresent() && !adapters.isEmpty()) {
      throw new IllegalArgumentException("--run and --adapter: the run has an adapter of its own; give one of the two");
    }
    Map<String, Path> named = run.isEmpty() ? named() : Map.of();
    Optional<Path> trained = run.map(TrainedModel::adapterOf);
    Optional<String> fetched = model.map(output::fetched);
    Optional<Recipe> recipe = run.map(folder -> RunFolder.recipeOf(folder,
        fetched.map(path -> List.of("model=" + path)).orElse(List.of()), output::note).withAbsolutePaths());
    String base = name(Path.of(recipe.map(Recipe::model).or(() -> model).get().replaceFirst("@.*", "")));
    if (trained.isPresent()) {
      String name = name(run.get());
      named = Map.of(name.equals(base) ? name + "-adapter" : name, trained.get());
    }
    try (RunDisplay display = new RunDisplay(output)) {
      LoadedModel loaded = recipe.isPresent() ? LoadedModel.load(recipe.get(), display)
          : LoadedModel.load(fetched.get(), "auto", Recipe.Dtype.AUTO, 0, display);
      loaded.warnings().forEach(display::note);
      return NamedAdapters.open(loaded, base, named);
    }
  }

  private Map<String, Path> named() {
    Map<String, Path> named = new LinkedHashMap<>();
    for (String given : adapters) {
      int at = given.indexOf('=');
      Path folder = TrainedModel.requireAdapter(Path.of(given.substring(at + 1)));
      String name = at < 0 ? name(folder) : given.substring(0, at);
      if (name.isEmpty() || named.put(name, folder) != null) {
        throw new IllegalArgumentException("--adapter " + given + ": "
            + (name.isEmpty() ? "the name is empty" : "there is another of this name") + "; give NAME=DIR");
      }
    }
    return named;
  }

  /** The last part of a path, without the ending of a file of weights. */
  private static String name(Path path) {
    String name = path.toAbsolutePath().normalize().getFileName().toString();
    return name.endsWith(".gguf") ? name.substring(0, name.length() - ".gguf".length()) : name;
  }
}
