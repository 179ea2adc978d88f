package thanora.hasi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import thanora.Golden;
import thanora.Memory;
import thanora.Pico;
import thanora.hasi.HasiConfig.EntropyPower;
import thanora.hasi.HasiConfig.Statistic;
import thanora.hasi.HasiConfig.Subspaces;
import thanora.lora.Blocks;
import thanora.lora.Factors;
import thanora.lora.LoraAdapter;
import thanora.lora.Starts;
import thanora.method.AdapterMethod;
import thanora.model.Decoder;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

/** Starts from gradients beside plain singular value decompositions in float64. */
class GradientStartsTest {
  private static final int TASKS = 3;
  private static final int R = 10;
  private static final HasiConfig CONFIG = HasiConfig.thanora()
      .with(HasiConfig.thanora().preview().withStatistic(Statistic.GRADIENT));

  private final TensorScope scope = TensorScope.open();

  @BeforeAll
  static void threads() {
    Threads.use(2);
  }

  @AfterEach
  void close() {
    scope.close();
  }

  /** A gradient (d_out, d_in) whose singular values fall by {@code decay}. */
  private static Tensor gradient(int dOut, int dIn, double decay, long seed) {
    int smaller = Math.min(dOut, dIn);
    double[] sigma = IntStream.range(0, smaller).mapToDouble(k -> 3 * Math.pow(decay, k)).toArray();
    Tensor u = Ops.orthonormal(Synthetic.gaussian(dOut, smaller, seed));
    Tensor v = Ops.orthonormal(Synthetic.gaussian(dIn, smaller, seed + 1000));
    return Ops.matmul(Ops.mul(u, Tensors.of(sigma, 1, smaller)), Ops.transpose(v));
  }

  /** Of three tasks, the later the flatter, so that tasks go 2, 1, 0. */
  private static List<Tensor> gradients(int dOut, int dIn, long seed) {
    return List.of(gradient(dOut, dIn, 0.6, seed), gradient(dOut, dIn, 0.75, seed + 1),
        gradient(dOut, dIn, 0.9, seed + 2));
  }

  private static Hasi hasi(HasiConfig config, int tasks) {
    return new Hasi(config, Synthetic.names(tasks), R, 2 * R, 11);
  }

  private static GradientSpectra spectra(List<Hasi> starts, Map<String, List<Tensor>> byModule) {
    GradientSpectra spectra = new GradientSpectra(starts);
    int tasks = byModule.values().iterator().next().size();
    for (int task = 0; task < tasks; task++) {
      Map<String, Tensor> own = new LinkedHashMap<>();
      for (Map.Entry<String, List<Tensor>> module : byModule.entrySet()) {
        own.put(module.getKey(), module.getValue().get(task));
      }
      spectra.add(own);
    }
    return spectra;
  }

  private static List<Hasi.Module> modules(Map<String, List<Tensor>> byModule) {
    return byModule.entrySet().stream()
        .map(module -> new Hasi.Module(module.getKey(), module.getValue().get(0))).toList();
  }

  private static List<Hasi.Result> start(Hasi hasi, Map<String, List<Tensor>> byModule) {
    return new HasiStarts(List.of(hasi))
        .layer(modules(byModule), spectra(List.of(hasi), byModule)).get(0);
  }

  private static Hasi.Result start(HasiConfig config, List<Tensor> gradients) {
    return start(hasi(config, gradients.size()), Map.of("m", gradients)).get(0);
  }

  private static Tensor block(Tensor rows, Blocks blocks, int task) {
    return Tensors.cast(Ops.narrow(rows, 0, blocks.start(task), blocks.rank(task)), DType.F64);
  }

  private static double largest(Tensor x) {
    return Arrays.stream(Tensors.doubles(x)).map(Math::abs).max().orElse(0);
  }

  /** The leading r right vectors, as rows. */
  private static Tensor right(Tensor g, int r) {
    return Ops.narrow(Ops.svd(g).vt(), 0, 0, r);
  }

