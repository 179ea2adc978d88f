package thanora.hasi;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import thanora.Golden;
import thanora.Memory;
import thanora.Pico;
import thanora.data.Sample;
import thanora.hasi.HasiConfig.PreviewTokens;
import thanora.lora.Starts;
import thanora.model.Decoder;
import thanora.model.Projection;
import thanora.model.TokenBatch;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

class PreviewPassTest {
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

  private record Options(
      PreviewTokens tokens, boolean dropFirst, boolean centre,
      Moments.Normalisation normalisation) {
    HasiConfig.Preview preview() {
      return new HasiConfig.Preview(HasiConfig.Statistic.WC, HasiConfig.SpectrumOf.STATISTIC,
          HasiConfig.EntropyPower.SIGMA, 0, normalisation, 200, tokens, dropFirst, centre,
          HasiConfig.Spectra.AUTO);
    }

    boolean counts(Sample row, int token) {
      return !(dropFirst && token == 0) && switch (tokens) {
        case ALL -> true;
        case PROMPT -> token < row.promptLength();
        case LABELS -> token >= row.promptLength();
      };
    }
  }

  static Stream<Options> options() {
    Moments.Normalisation mean = Moments.Normalisation.TOKEN_MEAN;
    return Stream.of(
        new Options(PreviewTokens.ALL, false, false, mean),
        new Options(PreviewTokens.PROMPT, false, false, mean),
        new Options(PreviewTokens.LABELS, false, true, mean),
        new Options(PreviewTokens.LABELS, true, false, mean),
        new Options(PreviewTokens.ALL, true, true, mean),
        new Options(PreviewTokens.ALL, false, false, Moments.Normalisation.CORDA));
  }

  /** Keeps what enters a projection. */
  private record Tap(Projection inner, List<double[]> seen) implements Projection {
    @Override
    public Tensor apply(Tensor x, TokenBatch batch) {
      double[] flat = Tensors.doubles(x);
      int width = (int) x.size(1);
      for (int i = 0; i < x.size(0); i++) {
        double[] row = new double[width];
        System.arraycopy(flat, i * width, row, 0, width);
        seen.add(row);
      }
      return inner.apply(x, batch);
    }

    @Override
    public Tensor weight() {
      return inner.weight();
    }
  }

  /** Inputs of a module for one row, run on its own through the whole model. */
  private static Map<String, List<double[]>> inputs(Decoder model, Sample row) {
    Map<String, List<double[]>> inputs = new HashMap<>();
    for (String module : model.projectionNames()) {
      List<double[]> seen = new ArrayList<>();
      inputs.put(module, seen);
      model.replace(module, inner -> new Tap(inner, seen));
    }
    try (NoGrad off = NoGrad.open(); TensorScope inner = TensorScope.open()) {
      model.hidden(TokenBatch.of(row.ids(), "cpu"));
    }
    for (String module : model.projectionNames()) {
      model.replace(module, tap -> ((Tap) tap).inner());
    }
    return inputs;
  }

  /** Σ x xᵀ over the rows that count, normalised to a mean diagonal of 1, in plain Java. */
  private static double[] expected(
      Options options, List<Sample> rows, List<List<double[]>> inputs, int width) {
    double[] sum = new double[width * width];
    double[] total = new double[width];
    double count = 0;
    for (int r = 0; r < rows.size(); r++) {
      double[] own = new double[width * width];
      for (int token = 0; token < rows.get(r).ids().length; token++) {
        if (options.counts(rows.get(r), token)) {
          double[] x = inputs.get(r).get(token);
          count += options.normalisation == Moments.Normalisation.CORDA ? 0 : 1;
          for (int i = 0; i < width; i++) {
            total[i] += x[i];
            for (int j = 0; j < width; j++) {
              own[i * width + j] += x[i] * x[j];
            }
          }
        }
      }
      double scale = 1;
      if (options.normalisation == Moments.Normalisation.CORDA) {
        count++;
        for (double value : own) {
          scale = Math.max(scale == 1 ? 0 : scale, Math.abs(value));
        }
      }
      for (int i = 0; i < own.length; i++) {
        sum[i] += own[i] / scale;
      }
    }
    double trace = 0;
    for (int i = 0; i < width; i++) {
      for (int j = 0; j < width; j++) {
        double mean = sum[i * width + j] / count;
        sum[i * width + j] =
            options.centre ? mean - total[i] / count * (total[j] / count) : mean;
      }
      trace += sum[i * width + i];
    }
    for (int i = 0; i < sum.length; i++) {
      sum[i] *= width / trace;
    }
    return sum;
  }

  @ParameterizedTest
  @MethodSource("options")
  void momentsAreThoseOfTheInputsOfEachModule(Options options) {
    Decoder model = Pico.load("llama", DType.F64);
    List<List<Map<String, List<double[]>>>> inputs = new ArrayList<>();
    for (List<Sample> rows : ROWS) {
      inputs.add(rows.stream().map(row -> inputs(model, row)).toList());
    }
    Set<String> seen = new TreeSet<>();
    Set<String> targets = model.projectionNames();
    new PreviewPass(model, options.preview(), targets).run(ROWS, (layer, shared) -> {
      assertThat(shared).hasSize(4);
      for (PreviewPass.SharedInput input : shared) {
        for (String module : input.modules()) {
          assertThat(module).startsWith("model.layers." + layer + ".");
          seen.add(module);
          for (int task = 0; task < ROWS.size(); task++) {
            int width = (int) model.projection(module).weight().size(1);
            List<List<double[]>> own =
                inputs.get(task).stream().map(row -> row.get(module)).toList();
            Golden.assertClose(module + " task " + task,
                Tensors.doubles(input.byTask().get(task).normalised(0)),
                expected(options, ROWS.get(task), own, width), 1e-6);
          }
        }
      }
    });
    assertThat(seen).isEqualTo(new TreeSet<>(targets));
  }

  @Test
  void onlyTargetsAreMeasuredAndTheModelIsLeftAsItWas() {
    Decoder model = Pico.load("llama");
    String k = "model.layers.1.self_attn.k_proj";
    String v = "model.layers.1.self_attn.v_proj";
    Projection before = model.projection(k);
    List<List<String>> measured = new ArrayList<>();
    new PreviewPass(model, HasiConfig.thanora().preview(), Set.of(k, v)).run(ROWS,
        (layer, shared) -> {
          shared.forEach(input -> measured.add(input.modules()));
          assertThat(shared.stream().mapToLong(input -> input.byTask().get(0).tokens()))
              .allMatch(tokens ->
                  tokens == ROWS.get(0).stream().mapToInt(row -> row.ids().length).sum());
        });
    assertThat(measured).containsExactly(List.of(k, v));
    assertThat(model.projection(k)).isSameAs(before);
  }

  @Test
  void oneRunAfterAnotherNeedsNoMoreMemory() {
    Decoder model = Pico.load("llama");
    Set<String> targets = model.projectionNames();
    PreviewPass pass = new PreviewPass(model, HasiConfig.thanora().preview(), targets);
    Memory.assertFlat(5, 25, () -> pass.run(ROWS, (layer, shared) -> {
      try (TensorScope visit = TensorScope.open()) {
        shared.forEach(input -> input.byTask().forEach(moments -> moments.normalised(0)));
      }
    }));
  }
}
