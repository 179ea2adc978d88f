package thanora.fused;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import thanora.Golden;
import thanora.Pico;
import thanora.data.Batch;
import thanora.data.Sample;
import thanora.dist.ProcessGroup;
import thanora.hasi.HasiConfig;
import thanora.lora.LoraAdapter;
import thanora.lora.Penalty;
import thanora.lora.Starts;
import thanora.model.Checkpointing;
import thanora.model.Decoder;
import thanora.model.HeadLoss;
import thanora.model.LayerPass;
import thanora.model.Tape;
import thanora.model.TokenBatch;
import thanora.tensor.DType;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;
import thanora.train.Trainee;
import thanora.train.Trainer;

/** Beside the same pass operation by operation. */
class FusedDecoderTest {
  private static final String LAYER = "model.layers.1.";

  private final TensorScope scope = TensorScope.open();

  @BeforeAll
  static void threads() {
    Threads.use(1);
  }

  @AfterEach
  void close() {
    scope.close();
  }

  /** What a recorded pass gives: the hidden states, and the loss's gradient in the adapter. */
  private record Passed(double[] hidden, double[] gradient) {
    static Passed of(Decoder model, LoraAdapter adapter, Batch batch, LayerPass layers) {
      return of(model, adapter, batch, layers, false);
    }

    static Passed of(Decoder model, LoraAdapter adapter, Batch batch, LayerPass layers, boolean checkpointing) {
      adapter.zeroGradients();
      try (TensorScope scope = TensorScope.open(); Tape tape = new Tape(false)) {
        TokenBatch tokens = TokenBatch.of(
            batch.ids(), batch.rowStarts(), batch.rowTasks(), model.placement().device()).on(tape);
        Optional<Checkpointing> again = checkpointing ? Optional.of(Checkpointing.of(tokens)) : Optional.empty();
        Tensor last = model.last(tokens, layers, again);
        float[] weights = new float[batch.labelled().length];
        Arrays.fill(weights, 1f / weights.length);
        HeadLoss.Result head =
            HeadLoss.withGradient(model, last, batch.labelled(), batch.targets(), weights);
        tape.backward(head.gradient().orElseThrow());
        return new Passed(Tensors.doubles(model.normed(last)), Tensors.doubles(adapter.gradients()));
      }
    }
  }

  private static void assertAlike(Decoder model, LoraAdapter adapter, Batch batch, int layers) {
    boolean exact = model.placement().dtype() == DType.F64;
    Passed plain = Passed.of(model, adapter, batch, LayerPass.PLAIN);
    assertAlike(plain, Passed.of(model, adapter, batch, LayerPass.PLAIN, true));
    FusedDecoder fused = FusedDecoder.of(model, 0);
    assertThat(fused.layers(true)).hasSize(layers);
    for (int pass = 0; pass < 2; pass++) {
      Passed fast = Passed.of(model, adapter, batch, fused);
      Golden.assertClose("hidden", fast.hidden, plain.hidden, exact ? 1e-10 : 1e-5);
      Golden.assertClose("gradient", fast.gradient, plain.gradient, exact ? 1e-6 : 1e-5);
      assertAlike(fast, Passed.of(model, adapter, batch, fused, true));
    }
    Passed after = Passed.of(model, adapter, batch, LayerPass.PLAIN); // on the weights that have moved
    Golden.assertClose("hidden after", after.hidden, plain.hidden, exact ? 1e-10 : 1e-5);
    Golden.assertClose("gradient after", after.gradient, plain.gradient, exact ? 1e-6 : 1e-5);
  }

  /** Layers that are run again give the same numbers, bit for bit. */
  private static void assertAlike(Passed kept, Passed again) {
    assertThat(again.hidden).isEqualTo(kept.hidden);
    assertThat(again.gradient).isEqualTo(kept.gradient);
  }

  private static LoraAdapter plain(Decoder model, List<String> modules) {
    LoraAdapter adapter = LoraAdapter.create(model, modules, 5, 0, 16);
    adapter.attach(model);
    Starts.disturb(adapter, 0.1, 1);
    return adapter;
  }

  private static Batch ragged() {
    List<Sample> rows = new ArrayList<>();
    Starts.rows(3, 5).forEach(rows::addAll);
    return Batch.of(rows, 3);
  }

