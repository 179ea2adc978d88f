package thanora.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import thanora.Golden;
import thanora.Pico;
import thanora.data.Batch;
import thanora.data.MemberBatch;
import thanora.data.Sample;
import thanora.fused.FusedDecoder;
import thanora.hasi.HasiConfig;
import thanora.lora.Adapter;
import thanora.lora.SprConfig;
import thanora.lora.Starts;
import thanora.method.AdapterMethod;
import thanora.method.Dora;
import thanora.method.HydraLora;
import thanora.method.LoraPerTask;
import thanora.method.MtlLora;
import thanora.method.PlainLora;
import thanora.method.Thanora;
import thanora.tensor.DType;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

/** Layers run again by slices, beside layers that keep everything. */
class CheckpointingTest {
  private static final int TASKS = 3;
  private static final int TOKENS = 20; // of some 130

  private final TensorScope scope = TensorScope.open();

  @BeforeAll
  static void threads() {
    Threads.use(1);
  }

  @AfterEach
  void close() {
    scope.close();
  }

  private static Batch batch() {
    List<Sample> rows = new ArrayList<>();
    Starts.rows(5, 7).forEach(rows::addAll);
    return Batch.of(rows, TASKS);
  }

  private static Adapter adapter(Decoder model, AdapterMethod method, int members) {
    List<String> modules = List.copyOf(model.projectionNames());
    Adapter adapter = method.form(Starts.setting(model, modules)).create(model, modules, members);
    for (int member = 0; member < members; member++) {
      method.start(Starts.setting(model, modules, 1 + member), adapter, member);
    }
    Starts.disturb(adapter, 0.1, 2);
    adapter.attach(model);
    return adapter;
  }

  /** What a pass gives from a fixed gradient of its result: that result, and the adapter's gradients. */
  private record Passed(double[] last, double[] gradient) {
    static Passed of(Decoder model, Adapter adapter, LayerPass layers, boolean byTask, Optional<Integer> slice) {
      adapter.zeroGradients();
      try (TensorScope scope = TensorScope.open(); Tape tape = new Tape(byTask)) {
        TokenBatch batch = TokenBatch.of(MemberBatch.of(batch(), adapter.members()), "cpu").on(tape);
        Tensor last = model.last(batch, layers, slice.map(tokens -> Checkpointing.of(batch, tokens)));
        double[] values = Tensors.doubles(last);
        tape.backward(upstream(last));
        return new Passed(values,
            Tensors.doubles(byTask ? adapter.taskGradients().get().values() : adapter.gradients()));
      }
    }

    private static Tensor upstream(Tensor like) {
      Random random = new Random(3);
      double[] values = new double[(int) like.numel()];
      Arrays.setAll(values, i -> random.nextGaussian());
      return Tensors.to(Tensors.of(values, Tensors.shape(like)), Tensors.placement(like));
    }

    /** An adapter's gradients are sums in float32, whatever the model's type. */
    void assertCloseTo(Passed other, boolean exact) {
      Golden.assertClose("last", last, other.last, exact ? 1e-10 : 1e-5);
      Golden.assertClose("gradient", gradient, other.gradient, exact ? 1e-6 : 1e-5);
    }
  }

  private static void assertAlike(Decoder model, Adapter adapter, LayerPass layers, boolean byTask) {
    boolean exact = model.placement().dtype() == DType.F64;
    Passed kept = Passed.of(model, adapter, layers, byTask, Optional.empty());
    assertThat(Arrays.stream(kept.gradient).map(Math::abs).max().orElseThrow()).isGreaterThan(1e-3);
    for (int tokens : new int[] {1, TOKENS, 1 << 20}) {
      Passed.of(model, adapter, layers, byTask, Optional.of(tokens)).assertCloseTo(kept, exact);
    }
    Passed.of(model, adapter, layers, byTask, Optional.empty()).assertCloseTo(kept, exact);
  }

  static Stream<Arguments> methods() {
    return Stream.of(new PlainLora(false), new Thanora("test", HasiConfig.thanora(), SprConfig.thanora()), new Dora(),
            new HydraLora(3), new MtlLora(3, 0.1), new LoraPerTask())
        .flatMap(method -> Stream.of(Arguments.of(method, 1), Arguments.of(method, 2)));
  }

  @ParameterizedTest
  @MethodSource("methods")
  void slicesGiveTheSameOperationByOperation(AdapterMethod method, int members) {
    Decoder model = Pico.load("llama", DType.F64);
    assertAlike(model, adapter(model, method, members), LayerPass.PLAIN, false);
  }

  /** Grouped heads, biases, windows, partial rotary positions, norms of heads, caps. */
  @ParameterizedTest
  @CsvSource({"llama-bias", "qwen2-windows", "phi3", "smollm3", "qwen3", "gemma2"})
  void soTheyDoInOtherModels(String name) {
    for (DType dtype : List.of(DType.F64, DType.F32)) {
      Decoder model = Pico.load(name, dtype);
      Adapter adapter = adapter(model, new PlainLora(false), 1);
      assertAlike(model, adapter, LayerPass.PLAIN, false);
      assertAlike(model, adapter, FusedDecoder.of(model), false);
    }
  }

  @ParameterizedTest
  @CsvSource({"false", "true"})
  void soTheyDoByTheFastLayer(boolean byTask) {
    Decoder model = Pico.load("llama", DType.F64);
    Adapter adapter = adapter(model, new Thanora("test", HasiConfig.thanora(), SprConfig.thanora()), 1);
    adapter.keepTaskGradients(TASKS);
    assertAlike(model, adapter, FusedDecoder.of(model), byTask);
  }

  @Test
  void partsAreWholeRowsOfAboutEqualLength() {
    TokenBatch batch = TokenBatch.of(new int[100], new int[] {0, 10, 20, 60, 70, 80, 90, 100}, new int[7], "cpu");
    assertThat(batch.parts(30)).extracting(TokenBatch::tokens).containsExactly(60, 30, 10);
    assertThat(batch.parts(50)).extracting(TokenBatch::tokens).containsExactly(60, 40);
    assertThat(batch.parts(1)).extracting(TokenBatch::tokens).containsExactly(10, 10, 40, 10, 10, 10, 10);
    TokenBatch whole = batch.parts(100).get(0);
    assertThat(whole.tokens()).isEqualTo(100);
    assertThat(whole.isPart()).isFalse();
    assertThat(batch.parts(30)).extracting(TokenBatch::endsWhole).containsExactly(false, false, true);
  }
}