  /** Rows are the same vectors but for their signs. */
  private static void assertSameLines(Tensor actual, Tensor expected, double tolerance) {
    Tensor cosines = Ops.matmul(actual, Ops.transpose(expected));
    long rows = actual.size(0);
    assertThat(expected.size(0)).isEqualTo(rows);
    double[] values = Tensors.doubles(cosines);
    for (int i = 0; i < values.length; i++) {
      assertThat(Math.abs(values[i])).isCloseTo(i % (rows + 1) == 0 ? 1 : 0, within(tolerance));
    }
  }

  /** Columns of B are −b G a / ‖G a‖ of the rows of A as they stand. */
  private static void assertDescends(Factors f, int task, Tensor g, double tolerance) {
    Tensor a = block(f.a(), f.blocks(), task);
    Tensor images = Ops.matmul(a, Ops.transpose(g)); // rows (G a)ᵀ
    Tensor expected = Ops.scale(Ops.div(images, Ops.norms(images, 1)), -CONFIG.start().b());
    assertThat(largest(Ops.sub(block(f.bt(), f.blocks(), task), expected))).isLessThan(tolerance);
    Tensor product = Ops.matmul(Ops.transpose(block(f.bt(), f.blocks(), task)), a);
    assertThat(Ops.sum(Ops.mul(product, g)).item_double()).as("slope along B A").isNegative();
  }

  @ParameterizedTest
  @CsvSource({"24,30", "30,24", "24,24", "140,150"})
  void valuesAndEntropiesAreThoseOfTheGradient(int dOut, int dIn) {
    List<Tensor> gradients = gradients(dOut, dIn, 1);
    Hasi.Result result = start(CONFIG, gradients);
    Hasi squared = hasi(CONFIG.with(CONFIG.preview().withEntropyPower(EntropyPower.SIGMA_SQUARED)), TASKS);
    Hasi.Result ofSquares = start(squared, Map.of("m", gradients)).get(0);
    for (int task = 0; task < TASKS; task++) {
      double[] sigma = Tensors.doubles(Ops.singularValues(gradients.get(task)));
      assertThat(result.plan().tasks().get(task).entropy())
          .isCloseTo(Spectrum.entropy(sigma, EntropyPower.SIGMA), within(2e-6));
      assertThat(ofSquares.plan().tasks().get(task).entropy())
          .isCloseTo(Spectrum.entropy(sigma, EntropyPower.SIGMA_SQUARED), within(2e-6));
      int known = (int) Arrays.stream(sigma).filter(s -> s > 1e-6 * sigma[0]).count();
      assertThat(result.plan().tasks().get(task).numericalRank()).isEqualTo(known);
    }
  }

  /** Task after task by falling entropy, each from G (I − Q Qᵀ) in full. */
  @ParameterizedTest
  @CsvSource({"24,30", "30,24", "24,24", "20,140", "140,20"})
  void deflatedDirectionsAreThoseOfAPlainDecomposition(int dOut, int dIn) {
    HasiConfig all = CONFIG.with(CONFIG.start().withDeflationVectors(0));
    for (long seed = 0; seed < 5; seed++) {
      List<Tensor> gradients = gradients(dOut, dIn, 10 * seed);
      Hasi.Result result = start(all, gradients);
      Factors f = result.factors();
      Tensor taken = Synthetic.gaussian(1, dIn, 0).mul(Tensors.of(new double[] {0}, 1)); // a zero row
      for (int task = TASKS - 1; task >= 0; task--) {
        Tensor g = gradients.get(task);
        Tensor left = Ops.sub(g, Ops.matmul(Ops.matmul(g, Ops.transpose(taken)), taken));
        Tensor expected = right(left, f.blocks().rank(task));
        Tensor a = Ops.scale(block(f.a(), f.blocks(), task), Math.sqrt(3));
        assertSameLines(a, expected, 1e-5);
        assertDescends(f, task, g, 1e-5);
        taken = Ops.cat(0, taken, expected);
      }
      assertThat(result.plan().warnings()).isEmpty();
    }
  }

