package thanora.train;

/**
 * How the labelled tokens of a step are weighted in its loss Σ w −log p: w ∝ n^−power, where n counts the
 * labelled tokens of the token's row or, in the whole step, of its task. The weights of a step sum to 1.
 *
 * @param unit whose tokens n counts
 * @param power 0: every token alike; 1: every unit that has some alike; between: between the two
 */
public record LossWeighting(Unit unit, double power) {
  /** What labelled tokens belong to. */
  public enum Unit { ROW, TASK }

  /** Every token alike. */
  public static final LossWeighting TOKEN = new LossWeighting(Unit.ROW, 0);
}
