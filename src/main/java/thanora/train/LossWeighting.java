package thanora.train;

/**
 * How the labelled tokens of a step are weighted in its loss Σ w −log p. The weights of a step sum to 1.
 */
public enum LossWeighting {
  /** w = 1 / labelled tokens: every token alike. */
  TOKEN,
  /** w = 1 / (rows · labelled tokens of the row): every row that has some alike. */
  ROW,
  /** w = 1 / (tasks · labelled tokens of the task): every task that has some in the step alike. */
  TASK
}
