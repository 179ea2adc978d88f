package thanora.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import thanora.lora.SprConfig.Between;
import thanora.lora.SprConfig.Mode;
import thanora.lora.SprConfig.Norm;
import thanora.lora.SprConfig.Pairs;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

class SubspacePenaltyTest {
  private static final Placement CPU_F64 = new Placement("cpu", DType.F64);
  private static final List<Blocks> LAYOUTS =
      List.of(new Blocks(new int[] {1, 2, 3}, 2), new Blocks(new int[] {2, 3, 2}, 1));
  private static final int R = 8;
  private static final int D_IN = 7;
  private static final int D_OUT = 5;

  private record Outcome(double value, double[] gradA, double[] gradB) {}

  private static List<SprConfig> configs() {
    List<SprConfig> configs = new ArrayList<>();
    for (Norm norm : Norm.values()) {
      for (Mode mode : Mode.values()) {
        if (mode == Mode.COUPLED && (norm == Norm.L1 || norm == Norm.FROBENIUS)) {
          continue;
        }
        for (boolean coop : new boolean[] {false, true}) {
          SprConfig config = SprConfig.thanora().withNorm(norm).withMode(mode)
              .withIncludeCoop(coop);
          configs.add(config);
          configs.add(config.withPairs(Pairs.MEAN));
          if (norm != Norm.FROBENIUS) {
            configs.add(config.withBetween(Between.ROWS));
            configs.add(config.withBetween(Between.ROWS).withPairs(Pairs.MEAN));
          }
        }
      }
    }
    return configs;
  }

  @ParameterizedTest
  @MethodSource("configs")
  void valueEqualsALoopOverPairs(SprConfig config) {
    for (int seed = 0; seed < 10; seed++) {
      double[] a = random(2 * R * D_IN, seed);
      double[] b = random(2 * R * D_OUT, seed + 100);
      assertThat(run(config, a, b).value)
          .isCloseTo(pairLoop(config, a, b), within(1e-10 * (1 + pairLoop(config, a, b))));
    }
  }

  @ParameterizedTest
  @MethodSource("configs")
  void gradientEqualsFiniteDifferences(SprConfig config) {
    double step = 1e-6;
    double[] a = random(2 * R * D_IN, 1);
    double[] b = random(2 * R * D_OUT, 2);
    Outcome outcome = run(config, a, b);
    for (int i = 0; i < a.length; i += 3) {
      double[] up = a.clone();
      up[i] += step;
      double[] down = a.clone();
      down[i] -= step;
      double slope = (pairLoop(config, up, b) - pairLoop(config, down, b)) / (2 * step);
      assertThat(outcome.gradA[i]).isCloseTo(config.lambda() * slope, within(1e-6));
    }
    for (int i = 0; i < b.length; i += 3) {
      double[] up = b.clone();
      up[i] += step;
      double[] down = b.clone();
      down[i] -= step;
      double slope = (pairLoop(config, a, up) - pairLoop(config, a, down)) / (2 * step);
      assertThat(outcome.gradB[i]).isCloseTo(config.lambda() * slope, within(1e-6));
    }
  }

  @ParameterizedTest
  @MethodSource("configs")
  void cooperativeRowsGetNoGradientUnlessIncluded(SprConfig config) {
    Outcome outcome = run(config, random(2 * R * D_IN, 3), random(2 * R * D_OUT, 4));
    double coop = 0;
    for (int module = 0; module < 2; module++) {
      for (int i = LAYOUTS.get(module).taskRows() * D_IN; i < R * D_IN; i++) {
        coop += Math.abs(outcome.gradA[module * R * D_IN + i]);
      }
    }
    if (config.includeCoop()) {
      assertThat(coop).isPositive();
    } else {
      assertThat(coop).isZero();
    }
  }

  @ParameterizedTest
  @MethodSource("thanora.lora.MethodFixtures#all")
  void equalsTheFixtures(MethodFixtures fixture) {
    checkFixture(fixture, "spr_raw", SprConfig.thanoraPaper());
    checkFixture(fixture, "spr_cosine", SprConfig.thanora());
  }

