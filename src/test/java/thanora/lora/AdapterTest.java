package thanora.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import thanora.Golden;
import thanora.Pico;
import thanora.data.Batch;
import thanora.hasi.HasiConfig;
import thanora.method.AdapterMethod;
import thanora.method.Thanora;
import thanora.model.Decoder;
import thanora.model.HeadLoss;
import thanora.model.Projection;
import thanora.model.TokenBatch;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

class AdapterTest {
  private static final Placement F64 = new Placement("cpu", DType.F64);
  private static final String Q = "model.layers.0.self_attn.q_proj";
  private static final String DOWN = "model.layers.1.mlp.down_proj";

  private final TensorScope scope = TensorScope.open();

  @BeforeAll
  static void threads() {
    Threads.use(1);
  }

  @AfterEach
  void close() {
    scope.close();
  }

  /** One of fewer layers would be left out of the others' without a word. */
  @Test
  void adaptersOfOtherLayersAreNotPutSideBySide() {
    Decoder model = Pico.load("llama");
    LoraAdapter both = LoraAdapter.create(model, List.of(Q, DOWN), 2, 0, 2);
    LoraAdapter one = LoraAdapter.create(model, List.of(Q), 2, 0, 2);
    assertThatThrownBy(() -> Adapter.attach(model, List.of(one, both))).isInstanceOf(IllegalArgumentException.class)
        .hasMessage("adapters side by side must have the same linear layers");
  }

  static Stream<HasiConfig> starts() {
    HasiConfig unit = HasiConfig.thanora();
    return Stream.of(
        unit, HasiConfig.thanoraPaper(),
        unit.with(unit.start().withSplit(HasiConfig.Split.CORDA)));
  }

  @ParameterizedTest
  @MethodSource("starts")
  void theFirstStepsOutputIsTheBasesInFloat32AndInBfloat16(HasiConfig start) {
    for (DType dtype : List.of(DType.F32, DType.BF16)) {
      Decoder model = Pico.load("llama", dtype);
      Batch batch = Pico.batch("llama");
      float[] base = Tensors.floats(Pico.logits(model, batch));
      LoraAdapter adapter = Starts.hasi(model, start);
      assertThat(Tensors.item(adapter.bt(adapter.stacks().get(0), 0).abs().max())).isGreaterThan(0.01);
      adapter.attach(model);
      assertThat(Tensors.floats(Pico.logits(model, batch))).isEqualTo(base);
    }
  }

  @Test
  void detachGivesTheBaseBackBitForBit() {
    Decoder model = Pico.load("qwen2");
    Batch batch = Pico.batch("qwen2");
    float[] base = Tensors.floats(Pico.logits(model, batch));
    LoraAdapter adapter = Starts.hasi(model, HasiConfig.thanora());
    adapter.attach(model);
    Starts.disturb(adapter, 0.05, 1);
    assertThat(Tensors.floats(Pico.logits(model, batch))).isNotEqualTo(base);
    adapter.detach(model);
    assertThat(Tensors.floats(Pico.logits(model, batch))).isEqualTo(base);
    adapter.attach(model);
    model.replace(Q, inner -> new Plain(inner.weight(), inner.bias()));
    assertThatThrownBy(() -> adapter.detach(model))
        .isInstanceOf(IllegalStateException.class).hasMessageContaining(Q);
  }

  /** A linear layer with another weight. */
  private record Plain(Tensor weight, Optional<Tensor> bias) implements Projection {
    @Override
    public Tensor apply(Tensor x, TokenBatch batch) {
      return product(x);
    }
  }

