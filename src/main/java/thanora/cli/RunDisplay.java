package thanora.cli;

import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import thanora.RunListener;
import thanora.train.StoppedException;

/** Shows a run on standard error: one progress line a stage. */
final class RunDisplay implements RunListener, AutoCloseable {
  private final OutputOptions output;
  /** Notes already shown: a demo reads the same rows three times. */
  private final Set<String> said = new HashSet<>();
  private Progress progress;
  private String name = "";

  RunDisplay(OutputOptions output) {
    this.output = output;
  }

  @Override
  public void stage(String name, long total) {
    close();
    stopIfAsked(name);
    this.name = name;
    progress = output.progress(name, Math.toIntExact(total));
    progress.begin();
  }

  @Override
  public void advanced(long done) {
    progress.update(Math.toIntExact(done));
    stopIfAsked(name);
  }

  /** Between steps of training the loop stops by itself, after a checkpoint. */
  private void stopIfAsked(String stage) {
    if (StopSignals.received()) {
      throw new StoppedException("stopped in " + stage);
    }
  }

  @Override
  public boolean stopRequested() {
    return StopSignals.received();
  }

  @Override
  public void resumed(long step) {
    progress.from(Math.toIntExact(step));
  }

  @Override
  public void trained(long step, Map<String, Double> taskLoss) {
    progress.update(Math.toIntExact(step), taskLoss);
  }

  @Override
  public void note(String line) {
    if (!said.add(line)) {
      return;
    }
    if (progress == null) {
      output.note(line);
    } else if (!output.quiet) {
      progress.say(line);
    }
  }

  /** Ends the line of the last stage. */
  @Override
  public void close() {
    if (progress != null) {
      progress.close();
      progress = null;
    }
  }
}
