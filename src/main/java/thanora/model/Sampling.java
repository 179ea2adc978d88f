package thanora.model;

import java.util.Arrays;
import java.util.Map;

/**
 * How the next token is drawn.
 *
 * <p>Logits get the biases, lose {@code presencePenalty} once and {@code frequencyPenalty} for each time
 * that the answer holds the token, and are divided by the temperature. Drawn is from the fewest tokens
 * whose probabilities come to {@code topP}. Temperature 0 takes the most likely token.
 *
 * @param temperature 0 or more
 * @param topP over 0, at most 1
 * @param bias what is added to the logit of a token
 */
public record Sampling(
    double temperature, double topP, double presencePenalty, double frequencyPenalty, Map<Integer, Double> bias) {
  /** The most likely token always. */
  public static final Sampling GREEDY = new Sampling(0, 1, 0, 0, Map.of());

  /** Refuses what has no meaning. */
  public Sampling {
    require("temperature", temperature, temperature >= 0 && temperature < Double.POSITIVE_INFINITY, "0 or more");
    require("top_p", topP, topP > 0 && topP <= 1, "over 0 and at most 1");
    bias = Map.copyOf(bias);
  }

  private static void require(String name, double value, boolean holds, String rule) {
    if (!holds) {
      throw new IllegalArgumentException(name + " " + value + " is not " + rule);
    }
  }

  /** Temperature and top-p alone. */
  public static Sampling of(double temperature, double topP) {
    return new Sampling(temperature, topP, 0, 0, Map.of());
  }

  /** Whether the largest logit of the model is the answer, nothing else asked. */
  public boolean isGreedy() {
    return temperature == 0 && presencePenalty == 0 && frequencyPenalty == 0 && bias.isEmpty();
  }

  /**
   * The next token.
   *
   * @param logits the model's, of every token; changed
   * @param counts how often the answer holds a token already
   * @param uniform in [0, 1)
   */
  public int next(float[] logits, Map<Integer, Integer> counts, double uniform) {
    counts.forEach((id, count) -> logits[id] -= (float) (presencePenalty + count * frequencyPenalty));
    bias.forEach((id, more) -> logits[id] += more.floatValue());
    return temperature == 0 ? largest(logits) : draw(probabilities(logits), uniform);
  }

  /** The first of the largest. */
  static int largest(float[] values) {
    int best = 0;
    for (int i = 1; i < values.length; i++) {
      best = values[i] > values[best] ? i : best;
    }
    return best;
  }

  private double[] probabilities(float[] logits) {
    double most = logits[largest(logits)];
    double[] p = new double[logits.length];
    double sum = 0;
    for (int i = 0; i < p.length; i++) {
      p[i] = Math.exp((logits[i] - most) / temperature);
      sum += p[i];
    }
    for (int i = 0; i < p.length; i++) {
      p[i] /= sum;
    }
    return p;
  }

  private int draw(double[] p, double uniform) {
    int[] order = topP < 1 ? nucleus(p) : null;
    int count = order == null ? p.length : order.length;
    double total = 0;
    for (int i = 0; i < count; i++) {
      total += p[order == null ? i : order[i]];
    }
    double left = uniform * total;
    int last = 0; // of those that can be drawn: what rounding leaves over is its
    for (int i = 0; i < count; i++) {
      int id = order == null ? i : order[i];
      if (p[id] > 0) {
        last = id;
        left -= p[id];
        if (left < 0) {
          break;
        }
      }
    }
    return last;
  }

  /**
   * The fewest tokens that come to topP, the most likely first. Tokens below (1 − topP) / V come to less
   * than 1 − topP together, so they are never among them and are not sorted.
   */
  private int[] nucleus(double[] p) {
    double least = (1 - topP) / p.length;
    int[] candidates = new int[p.length];
    int count = 0;
    for (int i = 0; i < p.length; i++) {
      if (p[i] >= least) {
        candidates[count++] = i;
      }
    }
    int[] sorted = Arrays.stream(candidates, 0, count).boxed()
        .sorted((a, b) -> p[a] == p[b] ? a - b : Double.compare(p[b], p[a])).mapToInt(Integer::intValue).toArray();
    double sum = 0;
    int kept = 0;
    while (kept < count && sum < topP) {
      sum += p[sorted[kept++]];
    }
    return Arrays.copyOf(sorted, kept);
  }
}