  @Test
  void theDeltaMergedInFloat64GivesTheAdaptersLogits() {
    Decoder model = Pico.load("smollm", DType.F64);
    Batch batch = Pico.batch("smollm");
    LoraAdapter adapter = Starts.hasi(model, HasiConfig.thanora());
    adapter.attach(model);
    Starts.disturb(adapter, 0.05, 2);
    double[] adapted = Tensors.doubles(Pico.logits(model, batch));
    adapter.detach(model);
    double[] base = Tensors.doubles(Pico.logits(model, batch));
    for (String module : adapter.modules()) {
      model.setWeight(module,
          Ops.add(model.projection(module).weight(), adapter.delta(module)));
    }
    double[] merged = Tensors.doubles(Pico.logits(model, batch));
    // the differences B − B⁰ and A − A⁰ are float32
    Golden.assertClose("logits", merged, adapted, 2e-6);
    assertThat(merged[5]).isNotCloseTo(base[5], within(1e-3));
  }

  @Test
  void deltaAndExportedFactorsAreTheDefinition() {
    Decoder model = Pico.load("llama");
    LoraAdapter adapter = Starts.hasi(model, HasiConfig.thanora());
    Map<String, double[]> a0 = new HashMap<>();
    Map<String, double[]> b0 = new HashMap<>();
    for (String module : List.of(Q, DOWN)) {
      a0.put(module, a(adapter, module));
      b0.put(module, bt(adapter, module));
    }
    Starts.disturb(adapter, 0.1, 3);
    for (String module : List.of(Q, DOWN)) {
      Tensor w = model.projection(module).weight();
      int out = (int) w.size(0);
      int in = (int) w.size(1);
      double[] expected = new double[out * in];
      product(expected, bt(adapter, module), a(adapter, module), 8, out, in, 2);
      int frozen = adapter.blocks(module).taskRows();
      product(expected, b0.get(module), a0.get(module), frozen, out, in, -2);
      Golden.assertClose(module, Tensors.doubles(adapter.delta(module)), expected, 1e-12);
      LoraAdapter.Export factors = adapter.export(module);
      assertThat(Tensors.shape(factors.a())).containsExactly(8 + frozen, in);
      assertThat(adapter.exportRank()).isEqualTo(8 + frozen);
      double[] exported = new double[out * in];
      product(exported, Tensors.doubles(factors.b().t()), Tensors.doubles(factors.a()),
          8 + frozen, out, in, adapter.scaling());
      Golden.assertClose(module + " exported", exported, expected, 1e-12);
    }
  }

  /** target += factor Bᵀᵀ A over the first r rows. */
  private static void product(
      double[] target, double[] bt, double[] a, int r, int out, int in, double factor) {
    for (int k = 0; k < r; k++) {
      for (int i = 0; i < out; i++) {
        for (int j = 0; j < in; j++) {
          target[i * in + j] += factor * bt[k * out + i] * a[k * in + j];
        }
      }
    }
  }

  private static double[] a(LoraAdapter adapter, String module) {
    return Tensors.doubles(part(adapter, module, false, false));
  }

  private static double[] bt(LoraAdapter adapter, String module) {
    return Tensors.doubles(part(adapter, module, true, false));
  }

  private static Tensor part(LoraAdapter adapter, String module, boolean b, boolean gradient) {
    for (Adapter.Stack stack : adapter.stacks()) {
      int index = stack.names().indexOf(module);
      if (index >= 0) {
        return (b ? gradient ? adapter.gradBt(stack, 0) : adapter.bt(stack, 0) : gradient ? adapter.gradA(stack, 0) : adapter.a(stack, 0))
            .select(0, index);
      }
    }
    throw new IllegalArgumentException(module);
  }

