package thanora.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;
import picocli.CommandLine.Option;
import thanora.RunFolder;
import thanora.train.StoppedException;

/** Where a run is kept. */
final class RunOptions {
  @Option(
      names = "--run-dir",
      paramLabel = "DIR",
      description = "Folder of the run; the first free runs/NAME if left out.")
  Optional<Path> runDir = Optional.empty();

  @Option(
      names = "--resume",
      description = "Go on with the run in --run-dir from its last checkpoint.")
  boolean resume;

  /**
   * Takes the folder.
   *
   * @param name what a folder that is not given is called
   * @throws IllegalArgumentException if a run is to be resumed and no folder is given
   */
  RunFolder create(String name, Consumer<String> notes) {
    if (resume && runDir.isEmpty()) {
      throw new IllegalArgumentException("--resume needs the folder of the run; give --run-dir");
    }
    return RunFolder.create(runDir.orElseGet(() -> free(name)), resume, notes);
  }

  /** The same, with how to go on. */
  static StoppedException resumable(StoppedException stopped, RunFolder folder) {
    return new StoppedException(stopped.getMessage() + (folder.holdsRun()
        ? "; go on with the same command and --resume --run-dir " + folder.path()
        : "; nothing was written"));
  }

  /** runs/NAME, or the first of runs/NAME-2, runs/NAME-3, ... that is not there. */
  private static Path free(String name) {
    Path runs = Path.of("runs");
    Path folder = runs.resolve(name);
    for (int i = 2; Files.exists(folder); i++) {
      folder = runs.resolve(name + "-" + i);
    }
    return folder;
  }

  /** The name of a recipe file without its ending. */
  static String nameOf(Path recipe) {
    return recipe.getFileName().toString().replaceFirst("\\.ya?ml$", "");
  }
}