  private static void checkFixture(MethodFixtures fixture, String key, SprConfig config) {
    for (DType type : List.of(DType.F64, DType.F32)) {
      try (TensorScope scope = TensorScope.open()) {
        Placement placement = new Placement("cpu", type);
        double tolerance = type == DType.F64 ? 1e-9 : 1e-5;
        Tensor a = Tensors.cast(fixture.matrix("given/A").unsqueeze(0), type);
        Tensor bt = Tensors.cast(Ops.transpose(fixture.matrix("given/B")).unsqueeze(0), type);
        Tensor gradA = Tensors.zeros(placement, Tensors.shape(a));
        Tensor gradBt = Tensors.zeros(placement, Tensors.shape(bt));
        BlockMasks masks = BlockMasks.of(List.of(fixture.blocks()), config, placement);
        SubspacePenalty penalty = new SubspacePenalty(config.withLambda(1), 1);
        double value = Tensors.item(penalty.addTo(a, bt, masks, gradA, gradBt));
        double expected = fixture.at(key + "/value").asDouble();
        assertThat(value).isCloseTo(expected, within(tolerance * (1 + expected)));
        close(Tensors.doubles(gradA), fixture.values(key + "/dA"), tolerance);
        close(Tensors.doubles(Ops.transposeLast(gradBt)), fixture.values(key + "/dB"), tolerance);
      }
    }
  }