  /** What stands for G is its leading part. */
  @Test
  void withFewVectorsTheLeadingPartOfTheGradientIsDeflated() {
    HasiConfig few = CONFIG.with(CONFIG.start().withDeflationVectors(12));
    List<Tensor> gradients = gradients(40, 50, 3);
    Factors f = start(few, gradients).factors();
    Tensor first = right(gradients.get(2), f.blocks().rank(2));
    Ops.Svd svd = Ops.svd(gradients.get(1));
    Tensor part = Ops.matmul(
        Ops.mul(Ops.narrow(svd.u(), 1, 0, 12), Ops.narrow(svd.sigma(), 0, 0, 12)),
        Ops.narrow(svd.vt(), 0, 0, 12));
    Tensor left = Ops.sub(part, Ops.matmul(Ops.matmul(part, Ops.transpose(first)), first));
    assertSameLines(Ops.scale(block(f.a(), f.blocks(), 1), Math.sqrt(3)),
        right(left, f.blocks().rank(1)), 1e-5);
    assertDescends(f, 1, part, 1e-5);
  }

  @Test
  void withoutDeflationEveryTaskHasItsLeadingVectors() {
    HasiConfig literal = CONFIG.with(CONFIG.start().withDeflation(false));
    List<Tensor> gradients = gradients(24, 30, 5);
    Factors f = start(literal, gradients).factors();
    for (int task = 0; task < TASKS; task++) {
      int rank = f.blocks().rank(task);
      assertSameLines(Ops.scale(block(f.a(), f.blocks(), task), Math.sqrt(3)),
          right(gradients.get(task), rank), 1e-5);
      Tensor u = Ops.transpose(Ops.narrow(Ops.svd(gradients.get(task)).u(), 1, 0, rank));
      assertSameLines(Ops.scale(block(f.bt(), f.blocks(), task), 1 / CONFIG.start().b()), u, 1e-5);
      assertDescends(f, task, gradients.get(task), 1e-5);
    }
  }

  @Test
  void inputDirectionsOfTwoBlocksAreOrthogonal() {
    for (long seed = 0; seed < 10; seed++) {
      Hasi.Result result = start(CONFIG, gradients(24, 30, 10 * seed));
      Tensor a = Tensors.cast(Ops.narrow(result.factors().a(), 0, 0, 8), DType.F64);
      double[] gram = Tensors.doubles(Ops.scale(Ops.matmul(a, Ops.transpose(a)), 3));
      for (int i = 0; i < gram.length; i++) {
        assertThat(gram[i]).isCloseTo(i % 9 == 0 ? 1 : 0, within(1e-6));
      }
      assertThat(result.plan().overlapAfter().get(0).get(1)).isZero();
      assertThat(result.plan().overlapBefore().get(0).get(1)).isGreaterThan(0.01);
    }
  }

  @Test
  void bZeroGivesAPlainLora() {
    HasiConfig zero = CONFIG.with(CONFIG.start().withB(0));
    assertThat(zero.startsAtZero()).isTrue();
    assertThat(CONFIG.startsAtZero()).isFalse();
    List<Tensor> gradients = gradients(24, 30, 5);
    Factors f = start(zero, gradients).factors();
    assertThat(largest(f.bt())).isZero();
    assertThat(f.b0t().size(0)).isZero();
    assertThat(Tensors.floats(f.a())).isEqualTo(Tensors.floats(start(CONFIG, gradients).factors().a()));
    Decoder model = Pico.load("llama");
    assertThat(Starts.hasi(model, zero).exportRank()).isEqualTo(8);
    assertThat(Starts.hasi(model, CONFIG).exportRank()).isEqualTo(14);
  }