  /** Grouped heads, biases, tied heads, stacked maps, windows, partial rotary positions; ragged rows. */
  @ParameterizedTest
  @CsvSource({"llama, 2", "llama-bias, 2", "llama-tied-sharded, 2", "qwen2, 2", "qwen2-windows, 3", "phi3, 2",
      "mistral, 2", "smollm, 3", "smollm3, 4", "qwen3, 0", "gemma2, 0"})
  void hiddenStatesAndGradientsAreThoseOfTheOperations(String name, int layers) {
    for (DType dtype : List.of(DType.F64, DType.F32)) {
      Decoder model = Pico.load(name, dtype);
      LoraAdapter adapter = plain(model, List.copyOf(model.projectionNames()));
      assertAlike(model, adapter, ragged(), layers);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama", "qwen2"})
  void soTheyAreWithFrozenRows(String name) {
    for (DType dtype : List.of(DType.F64, DType.F32)) {
      Decoder model = Pico.load(name, dtype);
      LoraAdapter adapter = adapter(model, true);
      assertThat(adapter.exportRank()).isGreaterThan(adapter.rank());
      assertAlike(model, adapter, ragged(), 2);
    }
  }

  private static Decoder load(String name, String device, DType dtype) {
    return Pico.load(Pico.folder(name), new Placement(device, dtype));
  }

  /** No farther from what float64 gives than the operations one by one. */
  private static void assertAsExact(String name, String device, boolean frozenRows) {
    Decoder exact = load(name, "cpu", DType.F64);
    LoraAdapter same = adapter(exact, frozenRows);
    Passed expected = Passed.of(exact, same, ragged(), LayerPass.PLAIN);
    Decoder model = load(name, device, DType.BF16);
    LoraAdapter adapter = adapter(model, frozenRows);
    adapter.copyMember(0, same, 0);
    adapter.refresh();
    Passed plain = Passed.of(model, adapter, ragged(), LayerPass.PLAIN);
    FusedDecoder fused = FusedDecoder.of(model);
    assertThat(fused.layers(true)).isNotEmpty();
    Passed fast = Passed.of(model, adapter, ragged(), fused);
    assertThat(distance(plain.gradient, expected.gradient)).isLessThan(0.1);
    assertThat(distance(fast.hidden, expected.hidden)).isLessThan(1.3 * distance(plain.hidden, expected.hidden));
    assertThat(distance(fast.gradient, expected.gradient))
        .isLessThan(1.3 * distance(plain.gradient, expected.gradient));
  }

  private static LoraAdapter adapter(Decoder model, boolean frozenRows) {
    if (!frozenRows) {
      return plain(model, List.copyOf(model.projectionNames()));
    }
    LoraAdapter adapter = Starts.hasi(model, HasiConfig.thanora());
    adapter.attach(model);
    Starts.disturb(adapter, 0.05, 1);
    return adapter;
  }

  /** ‖a − b‖ / ‖b‖. */
  private static double distance(double[] a, double[] b) {
    double difference = 0;
    double size = 0;
    for (int i = 0; i < b.length; i++) {
      difference += (a[i] - b[i]) * (a[i] - b[i]);
      size += b[i] * b[i];
    }
    return Math.sqrt(difference / size);
  }

  @ParameterizedTest
  @CsvSource({"llama, false", "llama, true", "qwen2-windows, false", "smollm, false"})
  void inBfloat16TheyAreNoFartherFromExactOnes(String name, boolean frozenRows) {
    assertAsExact(name, "cpu", frozenRows);
  }

  @Tag("gpu")
  @ParameterizedTest
  @CsvSource({"llama, false", "llama, true", "llama-bias, false", "qwen2-windows, false", "phi3, false",
      "smollm, false", "smollm3, false"})
  void onAGpuTheyAreNoFartherFromExactOnes(String name, boolean frozenRows) {
    assertAsExact(name, "cuda", frozenRows);
  }

  static Stream<List<String>> parts() {
    return Stream.of(List.of("self_attn.q_proj", "self_attn.v_proj"), List.of("self_attn.o_proj"),
        List.of("mlp.down_proj"), List.of("mlp.up_proj"), List.of("self_attn.k_proj", "mlp.down_proj"));
  }

  @ParameterizedTest
  @MethodSource("parts")
  void soTheyAreWithAdaptersOnSomeModules(List<String> parts) {
    Decoder model = Pico.load("llama", DType.F64);
    List<String> modules =
        model.projectionNames().stream().filter(name -> parts.stream().anyMatch(name::endsWith)).toList();
    assertAlike(model, plain(model, modules), ragged(), 2);
  }

  @Test
  void soTheyAreWithAdaptersOnSomeLayers() {
    Decoder model = Pico.load("smollm", DType.F64);
    List<String> modules = model.projectionNames().stream().filter(name -> name.startsWith(LAYER)).toList();
    assertAlike(model, plain(model, modules), ragged(), 1);
    adapterTakenAway(model);
  }

  private static void adapterTakenAway(Decoder model) {
    FusedDecoder fused = FusedDecoder.of(model);
    try (Tape tape = new Tape(false)) {
      Batch batch = ragged();
      model.replace(LAYER + "mlp.down_proj", layer -> new Wrapped(layer));
      TokenBatch tokens = Pico.tokens(batch).on(tape);
      assertThat(fused.apply(1, model.embed(tokens), tokens, Optional.empty())).isEmpty();
    }
  }

  /** Something else than an adapter around a layer. */
  private record Wrapped(thanora.model.Projection inner) implements thanora.model.Projection {
    @Override
    public Tensor apply(Tensor x, TokenBatch batch) {
      return inner.apply(x, batch);
    }

    @Override
    public Tensor weight() {
      return inner.weight();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void stepsOfTrainingAreTheSame(boolean frozenRows) {
    double[] fast = train(frozenRows);
    System.setProperty("thanora.fused", "false");
    try {
      Golden.assertClose("parameters", fast, train(frozenRows), 1e-5);
    } finally {
      System.clearProperty("thanora.fused");
    }
  }

  private static double[] train(boolean frozenRows) {
    Decoder model = Pico.load("llama");
    LoraAdapter adapter = adapter(model, frozenRows);
    try (Trainer trainer = new Trainer(model, List.of(Trainee.of(adapter, Penalty.NONE)),
        Starts.constant(1e-3, 1, 0.01), ProcessGroup.single())) {
      for (int step = 1; step <= 5; step++) {
        trainer.step(List.of(ragged(), Pico.batch("llama")), step, 1e-3);
      }
    }
    return Tensors.doubles(adapter.parameters());
  }
}