  @Test
  void isZeroForOneTask() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor x = Tensors.of(random(3 * 4, 1), 1, 3, 4);
      Tensor gradient = Tensors.zeros(CPU_F64, 1, 3, 4);
      for (SprConfig config : configs()) {
        if (!config.includeCoop() && config.between() == Between.TASKS) {
          BlockMasks masks = BlockMasks.of(List.of(new Blocks(new int[] {2}, 1)), config, CPU_F64);
          Tensor value = new SubspacePenalty(config, 1).addTo(x, x, masks, gradient, gradient);
          assertThat(Tensors.item(value)).isZero();
        }
      }
      assertThat(Tensors.doubles(gradient)).containsOnly(0);
    }
  }

  @Test
  void addsToTheGradientThatIsThereAndLambdaZeroAddsNothing() {
    double[] a = random(2 * R * D_IN, 5);
    double[] b = random(2 * R * D_OUT, 6);
    Outcome once = run(SprConfig.thanora(), a, b);
    Outcome none = run(SprConfig.thanora().withLambda(0), a, b);
    assertThat(none.gradA).containsOnly(0);
    assertThat(none.value).isEqualTo(once.value);
    try (TensorScope scope = TensorScope.open()) {
      Tensor stackA = Tensors.of(a, 2, R, D_IN);
      Tensor stackB = Tensors.of(b, 2, R, D_OUT);
      Tensor gradA = Ops.plus(Tensors.zeros(CPU_F64, 2, R, D_IN), 3);
      Tensor gradB = Tensors.zeros(CPU_F64, 2, R, D_OUT);
      BlockMasks masks = BlockMasks.of(LAYOUTS, SprConfig.thanora(), CPU_F64);
      SubspacePenalty penalty = new SubspacePenalty(SprConfig.thanora(), 2);
      try (TensorScope inner = TensorScope.open()) {
        penalty.addTo(stackA, stackB, masks, gradA, gradB);
        penalty.addTo(stackA, stackB, masks, gradA, gradB);
      }
      double[] twice = Tensors.doubles(gradA);
      for (int i = 0; i < twice.length; i++) {
        assertThat(twice[i]).isCloseTo(3 + 2 * once.gradA[i], within(1e-12));
      }
    }
  }

  @Test
  void coupledRawFormDoesNotChangeWhenAGrowsByWhatBShrinks() {
    SprConfig config = SprConfig.thanora().withNorm(Norm.SQUARED).withMode(Mode.COUPLED);
    double[] a = random(2 * R * D_IN, 7);
    double[] b = random(2 * R * D_OUT, 8);
    double before = run(config, a, b).value;
    for (int i = 0; i < a.length; i++) {
      a[i] *= 4;
    }
    for (int i = 0; i < b.length; i++) {
      b[i] /= 4;
    }
    assertThat(run(config, a, b).value).isCloseTo(before, within(1e-9 * before));
  }

  @Test
  void lambdaCanBeSetFromTheLossesAtStepZero() {
    SprConfig config = SprConfig.thanora();
    assertThat(config.withLambdaFrom(0.05, 2, 4).lambda()).isCloseTo(0.025, within(1e-15));
    assertThat(config.withLambdaFrom(0.05, 2, 0)).isEqualTo(config);
  }

  @Test
  void refusesCoupledL1AndNegativeWeights() {
    assertThatThrownBy(() -> SprConfig.thanora().withNorm(Norm.L1).withMode(Mode.COUPLED))
        .hasMessageContaining("spr.norm: l1 has no coupled form");
    assertThatThrownBy(() -> SprConfig.thanora().withLambda(-1))
        .hasMessageContaining("spr.lambda -1.0");
    assertThatThrownBy(() -> SprConfig.thanora().withLambda(Double.NaN))
        .hasMessageContaining("NaN");
  }

  private static Outcome run(SprConfig config, double[] a, double[] b) {
    try (TensorScope scope = TensorScope.open()) {
      Tensor gradA = Tensors.zeros(CPU_F64, 2, R, D_IN);
      Tensor gradB = Tensors.zeros(CPU_F64, 2, R, D_OUT);
      BlockMasks masks = BlockMasks.of(LAYOUTS, config, CPU_F64);
      Tensor value =
          new SubspacePenalty(config, 2)
              .addTo(Tensors.of(a, 2, R, D_IN), Tensors.of(b, 2, R, D_OUT), masks, gradA, gradB);
      return new Outcome(Tensors.item(value), Tensors.doubles(gradA), Tensors.doubles(gradB));
    }
  }

  /** L_SPR as the definition reads: module by module, pair by pair, row by row. */
  private static double pairLoop(SprConfig config, double[] a, double[] b) {
    double sum = 0;
    for (int module = 0; module < 2; module++) {
      List<int[]> blocks = blocks(config, LAYOUTS.get(module));
      double ofModule = 0;
      for (int i = 0; i < blocks.size(); i++) {
        for (int j = i + 1; j < blocks.size(); j++) {
          ofModule += pair(config, module, blocks.get(i), blocks.get(j), a, b);
        }
      }
      double pairs = config.pairs() == Pairs.MEAN ? blocks.size() * (blocks.size() - 1) / 2.0 : 1;
      sum += ofModule / pairs;
    }
    return sum / 2;
  }

  /** First row and the one after the last of every block that counts. */
  private static List<int[]> blocks(SprConfig config, Blocks layout) {
    List<int[]> blocks = new ArrayList<>();
    int tasks = layout.tasks();
    for (int task = 0; task < tasks + (config.includeCoop() ? 1 : 0); task++) {
      int end = task < tasks ? layout.start(task + 1) : layout.r();
      if (config.between() == Between.TASKS) {
        blocks.add(new int[] {layout.start(task), end});
      } else {
        for (int row = layout.start(task); row < end; row++) {
          blocks.add(new int[] {row, row + 1});
        }
      }
    }
    return blocks;
  }

  private static double pair(SprConfig config, int module, int[] first, int[] second, double[] a, double[] b) {
    double[] sums = new double[5];
    for (int k = first[0]; k < first[1]; k++) {
      for (int l = second[0]; l < second[1]; l++) {
        double ga = dot(config, a, (module * R + k) * D_IN, (module * R + l) * D_IN, D_IN);
        double gb = dot(config, b, (module * R + k) * D_OUT, (module * R + l) * D_OUT, D_OUT);
        sums[0] += ga * ga;
        sums[1] += gb * gb;
        sums[2] += Math.abs(ga);
        sums[3] += Math.abs(gb);
        sums[4] += ga * gb;
      }
    }
    if (config.mode() == Mode.COUPLED) {
      return sums[4] * sums[4];
    }
    return switch (config.norm()) {
      case COSINE, SQUARED -> sums[0] + sums[1];
      case L1 -> sums[2] + sums[3];
      case FROBENIUS -> Math.sqrt(sums[0] + 1e-12) + Math.sqrt(sums[1] + 1e-12);
    };
  }

  private static double dot(SprConfig config, double[] x, int i, int j, int d) {
    double product = 0;
    double left = 0;
    double right = 0;
    for (int k = 0; k < d; k++) {
      product += x[i + k] * x[j + k];
      left += x[i + k] * x[i + k];
      right += x[j + k] * x[j + k];
    }
    return config.norm() == Norm.COSINE ? product / Math.sqrt(left * right) : product;
  }

  private static void close(double[] actual, double[] expected, double tolerance) {
    assertThat(actual).hasSameSizeAs(expected);
    double largest = 1 + Arrays.stream(expected).map(Math::abs).max().orElse(0);
    for (int i = 0; i < actual.length; i++) {
      assertThat(actual[i]).isCloseTo(expected[i], within(tolerance * largest));
    }
  }

  private static double[] random(int count, long seed) {
    Random random = new Random(seed);
    return random.doubles(count, -1, 1).toArray();
  }
}
