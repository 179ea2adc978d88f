package thanora;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;

/**
 * What came out of a run: {@code summary.json}.
 *
 * @param method name of the method
 * @param model as the recipe names it
 * @param seed the run's
 * @param steps optimiser steps done
 * @param tokens tokens seen in training, prompts included
 * @param seconds from load to export, of this process
 * @param trainableParameters numbers trained
 * @param tasks before and after, by task
 * @param mean mean over the tasks
 * @param merge how far the merged model is from base and adapter
 */
public record RunSummary(
    String method,
    String model,
    long seed,
    long steps,
    long tokens,
    double seconds,
    long trainableParameters,
    Map<String, TaskResult> tasks,
    Mean mean,
    Merge merge) {

  /**
   * One task on its test rows.
   *
   * @param metric how answers were scored
   * @param before mean score of the base, NaN where answers were not generated
   * @param after mean score with the adapter
   * @param nllBefore mean −log p a trained token with the base, nats
   * @param nllAfter the same with the adapter
   * @param rows test rows
   */
  public record TaskResult(
      String metric, double before, double after, double nllBefore, double nllAfter, int rows) {}

  /** Means over the tasks. */
  public record Mean(double before, double after, double nllBefore, double nllAfter) {
    static Mean of(Iterable<TaskResult> tasks) {
      double[] sums = new double[4];
      int count = 0;
      for (TaskResult task : tasks) {
        sums[0] += task.before();
        sums[1] += task.after();
        sums[2] += task.nllBefore();
        sums[3] += task.nllAfter();
        count++;
      }
      return new Mean(sums[0] / count, sums[1] / count, sums[2] / count, sums[3] / count);
    }
  }

  /**
   * The check of the merged weights.
   *
   * @param maxLogitDifference largest difference of a logit on the probe rows, over the largest logit
   */
  public record Merge(double maxLogitDifference) {}

  private static final ObjectMapper JSON = new ObjectMapper()
      .setPropertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE);

  /** As JSON, with keys in snake case; NaN becomes null. */
  public String toJson() {
    return toTree().toPrettyString() + "\n";
  }

  /** The same as a tree. */
  public JsonNode toTree() {
    return withoutNaN(JSON.valueToTree(this));
  }

  private static JsonNode withoutNaN(JsonNode node) {
    if (node.isObject()) {
      ObjectNode object = (ObjectNode) node;
      object.fieldNames().forEachRemaining(name -> {
        JsonNode value = object.get(name);
        object.set(name, value.isDouble() && !Double.isFinite(value.asDouble()) ? object.nullNode() : withoutNaN(value));
      });
    }
    return node;
  }
}
