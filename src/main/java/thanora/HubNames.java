package thanora;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import thanora.hub.Dataset;
import thanora.hub.Hub;
import thanora.hub.HubListener;
import thanora.hub.HubSettings;
import thanora.hub.ModelName;
import thanora.hub.Repo;
import thanora.train.StoppedException;

/**
 * Models and data sets that a recipe calls by their names on the hub. Before a run they are fetched and
 * their names get the commit, {@code ORG/NAME@COMMIT}; such a recipe means the same files for ever, and
 * what it means is found in the cache without a question to anyone.
 */
public final class HubNames {
  private HubNames() {}

  /** The name for a model; empty if it is the demo's, or a path. */
  static Optional<ModelName> model(String model) {
    return model.equals(Recipe.DEMO_MODEL) ? Optional.empty() : ModelName.of(model);
  }

  /** What to say of a folder that is no model and has the name of one on the hub. */
  public static Optional<String> hidden(String model) {
    return ModelName.isHidden(model) && !Files.isRegularFile(Path.of(model))
        && !Files.exists(Path.of(model).resolve("config.json"))
        ? Optional.of("model " + model + " is the folder here, not the hub's model of that name") : Optional.empty();
  }

  /**
   * Fetches all files that the recipe's names stand for.
   *
   * @return the recipe with commits in its names
   * @throws thanora.hub.HubException in one line, if something cannot be had
   */
  public static Recipe fetch(Recipe recipe, RunListener listener) {
    boolean named = model(recipe.model()).isPresent()
        || recipe.tasks().stream().anyMatch(task -> task.dataset().isPresent());
    if (!named) {
      return recipe;
    }
    Hub hub = hub(listener);
    List<Recipe.Task> tasks = new ArrayList<>();
    for (Recipe.Task task : recipe.tasks()) {
      tasks.add(task.dataset().isEmpty() ? task : fetch(hub, task));
    }
    String model = model(recipe.model()).map(name -> hub.model(name).name().toString()).orElse(recipe.model());
    return recipe.withNames(model, tasks);
  }

  /**
   * The same for a run that may go on: names without a revision then mean what they meant when it began.
   *
   * @param folder of the run
   */
  public static Recipe fetch(Recipe recipe, Path folder, RunListener listener) {
    boolean goesOn = Files.isRegularFile(folder.resolve("recipe.yaml"));
    return fetch(goesOn
        ? withRevisions(recipe, RunFolder.recipeOf(folder, List.of(), note -> {})) : recipe, listener);
  }

  private static Recipe.Task fetch(Hub hub, Recipe.Task task) {
    Dataset dataset = hub.dataset(Repo.dataset(task.dataset().get()), task.config());
    Stream.of(task.train(), task.test(), task.validation()).flatMap(List::stream).forEach(dataset::split);
    return RecipeTasks.withDataset(task, dataset.repo().toString());
  }

  /**
   * Fetches a model if what is given is a name.
   *
   * @return the name with its commit; what was given if that is a path
   */
  public static String fetch(String model, RunListener listener) {
    return model(model).map(name -> hub(listener).model(name).name().toString()).orElse(model);
  }

  /**
   * What a download came to.
   *
   * @param name with its commit
   * @param path the folder or file in the cache
   */
  public record Fetched(String name, Path path) {}

  /**
   * Fetches a model by its name, whatever folder there is here.
   *
   * @throws IllegalArgumentException if it is no name
   */
  public static Fetched fetchModel(String name, RunListener listener) {
    ModelName model = ModelName.parse(name).orElseThrow(() -> new IllegalArgumentException(
        name + " is not the name of a model; write it as ORG/NAME, ORG/NAME@REVISION or ORG/NAME/FILE.gguf"));
    Hub.Model fetched = hub(listener).model(model);
    return new Fetched(fetched.name().toString(), fetched.path());
  }

  /** Fetches all splits of a data set. */
  public static Fetched fetchDataset(String name, Optional<String> config, RunListener listener) {
    Dataset dataset = hub(listener).dataset(Repo.dataset(name), config);
    dataset.splits().forEach(dataset::split);
    return new Fetched(dataset.repo().toString(), dataset.folder());
  }

  /** The path that a recipe's {@code model} means; fetches without a word what is not in the cache. */
  static Path path(String model) {
    return model(model).map(name -> Hub.standard().model(name).path()).orElseGet(() -> Path.of(model));
  }

  /** The files of a task that a key names: splits of its data set, or files and globs. */
  static List<Path> files(Recipe recipe, Recipe.Task task, List<String> names) {
    if (task.dataset().isEmpty() || names.isEmpty()) {
      return recipe.files(names);
    }
    Dataset dataset = Hub.standard().dataset(Repo.dataset(task.dataset().get()), task.config());
    return names.stream().flatMap(name -> dataset.split(name).stream()).toList();
  }

  /** The recipe with the run's commits where it gives the same names without a revision. */
  static Recipe withRevisions(Recipe given, Recipe run) {
    List<Recipe.Task> tasks = new ArrayList<>();
    for (Recipe.Task task : given.tasks()) {
      Optional<String> before = run.tasks().stream().filter(other -> other.name().equals(task.name()))
          .flatMap(other -> other.dataset().stream()).findFirst();
      tasks.add(task.dataset().isPresent() && before.isPresent()
          ? RecipeTasks.withDataset(task, withRevision(task.dataset().get(), before.get())) : task);
    }
    return given.withNames(withRevision(given.model(), run.model()), tasks);
  }

  private static String withRevision(String given, String run) {
    boolean same = run.startsWith(given + "@") && run.substring(given.length() + 1).matches("[0-9a-f]{40}");
    return same ? run : given;
  }

  private static Hub hub(RunListener listener) {
    HubSettings settings = HubSettings.standard();
    return new Hub(settings, new Shown(listener, settings.progress()));
  }

  /** A download as a stage of a run, in megabytes. */
  private static final class Shown implements HubListener {
    private static final double MEGABYTE = 1e6;

    private final RunListener listener;
    private final boolean progress;
    private String what = "";
    private boolean shows;

    Shown(RunListener listener, boolean progress) {
      this.listener = listener;
      this.progress = progress;
    }

    @Override
    public void begin(Repo repo, long bytes) {
      what = repo.name();
      shows = progress && bytes >= MEGABYTE;
      if (shows) {
        listener.stage("download " + what + ", MB", Math.round(bytes / MEGABYTE));
      }
    }

    @Override
    public void fetched(long bytes) {
      if (listener.stopRequested()) {
        throw new StoppedException("stopped in the download of " + what + ", which will go on where it is");
      }
      if (shows) {
        listener.advanced(Math.round(bytes / MEGABYTE));
      }
    }

    @Override
    public void note(String line) {
      listener.note(line);
    }
  }
}
