package thanora;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Stream;
import thanora.checkpoint.AtomicFiles;
import thanora.checkpoint.AtomicFolders;
import thanora.checkpoint.CheckpointException;
import thanora.eval.AnswersFile;
import thanora.train.Checkpoints;

/**
 * The folder of one run:
 *
 * <pre>
 * recipe.yaml    the recipe, every default resolved
 * plan.json      entropies, shares, ranks and overlap by module and task
 * log.jsonl      a row a step
 * checkpoints/   step-000123/, each whole or not there
 * adapter/       the result, in PEFT's format
 * answers.jsonl  every scored test row before and after
 * summary.json   scores before and after
 * report.html    all of it to look at
 * </pre>
 *
 * One process at a time writes to it; {@link #close} gives it back.
 */
public final class RunFolder implements AutoCloseable {
  /** Keys that may change when a run goes on: they do not change what is computed. */
  private static final List<String> MAY_CHANGE =
      List.of("train.save_steps", "train.save_total_limit", "eval.", "merge.");

  private final Path folder;
  private final List<Path> made;
  private final RunLock lock;
  private final Consumer<String> notes;

  private RunFolder(Path folder, List<Path> made, RunLock lock, Consumer<String> notes) {
    this.folder = folder;
    this.made = made;
    this.lock = lock;
    this.notes = notes;
  }

  /**
   * Takes a folder for a new run, or for one that goes on.
   *
   * @param resume whether the folder may hold a run; an empty one is then started afresh
   * @param notes gets a line for a lock taken over, leftovers removed and checkpoints skipped
   * @throws RunFolderException if it is in use, cannot be written, or not empty and not resumed
   */
  public static RunFolder create(Path folder, boolean resume, Consumer<String> notes) {
    List<Path> made = missing(folder);
    try {
      Files.createDirectories(folder);
    } catch (FileAlreadyExistsException e) {
      throw new RunFolderException(
          "run folder " + folder + ": is a file; give a folder as --run-dir", e);
    } catch (IOException e) {
      throw new RunFolderException(
          "run folder " + folder + ": cannot be made; check the rights of its parent", e);
    }
    probe(folder);
    RunLock lock = RunLock.take(folder, notes);
    try {
      clean(folder, notes);
      requireFree(folder, resume);
      return new RunFolder(folder, made, lock, notes);
    } catch (RuntimeException e) {
      lock.close();
      throw e;
    }
  }

  /** The folder and those above it that are not there yet, innermost first. */
  private static List<Path> missing(Path folder) {
    List<Path> missing = new ArrayList<>();
    for (Path at = folder.toAbsolutePath(); at != null && !Files.exists(at); at = at.getParent()) {
      missing.add(at);
    }
    return missing;
  }

  /** A real write, force and rename: read-only folders and quotas show before any work is done. */
  private static void probe(Path folder) {
    // with the ending of unfinished files: should this process be killed here, the next one cleans up
    Path probe = folder.resolve(".probe-" + ProcessHandle.current().pid() + AtomicFiles.PART);
    try {
      AtomicFiles.write(probe, "probe");
      Files.deleteIfExists(probe);
    } catch (CheckpointException | IOException e) {
      throw new RunFolderException(
          "run folder " + folder + ": cannot be written to; check its rights and free space", e);
    }
  }

  private static void clean(Path folder, Consumer<String> notes) {
    List<String> removed = new ArrayList<>(AtomicFolders.clean(folder));
    Path checkpoints = folder.resolve("checkpoints");
    if (Files.isDirectory(checkpoints)) {
      removed.addAll(AtomicFolders.clean(checkpoints));
    }
    if (!removed.isEmpty()) {
      notes.accept("run folder " + folder + ": removed what a killed run left: "
          + String.join(", ", removed));
    }
  }

  private static void requireFree(Path folder, boolean resume) {
    List<String> names = names(folder);
    if (names.isEmpty()) {
      return;
    }
    if (!resume) {
      throw new RunFolderException("run folder " + folder + ": is not empty (" + names.get(0)
          + (names.size() > 1 ? " and " + (names.size() - 1) + " more" : "")
          + "); give another --run-dir, or --resume to go on with it");
    }
    if (!names.contains("recipe.yaml")) {
      throw new RunFolderException("run folder " + folder
          + ": holds no recipe.yaml, so it is not a run to resume; give another --run-dir");
    }
  }

