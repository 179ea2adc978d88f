package thanora.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import thanora.Pico;
import thanora.data.Batch;
import thanora.hasi.HasiConfig;
import thanora.hasi.ModulePlan;
import thanora.hasi.RankPlan;
import thanora.lora.Adapter;
import thanora.lora.SprConfig;
import thanora.lora.Starts;
import thanora.model.Decoder;
import thanora.tensor.DType;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

/** What every method must keep to. */
class MethodsTest {
  private final TensorScope scope = TensorScope.open();

  @BeforeAll
  static void threads() {
    Threads.use(1);
  }

  @AfterEach
  void close() {
    scope.close();
  }

  static Stream<AdapterMethod> methods() {
    return Stream.of(
        new PlainLora(false), new PlainLora(true), new Dora(), new Pissa(), new Olora(), new Corda(),
        new HydraLora(4), new MtlLora(3, 0.1), new LoraPerTask(),
        new Thanora("thanora", HasiConfig.thanora(), SprConfig.thanora()),
        new Thanora("thanora-paper", HasiConfig.thanoraPaper(), SprConfig.thanoraPaper()),
        new Thanora("gradient", gradient(), SprConfig.thanora()));
  }

  private static HasiConfig gradient() {
    HasiConfig preset = HasiConfig.thanora();
    return preset.with(preset.preview().withStatistic(HasiConfig.Statistic.GRADIENT));
  }

  @ParameterizedTest
  @MethodSource("methods")
  void theFirstStepsOutputIsTheBases(AdapterMethod method) {
    for (DType dtype : List.of(DType.F32, DType.BF16)) {
      Decoder model = Pico.load("qwen2", dtype);
      Batch batch = Pico.batch("qwen2");
      float[] base = Tensors.floats(Pico.logits(model, batch));
      Adapter adapter = started(method, model, 1);
      adapter.attach(model);
      assertThat(Tensors.floats(Pico.logits(model, batch))).as(dtype.toString()).isEqualTo(base);
      Starts.disturb(adapter, 0.1, 1);
      assertThat(Tensors.floats(Pico.logits(model, batch))).isNotEqualTo(base);
    }
  }

  private static Adapter started(AdapterMethod method, Decoder model, long seed) {
    AdapterMethod.Setting setting = Starts.setting(model, List.copyOf(model.projectionNames()), seed);
    Adapter adapter = method.empty(setting);
    method.start(setting, adapter, 0);
    return adapter;
  }

  @ParameterizedTest
  @MethodSource("methods")
  void theStartIsAFunctionOfTheSeedAndOfNothingElse(AdapterMethod method) {
    Decoder model = Pico.load("llama");
    float[] once = Tensors.floats(started(method, model, 1).parameters());
    assertThat(Tensors.floats(started(method, model, 1).parameters())).isEqualTo(once);
    AdapterMethod.Setting setting = Starts.setting(model, List.copyOf(model.projectionNames()), 1);
    Adapter two = method.form(setting).create(model, setting.modules(), 2);
    method.start(setting, two, 1);
    assertThat(Tensors.floats(two.parameters().select(0, 1))).isEqualTo(once);
    assertThat(Tensors.floats(two.parameters().select(0, 0))).as("the member next door").containsOnly(0);
    Adapter copied = method.empty(setting);
    copied.copyMember(0, two, 1);
    assertThat(Tensors.floats(copied.parameters())).isEqualTo(once);
  }

  /** Those that measure the same share it; a plan's ranks hold for the gradient too. */
  @Test
  void membersStartedTogetherAreWhatTheyAreAlone() {
    Decoder model = Pico.load("llama");
    List<String> modules = List.of("model.layers.0.self_attn.k_proj", "model.layers.1.mlp.down_proj");
    AdapterMethod.Setting plain = Starts.setting(model, modules);
    HasiConfig preset = HasiConfig.thanora();
    Thanora own = new Thanora("gradient", gradient(), SprConfig.thanora());
    RankPlan made = own.start(plain, own.empty(plain), 0).orElseThrow();
    List<ModulePlan> turned = made.modules().stream().map(MethodsTest::firstTwoTasksChangeRanks).toList();
    RankPlan plan = new RankPlan(made.method(), made.seed(), made.r(), made.alpha(), made.tau(), made.rMin(),
        made.previewRows(), made.base(), made.tasks(), turned);
    AdapterMethod.Setting given = new AdapterMethod.Setting(model, modules, plain.taskNames(), plain.previewRows(),
        plain.r(), plain.alpha(), plain.seed(), plain.fingerprint(), Optional.of(plan), layer -> {});
    List<Thanora.Place> places = new ArrayList<>();
    for (HasiConfig config : List.of(preset, gradient(), gradient().with(preset.start().withB(0)),
        preset.with(preset.preview().withStatistic(HasiConfig.Statistic.X)))) {
      for (AdapterMethod.Setting setting : List.of(plain, given)) {
        Thanora method = new Thanora("test", config, SprConfig.thanora());
        places.add(new Thanora.Place(method, setting, method.empty(setting), 0));
      }
    }
    List<RankPlan> together = Thanora.start(places);
    for (int i = 0; i < places.size(); i++) {
      Thanora.Place place = places.get(i);
      Adapter alone = place.method().empty(place.setting());
      assertThat(together.get(i)).isEqualTo(place.method().start(place.setting(), alone, 0).orElseThrow());
      assertThat(Tensors.floats(place.adapter().parameters())).isEqualTo(Tensors.floats(alone.parameters()));
      for (String module : modules) {
        assertThat(together.get(i).modules()).extracting(ModulePlan::name).isEqualTo(modules);
        if (place.setting() == given) {
          assertThat(place.adapter().blocks(module, 0)).isEqualTo(plan.module(module).orElseThrow().blocks());
        }
      }
    }
  }

