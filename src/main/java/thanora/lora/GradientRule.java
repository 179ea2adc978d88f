package thanora.lora;

import java.util.Random;

/**
 * Makes one gradient of the gradients g_1 … g_T of T tasks: g = Σ_t w_t g_t, with weights that
 * depend only on the Gram matrix G, G_ij = ⟨g_i, g_j⟩.
 *
 * <p>The loss of a step is the sum of the tasks' parts, so weights of 1 are plain training. A task
 * that is absent from the batch has a row of zeros in G: its weight is 1 and it moves no other
 * weight. A Gram matrix that is not finite gives weights of 1; the gradient itself then is not
 * finite either, and the step is refused where that is checked.
 *
 * <p>What the inner product is taken over is up to the caller: all adapter parameters (PCGrad and
 * CAGrad as published) or each A and each B on its own (Ortho-LoRA).
 */
@FunctionalInterface
public interface GradientRule {
  /** Plain training: the sum. */
  GradientRule SUM = (gram, tasks, random) -> GramMatrix.of(gram, tasks).ones();

  /**
   * The weights.
   *
   * @param gram G (T, T), row-major, symmetric
   * @param tasks T
   * @param random for the rules that draw an order
   * @throws IllegalArgumentException if {@code gram} has not T · T entries
   */
  double[] weights(double[] gram, int tasks, Random random);
}