  @Test
  void permutingTasksPermutesBlocks() {
    for (long seed = 0; seed < 10; seed++) {
      List<Tensor> gradients = gradients(24, 30, 10 * seed);
      List<Tensor> turned = new ArrayList<>(gradients);
      Collections.reverse(turned);
      Hasi.Result a = start(CONFIG, gradients);
      Hasi.Result b = start(CONFIG, turned);
      for (int task = 0; task < TASKS; task++) {
        int other = TASKS - 1 - task;
        assertThat(a.plan().tasks().get(task).entropy())
            .isEqualTo(b.plan().tasks().get(other).entropy());
        assertThat(Tensors.floats(block(a.factors().a(), a.factors().blocks(), task)))
            .isEqualTo(Tensors.floats(block(b.factors().a(), b.factors().blocks(), other)));
        assertThat(Tensors.floats(block(a.factors().bt(), a.factors().blocks(), task)))
            .isEqualTo(Tensors.floats(block(b.factors().bt(), b.factors().blocks(), other)));
      }
    }
  }

  /** What a gradient of rank 2 cannot fill: A is random there and B is 0. */
  @Test
  void missingDirectionsAreCompletedWithBZeroAndSaid() {
    List<Tensor> gradients = new ArrayList<>(gradients(24, 30, 7));
    gradients.set(2, Ops.matmul(Synthetic.gaussian(24, 2, 1), Synthetic.gaussian(2, 30, 2)));
    HasiConfig uniform = CONFIG.with(CONFIG.ranks().withRanks(HasiConfig.Ranks.UNIFORM));
    Hasi first = hasi(uniform, TASKS);
    Map<String, List<Tensor>> byModule = Map.of("m", gradients);
    ModulePlan plan = start(first, byModule).get(0).plan();
    assertThat(plan.tasks().get(2).numericalRank()).isEqualTo(2);
    String three = first.plan("t", "b", List.of(plan)).toJson()
        .replaceAll("(\"task0\",\"rank\":)\\d+", "$13").replaceAll("(\"task1\",\"rank\":)\\d+", "$12")
        .replaceAll("(\"task2\",\"rank\":)\\d+", "$14").replaceAll("(\"coop_rank\": )\\d+", "$11");
    Hasi.Result result = start(first.with(RankPlan.fromJson(three)), byModule).get(0);
    assertThat(result.factors().blocks()).isEqualTo(new Blocks(new int[] {3, 2, 4}, 1));
    assertThat(result.plan().warnings()).containsExactly(
        "task task2 has only 2 directions of its own here, 2 more were drawn at random");
    double[] a = Tensors.doubles(Ops.norms(result.factors().a(), 1));
    double[] b = Tensors.doubles(Ops.norms(result.factors().bt(), 1));
    for (int row = 0; row < 9; row++) {
      assertThat(a[row]).isCloseTo(1 / Math.sqrt(3), within(1e-6));
      assertThat(b[row]).isCloseTo(row < 7 ? 0.2 : 0, within(1e-6));
    }
  }

  @Test
  void aGradientOfNothingGivesRandomBlocks() {
    List<Tensor> gradients = new ArrayList<>(gradients(24, 30, 7));
    gradients.set(0, Ops.scale(gradients.get(0), 0));
    Hasi.Result result = start(CONFIG, gradients);
    assertThat(result.plan().tasks().get(0).entropy()).isZero();
    assertThat(largest(block(result.factors().bt(), result.factors().blocks(), 0))).isZero();
    assertThat(Tensors.isFinite(result.factors().a())).isTrue();
  }

