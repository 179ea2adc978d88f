package thanora.lora;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/**
 * PCGrad: each task's gradient loses the part that points against another's. For every i, for all
 * j ≠ i in random order, g'_i starting as g_i:
 *
 * <p>if ⟨g'_i, g_j⟩ &lt; 0 then g'_i ← g'_i − ⟨g'_i, g_j⟩ / (‖g_j‖² + ε) · g_j, with the original
 * g_j; the result is Σ_i g'_i.
 *
 * <p>Every g'_i is a combination of the g_j, so the Gram matrix is enough. Without conflict all
 * weights are 1. The order is a shuffle of 0 … T−1 without i, drawn for i = 0, 1, … in turn; which
 * i comes first does not matter.
 *
 * <p>Ortho-LoRA is the same rule applied to A and to B of each module on their own.
 *
 * <p>Source: Yu et al., arXiv 2001.06782, algorithm 1; Ortho-LoRA: arXiv 2601.09684.
 *
 * @param epsilon ε ≥ 0, in the units of a squared gradient
 */
public record PcGrad(double epsilon) implements GradientRule {
  public PcGrad {
    if (!(epsilon >= 0) || Double.isInfinite(epsilon)) {
      throw new IllegalArgumentException("epsilon " + epsilon + " must be at least 0; 0 is usual");
    }
  }

  /** ε = 0, as in the paper and in LibMTL: the result does not depend on the scale of the loss. */
  public static PcGrad paper() {
    return new PcGrad(0);
  }

  /** ε = 1e-8, as Ortho-LoRA is described; apply it to each matrix. */
  public static PcGrad orthoLora() {
    return new PcGrad(1e-8);
  }

  @Override
  public double[] weights(double[] gram, int tasks, Random random) {
    GramMatrix g = GramMatrix.of(gram, tasks);
    if (!g.isFinite()) {
      return g.ones();
    }
    double[] weights = new double[tasks];
    for (int i = 0; i < tasks; i++) {
      double[] own = projected(g, i, order(tasks, i, random));
      for (int j = 0; j < tasks; j++) {
        weights[j] += own[j];
      }
    }
    return weights;
  }

  private static List<Integer> order(int tasks, int without, Random random) {
    List<Integer> order = new ArrayList<>();
    for (int j = 0; j < tasks; j++) {
      if (j != without) {
        order.add(j);
      }
    }
    Collections.shuffle(order, random);
    return order;
  }

  /** g'_i as coefficients of the g_j. */
  private double[] projected(GramMatrix g, int i, List<Integer> order) {
    double[] own = new double[g.tasks()];
    own[i] = 1;
    for (int j : order) {
      double dot = 0;
      for (int k = 0; k < own.length; k++) {
        dot += own[k] * g.at(k, j);
      }
      double square = g.at(j, j) + epsilon;
      if (dot < 0 && square > 0) {
        own[j] -= dot / square;
      }
    }
    return own;
  }
}
