package thanora.hasi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import thanora.hasi.HasiConfig.Granularity;
import thanora.hasi.HasiConfig.Split;
import thanora.hasi.HasiConfig.Statistic;
import thanora.hasi.HasiConfig.Subspaces;
import thanora.hasi.HasiConfig.Subtract;
import thanora.lora.Blocks;
import thanora.lora.Factors;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

class HasiTest {
  private static final int TASKS = 3;
  private static final int R = 10;
  private static final double ALPHA = 20;
  private static final HasiConfig PRESET = HasiConfig.thanora();
  private static final HasiConfig PAPER = HasiConfig.thanoraPaper();

  @BeforeAll
  static void threads() {
    Threads.use(2);
  }

  private static Hasi.Result run(HasiConfig config, Tensor w, List<Moments> moments) {
    Hasi hasi = new Hasi(config, Synthetic.names(moments.size()), R, ALPHA, 11);
    return hasi.layer(List.of(new Hasi.Module("layers.0.q_proj", w, moments))).get(0);
  }

  private static Tensor block(Tensor rows, Blocks blocks, int task) {
    return Ops.narrow(rows, 0, blocks.start(task), blocks.rank(task));
  }

  /** Orthonormal basis (d_out, r_t) of a task's columns of B. */
  private static Tensor basis(Hasi.Result result, int task) {
    Tensor bt = block(result.factors().bt(), result.factors().blocks(), task);
    return Ops.orthonormal(Tensors.cast(Ops.transpose(bt), DType.F64));
  }

  private static Tensor product(Hasi.Result result, int task) {
    Blocks blocks = result.factors().blocks();
    Tensor bt = Tensors.cast(block(result.factors().bt(), blocks, task), DType.F64);
    Tensor a = Tensors.cast(block(result.factors().a(), blocks, task), DType.F64);
    return Ops.scale(Ops.matmul(Ops.transpose(bt), a), ALPHA / R);
  }