  @Test
  void theGradientIsThatOfCentralDifferences() {
    Decoder model = Pico.load("llama", DType.F64);
    Batch batch = Pico.batch("llama");
    LoraAdapter adapter = Starts.hasi(model, HasiConfig.thanora());
    adapter.attach(model);
    Starts.disturb(adapter, 0.05, 4);
    double[] gradient = Tensors.doubles(Starts.gradient(model, adapter, batch));
    double[] centre = Tensors.doubles(adapter.parameters());
    double[] expected = new double[6];
    double[] differences = new double[6];
    for (int direction = 0; direction < 6; direction++) {
      double[] up = shifted(centre, direction, 1);
      double[] down = shifted(centre, direction, -1);
      for (int i = 0; i < centre.length; i++) {
        expected[direction] += gradient[i] * (up[i] - down[i]);
      }
      differences[direction] =
          nll(model, adapter, batch, up) - nll(model, adapter, batch, down);
    }
    assertThat(expected[0]).isNotCloseTo(0, within(1e-4));
    Golden.assertClose("differences", differences, expected, 1e-4);
  }

  /** A step along a random direction as float32 holds it. */
  private static double[] shifted(double[] centre, int direction, int sign) {
    Random random = new Random(100 + direction);
    double[] moved = new double[centre.length];
    for (int i = 0; i < moved.length; i++) {
      moved[i] = (float) (centre[i] + sign * 2e-4 * random.nextGaussian());
    }
    return moved;
  }

  private static double nll(Decoder model, LoraAdapter adapter, Batch batch, double[] parameters) {
    try (TensorScope inner = TensorScope.open(); NoGrad off = NoGrad.open()) {
      adapter.parameters().copy_(Tensors.of(parameters));
      adapter.refresh();
      Tensor rows = Ops.select(
          Ops.logSoftmax(Pico.logits(model, batch)), 0, Tensors.of(batch.labelled(), "cpu"));
      Tensor targets = Tensors.of(batch.targets(), "cpu").unsqueeze(1);
      return -Tensors.item(rows.gather(1, targets).sum()) / batch.labels();
    }
  }

  /**
   * With G = dL/dW of the merged weight: dL/dA = s Bᵀ G, dL/dB = s G Aᵀ, whatever is frozen, whichever
   * layers have no adapter. Biases, norms, caps, windows and plain layers are on the way.
   */
  @ParameterizedTest
  @CsvSource({"llama,.*", "qwen2,.*", "qwen3,.*", "qwen2,.*v_proj", "qwen3,.*0.mlp.(gate|down)_proj", "llama,.*1.*q_proj",
      "phi3-longrope,.*", "phi3,.*1.*qkv_proj", "phi3,.*0.mlp.gate_up_proj", "smollm3,.*", "gemma2,.*", "gemma3-vision,.*"})
  void theGradientIsThatOfAutogradThroughTheMergedWeight(String name, String which) {
    Decoder model = Pico.load(name, DType.F64);
    Batch batch = Pico.batch(name);
    List<String> modules = model.projectionNames().stream().filter(module -> module.matches(which)).toList();
    AdapterMethod.Setting setting = Starts.setting(model, modules);
    AdapterMethod method = new Thanora("test", HasiConfig.thanoraPaper(), SprConfig.thanora());
    LoraAdapter adapter = (LoraAdapter) method.empty(setting);
    method.start(setting, adapter, 0);
    Starts.disturb(adapter, 0.05, 5);
    adapter.attach(model);
    Starts.gradient(model, adapter, batch);
    adapter.detach(model);
    Map<String, Tensor> merged = new HashMap<>();
    for (String module : adapter.modules()) {
      Tensor leaf = Ops.add(model.projection(module).weight(), adapter.delta(module)).detach();
      leaf.set_requires_grad(true);
      merged.put(module, leaf);
      model.replace(module, inner -> new Plain(leaf, inner.bias()));
    }
    Tensor last = model.last(Pico.tokens(batch));
    float[] scales = new float[batch.labels()];
    Arrays.fill(scales, 1f / batch.labels());
    HeadLoss.Result loss = HeadLoss.withGradient(
        model, last, batch.labelled(), batch.targets(), scales);
    Ops.backward(last, loss.gradient().orElseThrow());
    double s = adapter.scaling();
    for (String module : adapter.modules()) {
      Tensor g = merged.get(module).grad();
      Tensor bt = Tensors.cast(part(adapter, module, true, false), DType.F64);
      Tensor a = Tensors.cast(part(adapter, module, false, false), DType.F64);
      Golden.assertClose(module + " dA", part(adapter, module, false, true),
          Ops.scale(Ops.matmul(bt, g), s), 1e-5);
      Golden.assertClose(module + " dB", part(adapter, module, true, true),
          Ops.scale(Ops.matmul(a, g.t()), s), 1e-5);
    }
  }

