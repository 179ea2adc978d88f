package thanora.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import thanora.Golden;

class PcGradTest {
  /** The paper's loop, on the vectors themselves. */
  private static double[] onVectors(double[][] vectors, double epsilon, Random random) {
    double[] sum = new double[vectors[0].length];
    for (int i = 0; i < vectors.length; i++) {
      List<Integer> others = new ArrayList<>();
      for (int j = 0; j < vectors.length; j++) {
        if (j != i) {
          others.add(j);
        }
      }
      Collections.shuffle(others, random);
      double[] own = vectors[i].clone();
      for (int j : others) {
        double dot = GradientCases.dot(own, vectors[j]);
        if (dot < 0) {
          double square = GradientCases.dot(vectors[j], vectors[j]);
          GradientCases.addTo(own, -dot / (square + epsilon), vectors[j]);
        }
      }
      GradientCases.addTo(sum, 1, own);
    }
    return sum;
  }

  @Test
  void equalsTheLoopOnVectors() {
    int conflicts = 0;
    for (int seed = 0; seed < 200; seed++) {
      Random random = new Random(seed);
      double[][] vectors = GradientCases.random(random, 2 + seed % 7, 2 + seed % 11);
      for (PcGrad rule : List.of(PcGrad.paper(), PcGrad.orthoLora(), new PcGrad(0.1))) {
        double[] weights =
            rule.weights(GradientCases.gram(vectors), vectors.length, new Random(seed));
        double[] expected = onVectors(vectors, rule.epsilon(), new Random(seed));
        Golden.assertClose(
            "seed " + seed, GradientCases.combined(weights, vectors), expected, 1e-12);
        conflicts += weights[0] == 1 ? 0 : 1;
      }
    }
    assertThat(conflicts).isGreaterThan(300);
  }

  @Test
  void equalsTheGolden() {
    for (JsonNode node : GradientCases.golden().get("cases")) {
      double[][] vectors = GradientCases.vectors(node.get("gradients"));
      double[] weights = PcGrad.paper().weights(
          GradientCases.gram(vectors), vectors.length, GradientCases.ascending());
      Golden.assertClose("sum", GradientCases.combined(weights, vectors),
          MethodFixtures.values(node.get("pcgrad")), 1e-12);
    }
  }

  @Test
  void orthoLoraTakesAAndBEachOnItsOwn() {
    JsonNode node = GradientCases.golden().get("ortho_lora");
    for (String side : List.of("a", "b")) {
      double[][] vectors = GradientCases.vectors(node.get(side));
      double[] weights = PcGrad.orthoLora().weights(
          GradientCases.gram(vectors), vectors.length, GradientCases.ascending());
      Golden.assertClose(side, GradientCases.combined(weights, vectors),
          MethodFixtures.values(node.get("update_" + side)), 1e-7);
    }
  }

  @Test
  void oppositeGradientsOfTwoTasksLeaveOnlyWhatIsOrthogonal() {
    double[][] vectors = {{1, 1}, {-3, 0}};
    double[] weights = PcGrad.paper().weights(GradientCases.gram(vectors), 2, new Random(1));
    double[] combined = GradientCases.combined(weights, vectors);
    assertThat(combined).containsExactly(new double[] {-1.5, 2.5}, within(1e-12));
  }

  @Test
  void withoutConflictItIsTheSum() {
    double[][] vectors = {{1, 0, 0}, {0.5, 2, 0}, {0, 0, 3}};
    double[] gram = GradientCases.gram(vectors);
    assertThat(PcGrad.paper().weights(gram, 3, new Random(1))).containsExactly(1, 1, 1);
    assertThat(GradientRule.SUM.weights(gram, 3, new Random(1))).containsExactly(1, 1, 1);
  }

  @Test
  void absentTasksHaveWeightOneAndMoveNoOther() {
    double[][] vectors = {{1, 1}, {0, 0}, {-3, 0}};
    double[] weights = PcGrad.paper().weights(GradientCases.gram(vectors), 3, new Random(1));
    double[] without = PcGrad.paper()
        .weights(GradientCases.gram(new double[][] {{1, 1}, {-3, 0}}), 2, new Random(1));
    assertThat(weights).containsExactly(without[0], 1, without[1]);
  }

  @Test
  void notFiniteProductsGiveWeightsOfOneAndAWrongNumberIsRefused() {
    double[] gram = {1, Double.NaN, Double.NaN, 1};
    assertThat(PcGrad.paper().weights(gram, 2, new Random(1))).containsExactly(1, 1);
    assertThatThrownBy(() -> PcGrad.paper().weights(gram, 3, new Random(1)))
        .hasMessageContaining("4 inner products");
    assertThatThrownBy(() -> new PcGrad(-1)).hasMessageContaining("epsilon -1.0");
  }
}
