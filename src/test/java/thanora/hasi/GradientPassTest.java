package thanora.hasi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import thanora.Golden;
import thanora.Memory;
import thanora.Pico;
import thanora.data.Batch;
import thanora.data.Sample;
import thanora.lora.Starts;
import thanora.model.Decoder;
import thanora.model.Projection;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

class GradientPassTest {
  private static final List<List<Sample>> ROWS = Starts.rows(6, 8);

  private final TensorScope scope = TensorScope.open();

  @BeforeAll
  static void threads() {
    Threads.use(1);
  }

  @AfterEach
  void close() {
    scope.close();
  }

  private static List<String> all(Decoder model) {
    return List.copyOf(model.projectionNames());
  }

  /** Gradients of each task, copied. */
  private static List<Map<String, double[]>> gradients(
      Decoder model, List<String> modules, List<List<Sample>> rows) {
    List<Map<String, double[]>> byTask = new ArrayList<>();
    new GradientPass(model, modules).run(rows, (task, gradients) -> {
      assertThat(task).isEqualTo(byTask.size());
      Map<String, double[]> own = new LinkedHashMap<>();
      gradients.forEach((module, g) -> own.put(module, Tensors.doubles(g)));
      byTask.add(own);
    });
    return byTask;
  }

  /** Mean −log p of the trained tokens, row by row from the logits, in float64. */
  private static double loss(Decoder model, List<Sample> rows) {
    double sum = 0;
    int count = 0;
    for (Sample row : rows) {
      try (TensorScope inner = TensorScope.open()) {
        Batch batch = Batch.of(List.of(row), ROWS.size());
        double[] logP = Tensors.doubles(Ops.logSoftmax(Pico.logits(model, batch)));
        for (int i = Math.max(0, row.promptLength() - 1); i + 1 < row.ids().length; i++) {
          sum -= logP[i * Pico.VOCABULARY + row.ids()[i + 1]];
          count++;
        }
      }
    }
    return sum / count;
  }

  private static double slope(Decoder model, String module, int at, List<Sample> rows) {
    Tensor w = model.projection(module).weight();
    double step = 1e-4;
    double[] losses = new double[2];
    for (int side = 0; side < 2; side++) {
      double[] values = Tensors.doubles(w);
      values[at] += side == 0 ? step : -step;
      losses[side] = model.with(
          Map.of(module, Tensors.of(values, Tensors.shape(w))), () -> loss(model, rows));
    }
    return (losses[0] - losses[1]) / (2 * step);
  }

  /** qwen2 has biases, qwen3 norms of heads, phi3 stacked layers, gemma2 caps. */
  @ParameterizedTest
  @ValueSource(strings = {"llama", "qwen2", "qwen3", "phi3", "gemma2"})
  void theGradientIsTheSlopeOfTheLossInEveryKindOfModule(String name) {
    Decoder model = Pico.load(name, DType.F64);
    List<Map<String, double[]>> byTask = gradients(model, all(model), ROWS);
    assertThat(byTask).hasSize(3);
    Random random = new Random(1);
    for (String module : all(model)) {
      int task = random.nextInt(3);
      double[] own = byTask.get(task).get(module);
      double largest = Arrays.stream(own).map(Math::abs).max().orElseThrow();
      assertThat(largest).as(module).isGreaterThan(1e-4);
      for (int i = 0; i < 4; i++) {
        int at = random.nextInt(own.length);
        assertThat(own[at]).as(module + " task " + task + " entry " + at)
            .isCloseTo(slope(model, module, at, ROWS.get(task)), within(1e-5 * largest));
      }
    }
  }

  /** The float32 of the loss and of small products is all that is lost. */
  @Test
  void float32IsCloseToFloat64() {
    Decoder exact = Pico.load("llama", DType.F64);
    Decoder model = Pico.load("llama");
    List<Map<String, double[]>> expected = gradients(exact, all(exact), ROWS);
    List<Map<String, double[]>> actual = gradients(model, all(model), ROWS);
    for (int task = 0; task < ROWS.size(); task++) {
      for (String module : all(model)) {
        Golden.assertClose(module + " task " + task,
            actual.get(task).get(module), expected.get(task).get(module), 1e-5);
      }
    }
  }