  @ParameterizedTest
  @MethodSource("thanora.lora.MethodFixtures#all")
  void forwardAndMergedAreThoseOfTheFixtures(MethodFixtures fixture) {
    Decoder model = Pico.load("llama");
    Tensor w = Tensors.cast(fixture.matrix("W"), DType.F32);
    model.setWeight(Q, w);
    int r = fixture.integer("r");
    Blocks blocks = fixture.blocks();
    int frozen = blocks.taskRows();
    LoraAdapter adapter = LoraAdapter.create(model, List.of(Q), r, frozen, fixture.number("alpha"));
    adapter.set(Q, new Factors(
        fixture.matrix("given/A"), fixture.matrix("given/B").t(),
        Ops.narrow(fixture.matrix("given/A0"), 0, 0, frozen),
        Ops.narrow(fixture.matrix("given/B0").t(), 0, 0, frozen), blocks));
    adapter.attach(model);
    Tensor x = Tensors.cast(fixture.matrix("given/x"), DType.F32);
    int tokens = (int) x.size(0);
    TokenBatch batch = TokenBatch.of(new int[tokens], "cpu");
    Golden.assertClose("forward", model.projection(Q).apply(x, batch),
        fixture.matrix("forward"), 1e-6);
    Golden.assertClose("merged", Ops.add(Tensors.to(w, F64), adapter.delta(Q)),
        fixture.matrix("merged"), 1e-6);
  }

  @Test
  void restoredStateGivesTheSameLogitsBitForBit() {
    Decoder model = Pico.load("llama");
    Batch batch = Pico.batch("llama");
    LoraAdapter adapter = Starts.hasi(model, HasiConfig.thanora());
    Starts.disturb(adapter, 0.05, 6);
    adapter.attach(model);
    float[] expected = Tensors.floats(Pico.logits(model, batch));
    Map<String, Tensor> saved = new HashMap<>();
    adapter.state().forEach((name, tensor) -> saved.put(name, Tensors.copy(tensor)));
    adapter.detach(model);
    LoraAdapter other = LoraAdapter.create(
        model, List.copyOf(adapter.modules()), 8, adapter.exportRank() - 8, 16);
    other.attach(model);
    other.restore(saved::get);
    assertThat(Tensors.floats(Pico.logits(model, batch))).isEqualTo(expected);
    for (String module : adapter.modules()) {
      assertThat(Tensors.doubles(other.delta(module)))
          .isEqualTo(Tensors.doubles(adapter.delta(module)));
      other.declare(module, adapter.blocks(module));
      assertThat(other.blocks(module)).isEqualTo(adapter.blocks(module));
    }
    assertThatThrownBy(() -> other.declare("nobody", adapter.blocks(Q)))
        .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("nobody");
  }

