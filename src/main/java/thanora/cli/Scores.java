package thanora.cli;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import thanora.RunSummary;
import thanora.TrainedModel;
import thanora.eval.TaskScore;

/** Scores as tables for the terminal. */
final class Scores {
  private Scores() {}

  static String of(RunSummary summary) {
    Table table = new Table("task", "metric", "before", "after", "nll before", "nll after", "rows");
    summary.tasks().forEach((name, task) -> table.row(name, task.metric(), number(task.before()),
        number(task.after()), number(task.nllBefore()), number(task.nllAfter()), "" + task.rows()));
    RunSummary.Mean mean = summary.mean();
    table.row("mean", "", number(mean.before()), number(mean.after()), number(mean.nllBefore()),
        number(mean.nllAfter()), "");
    return table + String.format(Locale.ROOT,
        "%n%n%,d steps, %,d tokens, %.0f s, %,d trainable parameters; merged logits differ by %.1e of the largest",
        summary.steps(), summary.tokens(), summary.seconds(), summary.trainableParameters(),
        summary.merge().maxLogitDifference());
  }

  static String of(Map<String, TaskScore> scores) {
    Table table = new Table("task", "metric", "score", "nll", "rows");
    scores.forEach((name, task) -> table.row(name, task.metric().id(), number(task.score()),
        number(task.nll()), "" + task.rows()));
    table.row("mean", "", number(mean(scores, TaskScore::score)), number(mean(scores, TaskScore::nll)), "");
    return table.toString();
  }

  /** For scripts: the scores by task, and their mean, with the keys of summary.json. */
  static Map<String, Object> tree(Map<String, TaskScore> scores) {
    Map<String, Object> tasks = new LinkedHashMap<>();
    scores.forEach((name, task) -> {
      Map<String, Object> values = new LinkedHashMap<>();
      values.put("metric", task.metric().id());
      values.put("score", finite(task.score()));
      values.put("nll", finite(task.nll()));
      values.put("rows", task.rows());
      tasks.put(name, values);
    });
    Map<String, Object> mean = new LinkedHashMap<>();
    mean.put("score", finite(mean(scores, TaskScore::score)));
    mean.put("nll", finite(mean(scores, TaskScore::nll)));
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("tasks", tasks);
    tree.put("mean", mean);
    return tree;
  }

  /** For scripts: what a merge came to. */
  static Map<String, Object> tree(TrainedModel.MergeReport report, Path out, Optional<Path> vision) {
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("out", out.toString());
    vision.ifPresent(file -> tree.put("mmproj", file.toString()));
    tree.put("max_logit_difference", report.maxLogitDifference());
    tree.put("adapter", tree(report.adapter()));
    tree.put("merged", tree(report.merged()));
    return tree;
  }

  private static double mean(Map<String, TaskScore> scores, ToDoubleFunction<TaskScore> of) {
    return scores.values().stream().mapToDouble(of).average().orElse(Double.NaN);
  }

  /** JSON has no NaN. */
  static Double finite(double value) {
    return Double.isFinite(value) ? value : null;
  }

  static String of(TrainedModel.MergeReport report) {
    Table table = new Table("task", "metric", "adapter", "merged", "nll adapter", "nll merged");
    report.adapter().forEach((name, task) -> {
      TaskScore merged = report.merged().get(name);
      table.row(name, task.metric().id(), number(task.score()), number(merged.score()),
          number(task.nll()), number(merged.nll()));
    });
    return table + String.format(Locale.ROOT,
        "%n%nmerged logits differ by %.1e of the largest", report.maxLogitDifference());
  }

  /** Three decimals; a dash for no value. */
  static String number(double value) {
    return Double.isNaN(value) ? "-" : String.format(Locale.ROOT, "%.3f", value);
  }
}
