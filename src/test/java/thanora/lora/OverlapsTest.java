package thanora.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import thanora.Pico;
import thanora.model.Decoder;
import thanora.tensor.Tensors;

class OverlapsTest {
  private static final Blocks BLOCKS = new Blocks(new int[] {2, 1}, 1);

  private static float[] random(int count, long seed) {
    Random random = new Random(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private static double cosine(float[] rows, int width, int i, int j) {
    double product = 0;
    double a = 0;
    double b = 0;
    for (int k = 0; k < width; k++) {
      product += rows[i * width + k] * rows[j * width + k];
      a += rows[i * width + k] * rows[i * width + k];
      b += rows[j * width + k] * rows[j * width + k];
    }
    return product / Math.sqrt(a * b);
  }

  /** Two tasks with rows 0, 1 and 2; row 3 is the cooperative one and does not count. */
  private static double expected(float[] rows, int width) {
    return (Math.abs(cosine(rows, width, 0, 2)) + Math.abs(cosine(rows, width, 1, 2))) / 2;
  }

  @Test
  void itIsTheMeanCosineOfRowsOfDifferentTasksByLayerAndByPair() {
    Decoder model = Pico.load("llama");
    List<String> modules = model.projectionNames().stream().filter(name -> name.endsWith("q_proj")).toList();
    LoraAdapter adapter = LoraAdapter.create(model, modules, 4, 0, 4);
    int in = adapter.stacks().get(0).in();
    int out = adapter.stacks().get(0).out();
    double[] a = new double[modules.size()];
    for (int i = 0; i < a.length; i++) {
      float[] rows = random(4 * in, i);
      a[i] = expected(rows, in);
      float[] columns = new float[4 * out];
      columns[0] = 1;
      columns[out + 1] = 2;
      columns[2 * out] = i == 0 ? -3 : 0; // in the first layer as column 0, then zero: at no angle
      adapter.set(modules.get(i), new Factors(Tensors.of(rows, 4, in), Tensors.of(columns, 4, out),
          Tensors.of(new float[0], 0, in), Tensors.of(new float[0], 0, out), BLOCKS));
    }
    Overlaps overlaps = Overlaps.of(adapter).orElseThrow();
    assertThat(overlaps.layersA()).hasSize(a.length).containsExactly(a, within(1e-6));
    assertThat(overlaps.layersB()[0]).isEqualTo(0.5);
    assertThat(overlaps.layersB()[1]).isNaN();
    assertThat(overlaps.meanB()).isEqualTo(0.5);
    double mean = Arrays.stream(a).average().orElseThrow();
    assertThat(overlaps.pairsA()[0][1]).isCloseTo(mean, within(1e-6)).isEqualTo(overlaps.pairsA()[1][0]);
    assertThat(overlaps.pairsA()[0][0]).isNaN();
  }

  @Test
  void thereIsNoneWithoutTasks() {
    Decoder model = Pico.load("llama");
    LoraAdapter adapter = LoraAdapter.create(model, List.copyOf(model.projectionNames()), 4, 0, 4);
    assertThat(Overlaps.of(adapter)).isEmpty();
    adapter.modules().forEach(module -> adapter.declare(module, new Blocks(new int[] {0}, 4)));
    assertThat(Overlaps.of(adapter)).isEmpty();
  }
}