  private static List<String> names(Path folder) {
    try (Stream<Path> entries = Files.list(folder)) {
      return entries
          .map(path -> path.getFileName().toString())
          .filter(name -> !name.equals(RunLock.NAME))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new RunFolderException("run folder " + folder + ": cannot be listed; check rights", e);
    }
  }

  /**
   * Reads the recipe of a run without taking the folder.
   *
   * @throws RunFolderException if there is no run in it
   * @throws RecipeException if its recipe was edited into something wrong
   */
  public static Recipe recipeOf(Path folder, List<String> overrides, Consumer<String> notes) {
    Path recipe = folder.resolve("recipe.yaml");
    if (!Files.isRegularFile(recipe)) {
      throw new RunFolderException(
          "run folder " + folder + ": holds no recipe.yaml; give the folder of a run");
    }
    return RecipeReader.read(recipe, overrides, notes);
  }

  /** Whether there is a run to go on with. */
  public boolean holdsRun() {
    return Files.isRegularFile(recipeFile());
  }

  /**
   * Writes recipe.yaml, or checks that the one of the run being resumed is the same.
   *
   * @throws RecipeException naming every key that differs and may not
   */
  public void writeOrCompare(Recipe recipe) {
    if (!holdsRun()) {
      AtomicFiles.write(recipeFile(), recipe.toYaml());
      return;
    }
    List<String> differences = differences(recipeOf(folder, List.of(), notes), recipe);
    if (!differences.isEmpty()) {
      throw new RecipeException(differences);
    }
    AtomicFiles.write(recipeFile(), recipe.toYaml());
  }

  /** Keys that differ and may not when a run goes on, a line each. */
  static List<String> differences(Recipe run, Recipe now) {
    Map<String, String> old = RecipeWriter.flat(run);
    Map<String, String> given = RecipeWriter.flat(now);
    Set<String> keys = new TreeSet<>(old.keySet());
    keys.addAll(given.keySet());
    List<String> lines = new ArrayList<>();
    for (String key : keys) {
      String before = old.getOrDefault(key, "nothing");
      String after = given.getOrDefault(key, "nothing");
      if (!before.equals(after) && MAY_CHANGE.stream().noneMatch(key::startsWith)) {
        lines.add(key + ": " + after + " differs from " + before
            + " of the run; resume with the same, or give another --run-dir");
      }
    }
    return lines;
  }

  /**
   * Checks that there is room before something large is written.
   *
   * @throws RunFolderException naming what is needed and what there is
   */
  public void requireFreeSpace(long bytes) {
    requireFreeSpace(folder, bytes);
  }

  /**
   * Checks that there is room on the disk of a folder.
   *
   * @param folder one that exists
   * @throws RunFolderException naming what is needed and what there is
   */
  public static void requireFreeSpace(Path folder, long bytes) {
    try {
      long free = Files.getFileStore(folder).getUsableSpace();
      if (free < bytes) {
        throw new RunFolderException(folder + ": has " + (free >> 20) + " MiB free, but "
            + ((bytes >> 20) + 1) + " MiB are needed; make room or give another folder");
      }
    } catch (IOException e) {
      throw new RunFolderException(folder + ": free space cannot be read; check the folder", e);
    }
  }

  /** The folder itself. */
  public Path path() {
    return folder;
  }

  public Path recipeFile() {
    return folder.resolve("recipe.yaml");
  }

  public Path planFile() {
    return folder.resolve("plan.json");
  }

  public Path logFile() {
    return folder.resolve("log.jsonl");
  }

  public Path summaryFile() {
    return folder.resolve("summary.json");
  }

  public Path answersFile() {
    return folder.resolve(AnswersFile.FILE);
  }

  public Path environmentFile() {
    return folder.resolve("environment.json");
  }

  public Path adapterFolder() {
    return folder.resolve("adapter");
  }

  /** The checkpoints of this run. */
  public Checkpoints checkpoints(int kept) {
    return new Checkpoints(folder.resolve("checkpoints"), kept, notes);
  }

  /** Gives the folder back, and removes it if it was made for a run that wrote nothing. */
  @Override
  public void close() {
    lock.close();
    try {
      for (Path empty : made) {
        Files.delete(empty);
      }
    } catch (IOException inUse) {
      // Something is in it: a run, mostly.
    }
  }
}