  @ParameterizedTest
  @CsvSource({"24,30,UNIT", "30,24,BALANCED", "24,24,CORDA"})
  void ranksSumToRAndStepZeroIsTheBase(int dOut, int dIn, Split split) {
    for (long seed = 0; seed < 10; seed++) {
      try (TensorScope scope = TensorScope.open()) {
        HasiConfig config = PRESET.with(PRESET.start().withSplit(split));
        Hasi.Result result =
            run(config, Synthetic.gaussian(dOut, dIn, seed), Synthetic.tasks(TASKS, dIn, seed));
        Factors f = result.factors();
        assertThat(f.blocks().r()).isEqualTo(R);
        assertThat(f.blocks().coopRank()).isEqualTo(2);
        assertThat(Tensors.shape(f.a())).containsExactly(R, dIn);
        assertThat(Tensors.shape(f.bt())).containsExactly(R, dOut);
        Tensor update = Ops.matmul(Ops.transpose(f.bt()), f.a());
        Tensor frozen = Ops.matmul(Ops.transpose(f.b0t()), f.a0());
        assertThat(largest(Ops.sub(update, frozen))).isLessThan(1e-6);
        assertThat(largest(update)).isGreaterThan(1e-3);
        assertThat(largest(Ops.narrow(f.bt(), 0, 8, 2))).isZero();
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"BALANCED,1", "CORDA,1", "BALANCED,0.25"})
  void productOfATaskIsGammaTimesTheProjectionOfW(Split split, double gamma) {
    for (long seed = 0; seed < 10; seed++) {
      for (boolean deflation : new boolean[] {false, true}) {
        try (TensorScope scope = TensorScope.open()) {
          Tensor w = Synthetic.gaussian(24, 30, seed);
          HasiConfig.Start start = PAPER.start().withSplit(split).withGamma(gamma);
          Hasi.Result result =
              run(PAPER.with(start.withDeflation(deflation)), w, Synthetic.tasks(TASKS, 30, seed));
          for (int task = 0; task < TASKS; task++) {
            Tensor p = basis(result, task);
            Tensor projected = Ops.scale(Ops.matmul(p, Ops.matmul(Ops.transpose(p), w)), gamma);
            assertThat(largest(Ops.sub(product(result, task), projected))).isLessThan(1e-5);
          }
        }
      }
    }
  }

  @Test
  void literalProductEqualsCordasWithTheInverseOfC() {
    for (long seed = 0; seed < 10; seed++) {
      try (TensorScope scope = TensorScope.open()) {
        Tensor w = Synthetic.gaussian(12, 16, seed);
        List<Moments> moments = Synthetic.tasks(TASKS, 16, seed);
        Hasi.Result result = run(PAPER, w, moments);
        for (int task = 0; task < TASKS; task++) {
          Tensor expected = corda(w, moments.get(task), result.factors().blocks().rank(task));
          assertThat(largest(Ops.sub(product(result, task), expected))).isLessThan(1e-5);
        }
      }
    }
  }

  /** U Σ Vᵀ C⁻¹ of the top r singular values of W C, the inverse taken explicitly. */
  private static Tensor corda(Tensor w, Moments moments, int r) {
    Tensor c = moments.normalised(0);
    Ops.Eigen eigen = Ops.eigen(c);
    Tensor ones = Tensors.of(new double[] {1}, 1);
    Tensor inverse =
        Ops.matmul(
            Ops.mul(eigen.vectors(), Ops.div(ones, eigen.values())),
            Ops.transpose(eigen.vectors()));
    Ops.Svd svd = Ops.svd(Ops.matmul(w, c));
    Tensor u = Ops.mul(Ops.narrow(svd.u(), 1, 0, r), Ops.narrow(svd.sigma(), 0, 0, r));
    return Ops.matmul(Ops.matmul(u, Ops.narrow(svd.vt(), 0, 0, r)), inverse);
  }

  @Test
  void oneTaskWithoutCooperativeBlockIsCorda() {
    for (long seed = 0; seed < 10; seed++) {
      try (TensorScope scope = TensorScope.open()) {
        Tensor w = Synthetic.gaussian(14, 16, seed);
        List<Moments> moments = Synthetic.tasks(1, 16, seed);
        HasiConfig config =
            PAPER.with(PAPER.ranks().withCoop(false)).with(PAPER.start().withSplit(Split.CORDA));
        Hasi hasi = new Hasi(config, List.of("only"), R, R, 0);
        Factors f = hasi.layer(List.of(new Hasi.Module("m", w, moments))).get(0).factors();
        assertThat(f.blocks()).isEqualTo(new Blocks(new int[] {R}, 0));
        double[] sigma =
            Tensors.doubles(Ops.svd(Ops.matmul(w, moments.get(0).normalised(0))).sigma());
        double[] columns = Tensors.doubles(Ops.norms(f.bt(), 1));
        for (int k = 0; k < R; k++) {
          assertThat(columns[k]).isCloseTo(Math.sqrt(sigma[k]), within(1e-5 * Math.sqrt(sigma[0])));
        }
        Tensor update = Tensors.cast(Ops.matmul(Ops.transpose(f.bt()), f.a()), DType.F64);
        assertThat(largest(Ops.sub(update, corda(w, moments.get(0), R)))).isLessThan(1e-5);
      }
    }
  }

  @Test
  void unitSplitHasRowsOfLoraLengthAndColumnsOfLengthB() {
    for (long seed = 0; seed < 10; seed++) {
      try (TensorScope scope = TensorScope.open()) {
        Factors f =
            run(PRESET, Synthetic.gaussian(24, 30, seed), Synthetic.tasks(TASKS, 30, seed))
                .factors();
        double[] rows = Tensors.doubles(Ops.norms(Ops.narrow(f.a(), 0, 0, 8), 1));
        double[] columns = Tensors.doubles(Ops.norms(Ops.narrow(f.bt(), 0, 0, 8), 1));
        for (int k = 0; k < 8; k++) {
          assertThat(rows[k]).isCloseTo(1 / Math.sqrt(3), within(1e-6));
          assertThat(columns[k]).isCloseTo(0.2, within(1e-6));
        }
        double bound = 1 / Math.sqrt(30);
        for (double value : Tensors.doubles(Ops.narrow(f.a(), 0, 8, 2))) {
          assertThat(Math.abs(value)).isLessThanOrEqualTo(bound + 1e-7);
        }
      }
    }
  }

  @Test
  void deflatedSubspacesAreOrthogonalAndLiteralOnesAreNot() {
    for (long seed = 0; seed < 10; seed++) {
      try (TensorScope scope = TensorScope.open()) {
        Hasi.Result result =
            run(PRESET, Synthetic.gaussian(24, 30, seed), Synthetic.tasks(TASKS, 30, seed));
        Tensor bt = Tensors.cast(Ops.narrow(result.factors().bt(), 0, 0, 8), DType.F64);
        double[] gram = Tensors.doubles(Ops.scale(Ops.matmul(bt, Ops.transpose(bt)), 25));
        for (int i = 0; i < gram.length; i++) {
          assertThat(gram[i]).isCloseTo(i % 9 == 0 ? 1 : 0, within(1e-5));
        }
        assertThat(result.plan().overlapAfter().get(0).get(1)).isZero();
        assertThat(result.plan().overlapBefore().get(0).get(1)).isGreaterThan(0.01);
        assertThat(result.plan().overlapBefore().get(2).get(2)).isCloseTo(1, within(1e-6));
      }
    }
  }

  @Test
  void theTaskOfHighestEntropyKeepsItsOwnLeadingVectors() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor w = Synthetic.gaussian(24, 30, 1);
      List<Moments> moments = Synthetic.tasks(TASKS, 30, 1);
      Hasi.Result result = run(PRESET, w, moments);
      double[] entropies =
          result.plan().tasks().stream().mapToDouble(ModulePlan.TaskRank::entropy).toArray();
      assertThat(entropies[2]).isGreaterThan(entropies[1]).isGreaterThan(entropies[0]);
      Tensor u = Ops.svd(Ops.matmul(w, moments.get(2).normalised(0))).u();
      Tensor top = Ops.narrow(u, 1, 0, result.factors().blocks().rank(2));
      Tensor p = basis(result, 2);
      Tensor difference =
          Ops.sub(Ops.matmul(p, Ops.transpose(p)), Ops.matmul(top, Ops.transpose(top)));
      assertThat(largest(difference)).isLessThan(1e-5);
    }
  }

  @Test
  void scalingActivationsChangesNothing() {
    for (long seed = 0; seed < 10; seed++) {
      try (TensorScope scope = TensorScope.open()) {
        Tensor w = Synthetic.gaussian(24, 30, seed);
        Tensor x = Synthetic.activations(90, 30, 0.9, seed);
        Tensor y = Synthetic.activations(90, 30, 0.7, seed + 50);
        List<Moments> one = List.of(Synthetic.moments(x), Synthetic.moments(y));
        List<Moments> other =
            List.of(Synthetic.moments(Ops.scale(x, 1000)), Synthetic.moments(Ops.scale(y, 1e-3)));
        Hasi.Result a = run(PRESET, w, one);
        Hasi.Result b = run(PRESET, w, other);
        assertThat(a.plan().tasks()).isEqualTo(b.plan().tasks());
        assertThat(largest(Ops.sub(a.factors().a(), b.factors().a()))).isLessThan(1e-5);
        assertThat(largest(Ops.sub(a.factors().bt(), b.factors().bt()))).isLessThan(1e-5);
      }
    }
  }

  @Test
  void permutingTasksPermutesBlocks() {
    for (long seed = 0; seed < 10; seed++) {
      try (TensorScope scope = TensorScope.open()) {
        Tensor w = Synthetic.gaussian(24, 30, seed);
        List<Moments> moments = Synthetic.tasks(TASKS, 30, seed);
        List<Moments> turned = new ArrayList<>(moments);
        Collections.reverse(turned);
        Hasi.Result a = run(PRESET, w, moments);
        Hasi.Result b = run(PRESET, w, turned);
        for (int task = 0; task < TASKS; task++) {
          int other = TASKS - 1 - task;
          assertThat(a.plan().tasks().get(task).entropy())
              .isEqualTo(b.plan().tasks().get(other).entropy());
          assertThat(largest(Ops.sub(product(a, task), product(b, other)))).isLessThan(1e-5);
        }
      }
    }
  }

  @Test
  void sameSeedGivesSameBytesAndAnotherSeedAnotherCooperativeBlock() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor w = Synthetic.gaussian(24, 30, 1);
      List<Moments> moments = Synthetic.tasks(TASKS, 30, 1);
      Factors a = run(PRESET, w, moments).factors();
      Factors b = run(PRESET, w, moments).factors();
      assertThat(Tensors.floats(a.a())).isEqualTo(Tensors.floats(b.a()));
      assertThat(Tensors.floats(a.bt())).isEqualTo(Tensors.floats(b.bt()));
      Hasi.Module module = new Hasi.Module("layers.0.q_proj", w, moments);
      Factors c =
          new Hasi(PRESET, Synthetic.names(TASKS), R, ALPHA, 12).layer(List.of(module)).get(0)
              .factors();
      assertThat(largest(Ops.sub(Ops.narrow(a.a(), 0, 0, 8), Ops.narrow(c.a(), 0, 0, 8)))).isZero();
      assertThat(largest(Ops.sub(Ops.narrow(a.a(), 0, 8, 2), Ops.narrow(c.a(), 0, 8, 2))))
          .isPositive();
    }
  }

  @Test
  void randomBlocksStartAsPlainLora() {
    try (TensorScope scope = TensorScope.open()) {
      HasiConfig config = PRESET.with(PRESET.start().withSubspaces(Subspaces.RANDOM));
      Hasi.Result result =
          run(config, Synthetic.gaussian(24, 30, 1), Synthetic.tasks(TASKS, 30, 1));
      assertThat(largest(result.factors().bt())).isZero();
      assertThat(result.factors().b0t().size(0)).isZero();
      assertThat(largest(result.factors().a()))
          .isBetween(0.9 / Math.sqrt(30), 1 / Math.sqrt(30) + 1e-7);
      assertThat(result.plan().overlapAfter()).isEmpty();
    }
  }

  @Test
  void inputStatisticStartsAtPrincipalDirectionsWithBZero() {
    try (TensorScope scope = TensorScope.open()) {
      HasiConfig config = PRESET.with(PRESET.preview().withStatistic(Statistic.X));
      Factors f = run(config, Synthetic.gaussian(24, 30, 1), Synthetic.tasks(TASKS, 30, 1))
          .factors();
      assertThat(largest(f.bt())).isZero();
      Tensor a = Tensors.cast(Ops.narrow(f.a(), 0, 0, 8), DType.F64);
      double[] gram = Tensors.doubles(Ops.scale(Ops.matmul(a, Ops.transpose(a)), 3));
      for (int i = 0; i < gram.length; i++) {
        assertThat(gram[i]).isCloseTo(i % 9 == 0 ? 1 : 0, within(1e-5));
      }
    }
  }

  @Test
  void nothingIsFrozenWhereTheInitialProductStays() {
    try (TensorScope scope = TensorScope.open()) {
      HasiConfig config = PRESET.with(PRESET.start().withSubtract(Subtract.NONE));
      Factors f = run(config, Synthetic.gaussian(24, 30, 1), Synthetic.tasks(TASKS, 30, 1))
          .factors();
      assertThat(largest(f.b0t())).isZero();
      assertThat(largest(f.bt())).isPositive();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void missingDirectionsAreCompletedAndSaid(boolean deflation) {
    try (TensorScope scope = TensorScope.open()) {
      Tensor thin = Ops.matmul(Synthetic.gaussian(50, 1, 1), Synthetic.gaussian(1, 30, 2));
      List<Moments> moments = List.of(Synthetic.moments(thin), Synthetic.moments(thin));
      HasiConfig config = PRESET.with(PRESET.start().withDeflation(deflation));
      Hasi.Result result = run(config, Synthetic.gaussian(24, 30, 1), moments);
      assertThat(result.plan().tasks().get(0).numericalRank()).isEqualTo(1);
      assertThat(result.factors().blocks().taskRows()).isEqualTo(7);
      assertThat(result.plan().warnings()).isNotEmpty();
      assertThat(result.plan().warnings().get(0)).contains("task0 has only 1 directions");
      Tensor bt = block(result.factors().bt(), result.factors().blocks(), 0);
      int rank = (int) bt.size(0);
      double[] gram = Tensors.doubles(Ops.scale(Ops.matmul(bt, Ops.transpose(bt)), 25));
      for (int i = 0; i < gram.length; i++) {
        assertThat(gram[i]).isCloseTo(i % (rank + 1) == 0 ? 1 : 0, within(1e-5));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"UNIT", "BALANCED", "CORDA"})
  void rowsThatWDoesNotReachAreZeroAndNothingIsNotANumber(Split split) {
    try (TensorScope scope = TensorScope.open()) {
      Tensor w = Ops.scale(Synthetic.gaussian(24, 30, 1), 0);
      HasiConfig config = PRESET.with(PRESET.start().withSplit(split));
      Factors f = run(config, w, Synthetic.tasks(TASKS, 30, 1)).factors();
      assertThat(largest(Ops.narrow(f.a(), 0, 0, 8))).isZero();
      assertThat(Tensors.isFinite(f.bt())).isTrue();
    }
  }

  @Test
  void layerGranularityGivesAllModulesOfALayerTheSameShares() {
    try (TensorScope scope = TensorScope.open()) {
      List<Moments> moments = Synthetic.tasks(TASKS, 30, 1);
      List<Hasi.Module> layer =
          List.of(
              new Hasi.Module("layers.0.q_proj", Synthetic.gaussian(24, 30, 1), moments),
              new Hasi.Module("layers.0.k_proj", Synthetic.gaussian(12, 30, 2), moments));
      HasiConfig config = PRESET.with(PRESET.ranks().withGranularity(Granularity.LAYER));
      List<Hasi.Result> same =
          new Hasi(config, Synthetic.names(TASKS), R, ALPHA, 1).layer(layer);
      List<Hasi.Result> own = new Hasi(PRESET, Synthetic.names(TASKS), R, ALPHA, 1).layer(layer);
      for (int task = 0; task < TASKS; task++) {
        double share = same.get(0).plan().tasks().get(task).share();
        assertThat(same.get(1).plan().tasks().get(task).share()).isEqualTo(share);
        assertThat(own.get(0).plan().tasks().get(task).share()).isNotEqualTo(share);
      }
    }
  }

  @Test
  void ranksOfAGivenPlanAreUsed() {
    try (TensorScope scope = TensorScope.open()) {
      Hasi hasi = new Hasi(PRESET, Synthetic.names(TASKS), R, ALPHA, 1);
      Hasi.Module module =
          new Hasi.Module("m", Synthetic.gaussian(24, 30, 1), Synthetic.tasks(TASKS, 30, 1));
      ModulePlan made = hasi.layer(List.of(module)).get(0).plan();
      String edited = hasi.plan("thanora", "base", List.of(made)).toJson();
      for (int task = 0; task < TASKS; task++) {
        int rank = made.tasks().get(task).rank();
        edited =
            edited.replace(
                "\"task" + task + "\",\"rank\":" + rank, "\"task" + task + "\",\"rank\":"
                + (task + 1));
      }
      RankPlan plan = RankPlan.fromJson(edited.replace("\"coop_rank\": 2", "\"coop_rank\": 4"));
      Hasi.Result result = hasi.layer(List.of(module), plan).get(0);
      assertThat(result.factors().blocks()).isEqualTo(new Blocks(new int[] {1, 2, 3}, 4));
      assertThat(result.plan().why()).contains("as the plan gives them");
      Hasi.Module other = new Hasi.Module("n", module.w(), module.moments());
      assertThatThrownBy(() -> hasi.layer(List.of(other), plan))
          .hasMessageContaining("module n is missing");
    }
  }

  @Test
  void refusesMoreDirectionsThanThereAreOutputs() {
    try (TensorScope scope = TensorScope.open()) {
      assertThatThrownBy(
              () -> run(PRESET, Synthetic.gaussian(6, 30, 1), Synthetic.tasks(TASKS, 30, 1)))
          .hasMessageContaining("layers.0.q_proj: 8 task directions do not fit a width of 6");
    }
  }

  private static double largest(Tensor x) {
    return Arrays.stream(Tensors.doubles(x)).map(Math::abs).max().orElse(0);
  }
}
