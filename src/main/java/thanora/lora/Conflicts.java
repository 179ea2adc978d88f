package thanora.lora;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How the gradients of tasks agree at a step: cosines, 1 where two tasks pull alike, −1 where one
 * undoes the other.
 *
 * @param layers mean over pairs of tasks of the cosine in each decoder layer; NaN where no two tasks
 *     had tokens
 * @param pairs T x T: cosine over the whole adapter; NaN for a task without tokens
 */
public record Conflicts(double[] layers, double[][] pairs) {
  private static final Pattern LAYER = Pattern.compile("(?<!encoder\\.)layers\\.(\\d+)\\.");

  /** From the products of the task gradients of every module. */
  public static Conflicts of(List<TaskGradients.ModuleGram> grams, int tasks) {
    double[] whole = new double[tasks * tasks];
    Map<Integer, double[]> byLayer = new TreeMap<>();
    for (TaskGradients.ModuleGram gram : grams) {
      add(whole, gram.products());
      layer(gram.module()).ifPresent(layer ->
          add(byLayer.computeIfAbsent(layer, index -> new double[tasks * tasks]), gram.products()));
    }
    double[][] pairs = new double[tasks][tasks];
    for (int i = 0; i < tasks; i++) {
      for (int j = 0; j < tasks; j++) {
        pairs[i][j] = cosine(whole, tasks, i, j);
      }
    }
    return new Conflicts(byLayer.values().stream().mapToDouble(gram -> mean(gram, tasks)).toArray(), pairs);
  }

  /** The decoder layer that a module belongs to; none of a vision part. */
  static OptionalInt layer(String module) {
    Matcher layer = LAYER.matcher(module);
    return layer.find() ? OptionalInt.of(Integer.parseInt(layer.group(1))) : OptionalInt.empty();
  }

  private static void add(double[] sum, double[] values) {
    Arrays.setAll(sum, i -> sum[i] + values[i]);
  }

  private static double cosine(double[] gram, int tasks, int i, int j) {
    double lengths = Math.sqrt(gram[i * tasks + i] * gram[j * tasks + j]);
    return lengths > 0 ? gram[i * tasks + j] / lengths : Double.NaN;
  }

  private static double mean(double[] gram, int tasks) {
    double sum = 0;
    int pairs = 0;
    for (int i = 0; i < tasks; i++) {
      for (int j = i + 1; j < tasks; j++) {
        double cosine = cosine(gram, tasks, i, j);
        if (!Double.isNaN(cosine)) {
          sum += cosine;
          pairs++;
        }
      }
    }
    return pairs == 0 ? Double.NaN : sum / pairs;
  }
}
