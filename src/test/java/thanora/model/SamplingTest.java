package thanora.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SamplingTest {
  private static final int DRAWS = 20_000;

  private static float[] logits(int size) {
    Random random = new Random(7);
    float[] logits = new float[size];
    for (int i = 0; i < size; i++) {
      logits[i] = (float) (3 * random.nextGaussian());
    }
    return logits;
  }

  /** By the book: softmax of all, sorted, cut where the sum reaches top-p, shared out anew. */
  private static double[] byHand(float[] logits, double temperature, double topP) {
    double[] p = new double[logits.length];
    double sum = 0;
    for (int i = 0; i < p.length; i++) {
      p[i] = Math.exp(logits[i] / temperature);
      sum += p[i];
    }
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < p.length; i++) {
      p[i] /= sum;
      order.add(i);
    }
    order.sort((a, b) -> Double.compare(p[b], p[a]));
    double[] kept = new double[p.length];
    double total = 0;
    for (int id : order) {
      if (total < topP) {
        kept[id] = p[id];
        total += p[id];
      }
    }
    double all = total;
    return Arrays.stream(kept).map(v -> v / all).toArray();
  }

  /** With u over an even grid the counts are the probabilities, but for one draw at each border. */
  @ParameterizedTest
  @CsvSource({"1, 1", "0.7, 1", "1, 0.9", "1.6, 0.5", "0.3, 0.99", "1, 1e-9"})
  void drawsFollowTheDistribution(double temperature, double topP) {
    float[] logits = logits(50);
    Sampling sampling = Sampling.of(temperature, topP);
    double[] counts = new double[50];
    for (int i = 0; i < DRAWS; i++) {
      counts[sampling.next(logits.clone(), Map.of(), (i + 0.5) / DRAWS)]++;
    }
    double[] expected = byHand(logits, temperature, topP);
    for (int id = 0; id < 50; id++) {
      assertThat(counts[id] / DRAWS).as("token " + id).isCloseTo(expected[id], within(1.5 / DRAWS));
    }
  }

  @Test
  void aSeedGivesTheSameTokensAndAnotherOthers() {
    assertThat(drawn(3)).isEqualTo(drawn(3)).isNotEqualTo(drawn(4));
  }

  private static List<Integer> drawn(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<Integer> drawn = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      drawn.add(Sampling.of(1, 0.95).next(logits(50), Map.of(), random.nextDouble()));
    }
    return drawn;
  }

  @Test
  void penaltiesAndBiasChangeLogits() {
    float[] logits = {2, 1.5f, 0};
    assertThat(Sampling.GREEDY.next(logits.clone(), Map.of(0, 9), 0)).isZero();
    Sampling presence = new Sampling(0, 1, 0.6, 0, Map.of());
    assertThat(presence.next(logits.clone(), Map.of(0, 9), 0)).isEqualTo(1);
    Sampling frequency = new Sampling(0, 1, 0, 0.2, Map.of());
    assertThat(frequency.next(logits.clone(), Map.of(0, 2), 0)).isZero();
    assertThat(frequency.next(logits.clone(), Map.of(0, 3), 0)).isEqualTo(1);
    Sampling bias = new Sampling(0, 1, 0, 0, Map.of(2, 3.0));
    assertThat(bias.next(logits.clone(), Map.of(), 0)).isEqualTo(2);
    assertThat(bias.isGreedy()).isFalse();
  }

  @Test
  void valuesWithoutMeaningAreRefused() {
    assertThatThrownBy(() -> Sampling.of(-1, 1)).hasMessage("temperature -1.0 is not 0 or more");
    assertThatThrownBy(() -> Sampling.of(Double.NaN, 1)).hasMessage("temperature NaN is not 0 or more");
    assertThatThrownBy(() -> Sampling.of(1, 0)).hasMessage("top_p 0.0 is not over 0 and at most 1");
  }
}