  /** A mean over all rows, in however many batches: rows that come again change nothing. */
  @Test
  void manyBatchesHaveOneMean() {
    Decoder model = Pico.load("llama", DType.F64);
    List<List<Sample>> often = ROWS.stream()
        .map(rows -> Collections.nCopies(60, rows).stream().flatMap(List::stream).toList()).toList();
    assertThat(often.get(0).stream().mapToInt(row -> row.ids().length).sum()).isGreaterThan(2048);
    List<Map<String, double[]>> once = gradients(model, all(model), ROWS);
    List<Map<String, double[]>> again = gradients(model, all(model), often);
    for (int task = 0; task < ROWS.size(); task++) {
      for (String module : all(model)) {
        Golden.assertClose(module + " task " + task,
            again.get(task).get(module), once.get(task).get(module), 1e-6);
      }
    }
  }

  @Test
  void onlyTargetsAreMeasuredAndTheModelIsLeftAsItWas() {
    Decoder model = Pico.load("llama", DType.F64);
    List<String> two =
        List.of("model.layers.1.mlp.down_proj", "model.layers.0.self_attn.v_proj");
    List<Projection> before = two.stream().map(model::projection).toList();
    List<Map<String, double[]>> some = gradients(model, two, ROWS);
    List<Map<String, double[]>> every = gradients(model, all(model), ROWS);
    for (int task = 0; task < ROWS.size(); task++) {
      assertThat(some.get(task)).containsOnlyKeys(two);
      for (String module : two) {
        assertThat(some.get(task).get(module)).isEqualTo(every.get(task).get(module));
      }
    }
    assertThat(two.stream().map(model::projection).toList()).isEqualTo(before);
  }

  @Test
  void rowsThatTrainNothingDoNotCountAndATaskOfThemIsRefused() {
    Decoder model = Pico.load("llama", DType.F64);
    List<Sample> prompts = ROWS.get(1).stream()
        .map(row -> new Sample(1, row.row(), row.ids(), row.ids().length)).toList();
    List<Sample> mixed = new ArrayList<>(prompts);
    mixed.addAll(ROWS.get(1));
    List<String> modules = all(model);
    assertThat(gradients(model, modules, List.of(ROWS.get(0), mixed)).get(1))
        .usingRecursiveComparison()
        .isEqualTo(gradients(model, modules, List.of(ROWS.get(0), ROWS.get(1))).get(1));
    assertThatThrownBy(() -> gradients(model, modules, List.of(ROWS.get(0), prompts)))
        .isInstanceOf(ArithmeticException.class)
        .hasMessageStartingWith("task 2 of 2: no token of its preview rows is trained on");
  }

  @Test
  void aGradientThatIsNotFiniteNamesItsModuleAndTheModelIsLeftAsItWas() {
    Decoder model = Pico.load("llama");
    String q = "model.layers.0.self_attn.q_proj";
    float[] infinite = Tensors.floats(model.projection(q).weight());
    infinite[0] = Float.POSITIVE_INFINITY;
    model.setWeight(q, Tensors.of(infinite, Tensors.shape(model.projection(q).weight())));
    Projection before = model.projection(q);
    assertThatThrownBy(() -> gradients(model, List.of(q), ROWS))
        .isInstanceOf(ArithmeticException.class)
        .hasMessageStartingWith(q + ": the gradient is not finite");
    assertThat(model.projection(q)).isSameAs(before);
  }

  @Test
  void oneRunAfterAnotherNeedsNoMoreMemory() {
    Decoder model = Pico.load("llama");
    GradientPass pass = new GradientPass(model, all(model));
    Memory.assertFlat(5, 25, () -> pass.run(ROWS, (task, gradients) -> {}));
  }
}