  @Test
  void everyStartIsBitByBitWhatItIsAlone() {
    Map<String, List<Tensor>> byModule = new LinkedHashMap<>();
    int[][] shapes = {{24, 30}, {30, 24}, {28, 28}, {40, 60}};
    for (int i = 0; i < 20; i++) { // more than are decomposed at once
      byModule.put("m" + i, gradients(shapes[i % 4][0], shapes[i % 4][1], 10 * i));
    }
    List<Hasi> starts = List.of(
        hasi(CONFIG, TASKS), hasi(CONFIG.with(CONFIG.start().withDeflationVectors(12)), TASKS),
        hasi(CONFIG.with(CONFIG.preview().withEntropyPower(EntropyPower.SIGMA_SQUARED)), TASKS),
        hasi(CONFIG.with(CONFIG.start().withSubspaces(Subspaces.RANDOM)), TASKS),
        new Hasi(CONFIG.with(CONFIG.start().withDeflationVectors(12)), Synthetic.names(TASKS), 20, 20, 12));
    List<List<Hasi.Result>> together =
        new HasiStarts(starts).layer(modules(byModule), spectra(starts, byModule));
    for (int i = 0; i < starts.size(); i++) {
      List<Hasi.Result> alone = start(starts.get(i), byModule);
      for (int m = 0; m < alone.size(); m++) {
        assertThat(together.get(i).get(m).plan()).isEqualTo(alone.get(m).plan());
        Factors own = alone.get(m).factors();
        Factors shared = together.get(i).get(m).factors();
        assertThat(Tensors.floats(shared.a())).isEqualTo(Tensors.floats(own.a()));
        assertThat(Tensors.floats(shared.bt())).isEqualTo(Tensors.floats(own.bt()));
      }
    }
  }

  @Test
  void whatWasNotMeasuredIsRefused() {
    List<Tensor> gradients = gradients(24, 30, 5);
    Hasi start = hasi(CONFIG, 2);
    assertThatThrownBy(() -> start(start, Map.of("m", gradients)))
        .hasMessage("m: gradients of 3 tasks do not fit 2");
    List<Hasi.Module> moments =
        List.of(new Hasi.Module("m", gradients.get(0), Synthetic.tasks(2, 30, 1)));
    assertThatThrownBy(() -> start.layer(moments)).hasMessageContaining("GradientPass");
    assertThatThrownBy(() -> new HasiStarts(List.of(start, hasi(HasiConfig.thanora(), 2))))
        .hasMessageContaining("no preview pass in common");
  }

  /** From a model's rows to its adapter, module by module and task by task. */
  @Test
  void theAdapterStartsFromTheGradientsOfItsModel() {
    Decoder model = Pico.load("qwen2");
    AdapterMethod.Setting setting = Starts.setting(model, List.copyOf(model.projectionNames()));
    Map<String, List<double[]>> measured = new HashMap<>();
    new GradientPass(model, setting.modules()).run(setting.previewRows(), (task, gradients) ->
        gradients.forEach((module, g) ->
            measured.computeIfAbsent(module, key -> new ArrayList<>()).add(Tensors.doubles(g))));
    LoraAdapter adapter = Starts.hasi(model, CONFIG);
    for (String module : setting.modules()) {
      long[] shape = Tensors.shape(model.projection(module).weight());
      List<Tensor> gradients =
          measured.get(module).stream().map(values -> Tensors.of(values, shape)).toList();
      int first = IntStream.range(0, TASKS).boxed().max(Comparator.comparingDouble(task ->
          Spectrum.entropy(Tensors.doubles(Ops.singularValues(gradients.get(task))), EntropyPower.SIGMA)))
          .orElseThrow();
      Blocks blocks = adapter.blocks(module, 0);
      Tensor a = block(adapter.export(module).a(), blocks, first);
      assertSameLines(
          Ops.scale(a, Math.sqrt(3)), right(gradients.get(first), blocks.rank(first)), 1e-3);
      Tensor images = Ops.matmul(a, Ops.transpose(gradients.get(first)));
      Golden.assertClose(module,
          block(Ops.transpose(adapter.export(module).b()), blocks, first),
          Ops.scale(Ops.div(images, Ops.norms(images, 1)), -0.2), 1e-4);
    }
  }

  @Test
  void oneStartAfterAnotherNeedsNoMoreMemory() {
    Map<String, List<Tensor>> byModule =
        Map.of("tall", gradients(40, 30, 1), "wide", gradients(30, 40, 2));
    Hasi hasi = hasi(CONFIG, TASKS);
    Memory.assertFlat(5, 25, () -> {
      try (TensorScope inner = TensorScope.open()) {
        start(hasi, byModule);
      }
    });
  }
}