  /** One module freezes all 8 rows, the other 5, in one adapter. */
  @Test
  void modulesMayFreezeDifferentNumbersOfRows() {
    Decoder model = Pico.load("llama", DType.F64);
    Batch batch = Pico.batch("llama");
    double[] base = Tensors.doubles(Pico.logits(model, batch));
    LoraAdapter adapter = LoraAdapter.create(model, List.of(Q, DOWN), 8, 8, 16);
    adapter.set(Q, random(model, Q, new Blocks(new int[] {4, 2, 2}, 0), 7));
    Factors fewer = random(model, DOWN, new Blocks(new int[] {1, 3, 1}, 3), 8);
    adapter.set(DOWN, fewer);
    adapter.attach(model);
    assertThat(Tensors.doubles(Pico.logits(model, batch))).isEqualTo(base);
    Starts.disturb(adapter, 0.1, 9);
    double[] adapted = Tensors.doubles(Pico.logits(model, batch));
    adapter.detach(model);
    double[] expected = new double[32 * 64];
    product(expected, bt(adapter, DOWN), a(adapter, DOWN), 8, 32, 64, 2);
    product(expected, Tensors.doubles(fewer.b0t()), Tensors.doubles(fewer.a0()), 5, 32, 64, -2);
    Golden.assertClose("delta", Tensors.doubles(adapter.delta(DOWN)), expected, 1e-12);
    for (String module : adapter.modules()) {
      model.setWeight(module,
          Ops.add(model.projection(module).weight(), adapter.delta(module)));
    }
    Golden.assertClose("logits", adapted, Tensors.doubles(Pico.logits(model, batch)), 2e-6);
  }

  /** Task rows away from zero, the cooperative ones with B = 0. */
  private static Factors random(Decoder model, String module, Blocks blocks, long seed) {
    Tensor w = model.projection(module).weight();
    Random random = new Random(seed);
    Tensor a = normal(random, blocks.r(), w.size(1));
    Tensor b0t = normal(random, blocks.taskRows(), w.size(0));
    Tensor bt = Ops.cat(0, b0t,
        Tensors.zeros(Placement.CPU_F32, blocks.r() - blocks.taskRows(), w.size(0)));
    return new Factors(a, bt, Ops.narrow(a, 0, 0, blocks.taskRows()), b0t, blocks);
  }

  private static Tensor normal(Random random, long rows, long columns) {
    float[] values = new float[Math.toIntExact(rows * columns)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Tensors.of(values, rows, columns);
  }

  /** Each number of A and B moves by 2e-4 of itself; bfloat16 cannot hold that beside A and B. */
  @Test
  void aSmallUpdateSurvivesBfloat16() {
    Decoder model = Pico.load("llama", DType.BF16);
    model.setWeight(Q, Tensors.zeros(model.placement(), 32, 32));
    LoraAdapter adapter = LoraAdapter.create(model, List.of(Q), 8, 8, 16);
    adapter.set(Q, random(model, Q, new Blocks(new int[] {3, 3, 2}, 0), 10));
    adapter.attach(model);
    try (NoGrad off = NoGrad.open()) {
      adapter.parameters().mul_(Tensors.of(moves((int) adapter.trainableParameters())));
    }
    adapter.refresh();
    Tensor x = Tensors.cast(normal(new Random(11), 6, 32), DType.BF16);
    TokenBatch batch = TokenBatch.of(new int[6], "cpu");
    Tensor expected = Ops.linear(Tensors.to(x, F64), adapter.delta(Q));
    Golden.assertClose("update", model.projection(Q).apply(x, batch), expected, 0.02);

    LoraAdapter.Export cast = adapter.export(Q);
    Tensor z = Ops.linear(x, Tensors.cast(cast.a(), DType.BF16));
    Tensor naive = Ops.scale(Ops.linear(z, Tensors.cast(cast.b(), DType.BF16)), 2);
    double error = Tensors.item(Ops.sub(Tensors.to(naive, F64), expected).abs().max());
    assertThat(error).isGreaterThan(Tensors.item(expected.abs().max()));
  }

  private static float[] moves(int count) {
    Random random = new Random(12);
    float[] factors = new float[count];
    for (int i = 0; i < count; i++) {
      factors[i] = (float) (1 + 2e-4 * random.nextGaussian());
    }
    return factors;
  }

  @Test
  void anUnknownModuleIsNamed() {
    Decoder model = Pico.load("llama");
    LoraAdapter adapter = LoraAdapter.create(model, List.of(Q), 4, 0, 8);
    assertThatThrownBy(() -> adapter.export(DOWN))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("the adapter has no module " + DOWN);
  }
}
