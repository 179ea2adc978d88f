package thanora;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import thanora.lora.Adapter;
import thanora.lora.Conflicts;
import thanora.train.MetricsLog;
import thanora.train.Trainer;
import thanora.train.TrainingLoop;

/** Writes what training does to the log, and shows it. */
final class LogWriter implements TrainingLoop.Listener {
  private final MetricsLog log;
  private final List<String> tasks;
  private final Adapter adapter;
  private final RunListener listener;

  LogWriter(MetricsLog log, List<String> tasks, Adapter adapter, RunListener listener) {
    this.log = log;
    this.tasks = tasks;
    this.adapter = adapter;
    this.listener = listener;
  }

  @Override
  public void step(
      long step, List<Trainer.StepResult> results, double learningRate, double seconds, boolean byTask) {
    Trainer.StepResult result = results.get(0);
    Map<String, Double> losses = byTask(result.taskLoss());
    log.step(new MetricsLog.StepRow((int) step, result.loss(), losses, result.penalty(), learningRate,
        result.gradNorm(), result.tokens(), seconds));
    if (byTask) {
      Conflicts conflicts = Conflicts.of(adapter.taskGradients().orElseThrow().grams(0), tasks.size());
      log.event((int) step, "conflicts", Map.of("layers", conflicts.layers(), "pairs", conflicts.pairs()));
    }
    if (!result.applied()) {
      listener.note("step " + step + ": the gradient was not finite; nothing was changed");
    }
    listener.trained(step, losses);
  }

  @Override
  public void evaluated(long step, double[] nll) {
    log.event((int) step, "evaluation", Map.of("nll", byTask(nll)));
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
