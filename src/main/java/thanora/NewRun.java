package thanora;

import java.nio.file.Path;

/**
 * A run that has not begun: {@code FineTune.from(recipe).runIn(folder).run(listener)}.
 *
 * @param folder where plan, log, checkpoints, adapter and summary will go
 * @param resume whether to go on with the run that the folder holds, if it holds one
 */
public record NewRun(Recipe recipe, Path folder, boolean resume) {
  /** The same in another folder. */
  public NewRun runIn(Path other) {
    return new NewRun(recipe, other, resume);
  }

  /** The same, going on with what the folder holds. */
  public NewRun resuming() {
    return new NewRun(recipe, folder, true);
  }

  /** Runs to the end, and shows nothing. */
  public RunSummary run() {
    return run(RunListener.SILENT);
  }

  /**
   * Runs to the end.
   *
   * @throws RecipeException if files are missing, or the folder holds a run of another recipe
   * @throws RunFolderException if the folder is in use, or holds a run and is not {@link #resuming}
   * @throws thanora.train.StoppedException if the listener asked for a stop; a checkpoint is there then
   */
  public RunSummary run(RunListener listener) {
    Recipe absolute = recipe.withAbsolutePaths();
    RecipeReader.requireFiles(absolute);
    try (RunFolder run = RunFolder.create(folder, resume, listener::note)) {
      return FineTune.run(absolute, run, listener);
    }
  }
}
