package thanora.eval;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A task's test rows as they were scored.
 *
 * @param metric how answers were judged
 * @param maxNewTokens tokens of an answer at most
 * @param rows in the order of the task's file
 */
public record ScoredTask(Metric metric, int maxNewTokens, List<ScoredRow> rows) {
  /** What tasks come to, by name. */
  public static Map<String, TaskScore> totals(Map<String, ScoredTask> tasks) {
    Map<String, TaskScore> scores = new LinkedHashMap<>();
    tasks.forEach((name, task) -> scores.put(name, task.total()));
    return scores;
  }

  /** Scores averaged over rows, −log p over tokens. */
  public TaskScore total() {
    long tokens = rows.stream().mapToLong(ScoredRow::tokens).sum();
    return new TaskScore(metric,
        rows.stream().mapToDouble(ScoredRow::score).average().orElse(Double.NaN),
        rows.stream().mapToDouble(ScoredRow::nll).sum() / tokens, rows.size(), tokens);
  }
}
