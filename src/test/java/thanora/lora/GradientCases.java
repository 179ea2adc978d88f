package thanora.lora;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Random;
import thanora.Golden;

/** Gradients as explicit vectors, for the rules that see only their inner products. */
final class GradientCases {
  private GradientCases() {}

  /** golden/rivals/gradients.json, by scripts/golden/make_rivals.py. */
  static JsonNode golden() {
    try {
      return new ObjectMapper().readTree(Golden.path("rivals/gradients.json").toFile());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static double[][] vectors(JsonNode node) {
    double[][] vectors = new double[node.size()][];
    for (int i = 0; i < vectors.length; i++) {
      vectors[i] = MethodFixtures.values(node.get(i));
    }
    return vectors;
  }

  static double[][] random(Random random, int tasks, int size) {
    double[][] vectors = new double[tasks][size];
    for (double[] vector : vectors) {
      double length = Math.exp(random.nextGaussian());
      for (int i = 0; i < size; i++) {
        vector[i] = length * random.nextGaussian();
      }
    }
    return vectors;
  }

  static double[] gram(double[][] vectors) {
    int tasks = vectors.length;
    double[] gram = new double[tasks * tasks];
    for (int i = 0; i < tasks; i++) {
      for (int j = 0; j < tasks; j++) {
        gram[i * tasks + j] = dot(vectors[i], vectors[j]);
      }
    }
    return gram;
  }

  /** Σ_t w_t g_t. */
  static double[] combined(double[] weights, double[][] vectors) {
    double[] sum = new double[vectors[0].length];
    for (int t = 0; t < vectors.length; t++) {
      addTo(sum, weights[t], vectors[t]);
    }
    return sum;
  }

  static void addTo(double[] sum, double factor, double[] vector) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] += factor * vector[i];
    }
  }

  static double dot(double[] x, double[] y) {
    double sum = 0;
    for (int i = 0; i < x.length; i++) {
      sum += x[i] * y[i];
    }
    return sum;
  }

  /** Shuffles nothing. */
  static Random ascending() {
    return new Random() {
      private static final long serialVersionUID = 1;

      @Override
      public int nextInt(int bound) {
        return bound - 1;
      }
    };
  }
}
