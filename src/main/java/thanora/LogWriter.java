package thanora;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import thanora.lora.Adapter;
import thanora.lora.Conflicts;
import thanora.lora.Overlaps;
import thanora.train.EventFile;
import thanora.train.MetricsLog;
import thanora.train.Trainer;
import thanora.train.TrainingLoop;

/** Writes what training does to the log and to TensorBoard's events, and shows it. */
final class LogWriter implements TrainingLoop.Listener {
  /** How often in a run the overlap of the tasks' subspaces is measured, at least. */
  private static final int OVERLAPS = 20;

  private final MetricsLog log;
  private final EventFile events;
  private final List<String> tasks;
  private final Adapter adapter;
  private final long steps;
  private final RunListener listener;

  /**
   * For a run.
   *
   * @param steps of the whole run
   */
  LogWriter(
      MetricsLog log, EventFile events, List<String> tasks, Adapter adapter, long steps, RunListener listener) {
    this.log = log;
    this.events = events;
    this.tasks = tasks;
    this.adapter = adapter;
    this.steps = steps;
    this.listener = listener;
  }

  /** Before the first step of a run. */
  void start() {
    overlap(0);
  }

  @Override
  public void step(
      long step, List<Trainer.StepResult> results, double learningRate, double seconds, boolean byTask) {
    Trainer.StepResult result = results.get(0);
    Map<String, Double> losses = byTask(result.taskLoss());
    log.step(new MetricsLog.StepRow((int) step, result.loss(), losses, result.penalty(), learningRate,
        result.gradNorm(), result.tokens(), seconds));
    Map<String, Double> scalars = new LinkedHashMap<>();
    scalars.put("train/loss", result.loss());
    losses.forEach((task, loss) -> scalars.put("train/loss_" + task, loss));
    scalars.put("train/learning_rate", learningRate);
    scalars.put("train/grad_norm", result.gradNorm());
    scalars.put("thanora/spr", result.penalty());
    events.scalars(step, scalars);
    if (byTask) {
      Conflicts conflicts = Conflicts.of(adapter.taskGradients().orElseThrow().grams(0), tasks.size());
      log.event((int) step, "conflicts", Map.of("layers", conflicts.layers(), "pairs", conflicts.pairs()));
    }
    if (step == steps || step % Math.max(1, steps / OVERLAPS) == 0) {
      overlap(step);
    }
    if (!result.applied()) {
      listener.note("step " + step + ": the gradient was not finite; nothing was changed");
    }
    listener.trained(step, losses);
  }

  private void overlap(long step) {
    Overlaps.of(adapter).ifPresent(overlaps -> {
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("layers_a", overlaps.layersA());
      row.put("layers_b", overlaps.layersB());
      row.put("pairs_a", overlaps.pairsA());
      row.put("pairs_b", overlaps.pairsB());
      log.event((int) step, "overlap", row);
      events.scalars(step, Map.of("thanora/overlap_a", overlaps.meanA(), "thanora/overlap_b", overlaps.meanB()));
    });
  }

  @Override
  public void evaluated(long step, double[] nll) {
    Map<String, Double> losses = byTask(nll);
    log.event((int) step, "evaluation", Map.of("nll", losses));
    Map<String, Double> scalars = new LinkedHashMap<>();
    scalars.put("eval/loss", losses.values().stream().mapToDouble(x -> x).average().orElse(Double.NaN));
    losses.forEach((task, loss) -> scalars.put("eval/" + task + "_loss", loss));
    events.scalars(step, scalars);
  }

  @Override
  public boolean stopRequested() {
    return listener.stopRequested();
  }

  /** Tasks without a value are left out. */
  private Map<String, Double> byTask(double[] values) {
    Map<String, Double> named = new LinkedHashMap<>();
    for (int task = 0; task < values.length; task++) {
      if (!Double.isNaN(values[task])) {
        named.put(tasks.get(task), values[task]);
      }
    }
    return named;
  }
}