  private static ModulePlan firstTwoTasksChangeRanks(ModulePlan module) {
    List<ModulePlan.TaskRank> rows = new ArrayList<>(module.tasks());
    int both = rows.get(0).rank() + rows.get(1).rank();
    rows.set(0, withRank(rows.get(0), 1));
    rows.set(1, withRank(rows.get(1), both - 1));
    return new ModulePlan(module.name(), module.dIn(), module.dOut(), rows, module.coopRank(),
        module.overlapBefore(), module.overlapAfter(), module.why(), module.warnings());
  }

  private static ModulePlan.TaskRank withRank(ModulePlan.TaskRank row, int rank) {
    return new ModulePlan.TaskRank(row.task(), row.entropy(), row.share(), rank, row.numericalRank());
  }

  /** What merges gives weights; what does not says so. */
  @ParameterizedTest
  @MethodSource("methods")
  void whatDoesNotMergeSaysSo(AdapterMethod method) {
    Decoder model = Pico.load("llama");
    Adapter adapter = started(method, model, 1);
    String module = List.copyOf(adapter.modules()).get(0);
    Tensor w = Tensors.to(model.projection(module).weight(), new Placement("cpu", DType.F64));
    boolean routes = method instanceof HydraLora || method instanceof MtlLora || method instanceof LoraPerTask;
    assertThat(adapter.merges()).isEqualTo(!routes);
    assertThat(adapter.needsTask()).isEqualTo(routes && !(method instanceof HydraLora));
    if (routes) {
      assertThatThrownBy(() -> adapter.merged(module, 0, w))
          .isInstanceOf(UnsupportedOperationException.class).hasMessageContaining("merge");
    } else {
      double[] merged = Tensors.doubles(adapter.merged(module, 0, w));
      double[] own = Tensors.doubles(w);
      for (int i = 0; i < own.length; i++) {
        assertThat(merged[i]).isCloseTo(own[i], within(1e-6));
      }
    }
  }

  /** One layer of SmolLM2-135M, r 32, six tasks: r (in + out) summed is the budget. */
  @ParameterizedTest
  @MethodSource("methods")
  void trainableNumbersAreThoseOfAPlainLoraWithinThreePercent(AdapterMethod method) {
    Decoder model = Pico.load("llama");
    String at = "model.layers.0.";
    Map<String, long[]> shapes = Map.of( // out, in
        at + "self_attn.q_proj", new long[] {576, 576}, at + "self_attn.k_proj", new long[] {192, 576},
        at + "self_attn.v_proj", new long[] {192, 576}, at + "self_attn.o_proj", new long[] {576, 576},
        at + "mlp.gate_proj", new long[] {1536, 576}, at + "mlp.up_proj", new long[] {1536, 576},
        at + "mlp.down_proj", new long[] {576, 1536});
    shapes.forEach((name, shape) -> model.setWeight(name, Tensors.zeros(Placement.CPU_F32, shape)));
    AdapterMethod.Setting setting = new AdapterMethod.Setting(model, List.copyOf(shapes.keySet()),
        IntStream.range(0, 6).mapToObj(task -> "task" + task).toList(), List.of(), 32, 64, 1, "smollm2",
        Optional.empty(), layer -> {});
    double budget = 32 * shapes.values().stream().mapToLong(shape -> shape[0] + shape[1]).sum();
    assertThat(budget).isEqualTo(32 * (2 * 1152 + 2 * 768 + 3 * 2112));
    assertThat(method.empty(setting).trainableParameters() / budget).isBetween(0.97, 1.03);
  }
}
