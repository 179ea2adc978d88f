package thanora;

import java.util.Map;

/** Receives what a run is doing, to show it. All methods may be left out. */
public interface RunListener {
  /** Shows nothing. */
  RunListener SILENT = new RunListener() {};

  /** A stage of {@code total} equal parts, 0 if nobody knows, begins; the one before has ended. */
  default void stage(String name, long total) {}

  /** So many parts of the stage are done. */
  default void advanced(long done) {}

  /** Training goes on after that step. */
  default void resumed(long step) {}

  /** So many training steps are done, with the loss of every task in the last one. */
  default void trained(long step, Map<String, Double> taskLoss) {}

  /**
   * Asked once a training step: whether to save a checkpoint and stop. Elsewhere a listener stops a
   * run by throwing {@link thanora.train.StoppedException}.
   */
  default boolean stopRequested() {
    return false;
  }

  /** A line worth reading. */
  default void note(String line) {}
}
