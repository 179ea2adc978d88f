package thanora.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import thanora.Golden;
import thanora.Pico;
import thanora.data.Batch;
import thanora.data.Sample;
import thanora.dist.ProcessGroup;
import thanora.hasi.HasiConfig;
import thanora.method.AdapterMethod;
import thanora.method.LoraPerTask;
import thanora.method.Pissa;
import thanora.method.PlainLora;
import thanora.method.Thanora;
import thanora.model.Decoder;
import thanora.tensor.DType;
import thanora.tensor.Seeds;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;
import thanora.train.LossWeighting;
import thanora.train.Trainee;
import thanora.train.Trainer;

/** Gradients of tasks from one backward pass beside a pass for each; what is made of them by hand. */
class TaskGradientsTest {
  private static final int TASKS = 3;
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

  /** B from zero; B away from zero in some rows; in all rows; factors routed by task. */
  static Stream<Arguments> methods() {
    return Stream.of(
            new PlainLora(false), new Thanora("test", HasiConfig.thanora(), SprConfig.thanora()), new Pissa(),
            new LoraPerTask())
        .flatMap(method -> Stream.of(Arguments.of(method, 1), Arguments.of(method, 2)));
  }

  private static LoraAdapter adapter(Decoder model, AdapterMethod method, int members) {
    List<String> modules = List.copyOf(model.projectionNames());
    LoraAdapter adapter =
        (LoraAdapter) method.form(Starts.setting(model, modules)).create(model, modules, members);
    for (int member = 0; member < members; member++) {
      method.start(Starts.setting(model, modules, 1 + member), adapter, member);
    }
    Starts.disturb(adapter, 0.1, 2);
    adapter.attach(model);
    adapter.keepTaskGradients(TASKS);
    return adapter;
  }

  private static Trainer trainer(Decoder model, LoraAdapter adapter, Optional<GradientCombination> combination) {
    Trainee.Member member = new Trainee.Member(Penalty.NONE, combination, 1, LossWeighting.TOKEN, 1);
    return new Trainer(model, List.of(new Trainee(adapter, Collections.nCopies(adapter.members(), member))),
        Starts.constant(0, 0, 0), ProcessGroup.single());
  }

  private static List<Sample> rows() {
    List<Sample> rows = new ArrayList<>();
    Starts.rows(3, 8).forEach(rows::addAll);
    return rows.subList(1, 9); // 2, 3 and 3
  }

  /** Every task's part (K, T, P), by a backward pass over its rows alone. */
  private static double[][][] onePassATask(Decoder model, LoraAdapter adapter) {
    double[][][] parts = new double[adapter.members()][TASKS][];
    double labels = Batch.of(rows(), TASKS).labels();
    for (int task = 0; task < TASKS; task++) {
      int own = task;
      Batch alone = Batch.of(rows().stream().filter(row -> row.task() == own).toList(), TASKS);
      trainer(model, adapter, Optional.empty()).step(List.of(alone), 1, 0);
      for (int member = 0; member < adapter.members(); member++) {
        parts[member][task] = Tensors.doubles(adapter.gradients().select(0, member));
        scale(parts[member][task], alone.labels() / labels);
      }
    }
    return parts;
  }

  private static void scale(double[] values, double factor) {
    for (int i = 0; i < values.length; i++) {
      values[i] *= factor;
    }
  }

  private static double[] sum(double[][] parts) {
    double[] sum = new double[parts[0].length];
    for (double[] part : parts) {
      for (int i = 0; i < sum.length; i++) {
        sum[i] += part[i];
      }
    }
    return sum;
  }

  private static double dot(double[] a, double[] b) {
    double dot = 0;
    for (int i = 0; i < a.length; i++) {
      dot += a[i] * b[i];
    }
    return dot;
  }

  @ParameterizedTest
  @MethodSource("methods")
  void theyAreThoseOfAPassForEachTask(AdapterMethod method, int members) {
    assertThoseOfAPassForEachTask(method, members, DType.F64, 1e-6);
    assertThoseOfAPassForEachTask(method, members, DType.F32, 5e-5);
    assertThoseOfAPassForEachTask(method, members, DType.BF16, 0.1);
  }

  private static void assertThoseOfAPassForEachTask(
      AdapterMethod method, int members, DType dtype, double tolerance) {
    Decoder model = Pico.load("llama", dtype);
    LoraAdapter adapter = adapter(model, method, members);
    double[][][] expected = onePassATask(model, adapter);
    Trainer trainer = trainer(model, adapter, Optional.empty());
    trainer.step(List.of(Batch.of(rows(), TASKS)), 1, 0);
    double[] plain = Tensors.doubles(adapter.gradients());

    List<Batch> whole = List.of(Batch.of(rows(), TASKS));
    List<Batch> cut = Batch.splitRows(rows(), 3).stream().map(part -> Batch.of(part, TASKS)).toList();
    for (List<Batch> batches : List.of(whole, cut)) {
      trainer.step(batches, 1, 0, true);
      for (int member = 0; member < members; member++) {
        for (int task = 0; task < TASKS; task++) {
          Golden.assertClose(dtype + " member " + member + " task " + task,
              Tensors.doubles(adapter.taskGradients().get().of(member).select(0, task)),
              expected[member][task], tolerance);
        }
        Golden.assertClose(dtype + " sum", Tensors.doubles(adapter.gradients().select(0, member)),
            sum(expected[member]), tolerance);
      }
      Golden.assertClose(dtype + " plain", Tensors.doubles(adapter.gradients()), plain, tolerance);
    }
  }

  /** A token uses its own block only, so no other has a gradient from it. */
  @Test
  void withOneLoraATaskTheGradientLiesInItsOwnBlock() {
    Decoder model = Pico.load("llama", DType.F64);
    LoraAdapter adapter = adapter(model, new LoraPerTask(), 1);
    trainer(model, adapter, Optional.empty()).step(List.of(Batch.of(rows(), TASKS)), 1, 0, true);
    int[] block = adapter.blocks(DOWN).blockOfRow();
    for (Adapter.Stack stack : adapter.stacks()) {
      Tensor b = adapter.taskGradients().get().of(stack, LoraAdapter.BT).select(0, 0); // (T, n, r, out)
      for (int task = 0; task < TASKS; task++) {
        for (int row = 0; row < block.length; row++) {
          double largest = Tensors.item(b.select(0, task).select(1, row).abs().max());
          assertThat(largest > 0).as("task " + task + " row " + row).isEqualTo(block[row] == task);
        }
      }
    }
  }

  @Test
  void conflictsAreTheCosinesOfTheVectors() {
    Decoder model = Pico.load("llama", DType.F64);
    LoraAdapter adapter = adapter(model, new PlainLora(false), 2);
    double[][][] expected = onePassATask(model, adapter);
    trainer(model, adapter, Optional.empty()).step(List.of(Batch.of(rows(), TASKS)), 1, 0, true);
    for (int member = 0; member < 2; member++) {
      Conflicts conflicts = Conflicts.of(adapter.taskGradients().get().grams(member), TASKS);
      assertThat(conflicts.layers()).hasSize(model.config().layers());
      for (int layer = 0; layer < conflicts.layers().length; layer++) {
        double mean = 0;
        for (int i = 0; i < TASKS; i++) {
          for (int j = i + 1; j < TASKS; j++) {
            mean += cosine(ofLayer(adapter, expected[member][i], layer), ofLayer(adapter, expected[member][j], layer)) / 3;
          }
        }
        assertThat(conflicts.layers()[layer]).isCloseTo(mean, within(1e-5));
      }
      for (int i = 0; i < TASKS; i++) {
        for (int j = 0; j < TASKS; j++) {
          assertThat(conflicts.pairs()[i][j])
              .isCloseTo(cosine(expected[member][i], expected[member][j]), within(1e-5));
        }
      }
    }
    assertThat(Conflicts.of(adapter.taskGradients().get().grams(0), TASKS).pairs()[0][1])
        .isNotCloseTo(Conflicts.of(adapter.taskGradients().get().grams(1), TASKS).pairs()[0][1], within(1e-3));
  }

  @Test
  void aTaskWithoutRowsHasNoCosine() {
    Decoder model = Pico.load("llama", DType.F64);
    LoraAdapter adapter = adapter(model, new PlainLora(false), 1);
    List<Sample> two = rows().stream().filter(row -> row.task() != 1).toList();
    trainer(model, adapter, Optional.empty()).step(List.of(Batch.of(two, TASKS)), 1, 0, true);
    Conflicts conflicts = Conflicts.of(adapter.taskGradients().get().grams(0), TASKS);
    assertThat(conflicts.pairs()[0][1]).isNaN();
    assertThat(conflicts.pairs()[1][1]).isNaN();
    assertThat(conflicts.pairs()[0][2]).isBetween(-1.0, 1.0);
    assertThat(conflicts.layers()[0]).isBetween(-1.0, 1.0);
    List<Sample> one = rows().stream().filter(row -> row.task() == 1).toList();
    trainer(model, adapter, Optional.empty()).step(List.of(Batch.of(one, TASKS)), 1, 0, true);
    assertThat(Conflicts.of(adapter.taskGradients().get().grams(0), TASKS).layers()).containsOnly(Double.NaN);
  }

  private static double cosine(double[] a, double[] b) {
    return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  }

  /** The entries of a vector (P) that belong to a decoder layer. */
  private static double[] ofLayer(LoraAdapter adapter, double[] values, int layer) {
    List<double[]> parts = new ArrayList<>();
    for (Slice slice : slices(adapter)) {
      if (slice.module.contains("layers." + layer + ".")) {
        parts.add(slice.of(values));
      }
    }
    return parts.stream().flatMapToDouble(Arrays::stream).toArray();
  }

  /** Where the r rows of a module's A or Bᵀ lie in a member's numbers. */
  private record Slice(String module, int start, int rows, int width) {
    double[] of(double[] values) {
      return Arrays.copyOfRange(values, start, start + rows * width);
    }
  }

  /** Stack by stack, A and then Bᵀ of all its modules: the layout of the buffers. */
  private static List<Slice> slices(LoraAdapter adapter) {
    List<Slice> slices = new ArrayList<>();
    int start = 0;
    for (Adapter.Stack stack : adapter.stacks()) {
      for (int width : new int[] {stack.in(), stack.out()}) {
        for (String module : stack.names()) {
          slices.add(new Slice(module, start, adapter.rank(), width));
          start += adapter.rank() * width;
        }
      }
    }
    assertThat(start).isEqualTo((int) adapter.trainableParameters());
    return slices;
  }

  @Test
  void ownedBlocksWeighTheRowsOfOtherTasksByRho() {
    Decoder model = Pico.load("llama");
    Thanora method = new Thanora("test", HasiConfig.thanora(), SprConfig.thanora());
    LoraAdapter adapter = adapter(model, method, 2);
    double[][][] each = fill(adapter, 5);
    for (double rho : new double[] {1, 0, 0.3}) {
      for (int member = 0; member < 2; member++) {
        new OwnedBlocks(rho).apply(adapter.taskGradients().get(), member, 1);
        double[] expected = new double[each[member][0].length];
        for (Slice slice : slices(adapter)) {
          int[] block = adapter.blocks(slice.module, member).blockOfRow();
          for (int i = 0; i < slice.rows * slice.width; i++) {
            for (int task = 0; task < TASKS; task++) {
              boolean listens = block[i / slice.width] == task || block[i / slice.width] == TASKS;
              expected[slice.start + i] += (listens ? 1 : rho) * each[member][task][slice.start + i];
            }
          }
        }
        Golden.assertClose("rho " + rho, Tensors.doubles(adapter.gradients().select(0, member)), expected, 1e-6);
        if (rho == 1) {
          Golden.assertClose("sum", expected, sum(each[member]), 1e-12);
        }
      }
    }
  }

  /** Its rows belong to no task, whatever the number of tasks that its layout was made for. */
  @Test
  void ownedBlocksLeaveAPlainLoraAlone() {
    Decoder model = Pico.load("llama");
    LoraAdapter adapter = adapter(model, new PlainLora(false), 1);
    double[][][] each = fill(adapter, 6);
    new OwnedBlocks(0).apply(adapter.taskGradients().get(), 0, 1);
    Golden.assertClose("sum", Tensors.doubles(adapter.gradients().select(0, 0)), sum(each[0]), 1e-6);
  }

  @Test
  void ownedBlocksRefuseBlocksOfAnotherNumberOfTasks() {
    LoraAdapter adapter = adapter(Pico.load("llama"), new Pissa(), 1);
    assertThatThrownBy(() -> new OwnedBlocks(0.5).apply(adapter.taskGradients().get(), 0, 1))
        .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("[8]+0").hasMessageContaining("3 tasks");
  }

  /** Random gradients of every task, (K, T, P). */
  private static double[][][] fill(LoraAdapter adapter, long seed) {
    Random random = new Random(seed);
    int size = (int) adapter.trainableParameters();
    double[][][] each = new double[adapter.members()][TASKS][size];
    float[] flat = new float[adapter.members() * TASKS * size];
    for (int i = 0; i < flat.length; i++) {
      int task = i / size % TASKS;
      flat[i] = (float) ((1 + task) * random.nextGaussian() + (i % 3 == task ? 1 : -0.7));
      each[i / size / TASKS][task][i % size] = flat[i];
    }
    adapter.taskGradients().get().values().copy_(Tensors.of(flat, (long) adapter.members() * TASKS, size));
    return each;
  }

  @Test
  void pcgradAndCagradOfTheWholeAdapterAreThoseOfTheVectors() {
    LoraAdapter adapter = adapter(Pico.load("llama"), new PlainLora(false), 2);
    double[][][] each = fill(adapter, 7);
    for (int member = 0; member < 2; member++) {
      assertThat(dot(each[member][0], each[member][1])).isNegative();
      new GradientSurgery(PcGrad.paper(), false, 4).apply(adapter.taskGradients().get(), member, 9);
      Golden.assertClose("PCGrad", Tensors.doubles(adapter.gradients().select(0, member)),
          pcgrad(each[member], Seeds.stream(4, "gradient surgery 9"), 0), 1e-5);
      new GradientSurgery(CaGrad.standard(), false, 4).apply(adapter.taskGradients().get(), member, 9);
      Golden.assertClose("CAGrad", Tensors.doubles(adapter.gradients().select(0, member)),
          cagrad(each[member], 0.5), 1e-5);
    }
  }

  @Test
  void matrixwiseEachAAndEachBIsByItself() {
    LoraAdapter adapter = adapter(Pico.load("llama"), new PlainLora(false), 2);
    double[][][] each = fill(adapter, 8);
    for (int member = 0; member < 2; member++) {
      new GradientSurgery(PcGrad.orthoLora(), true, 4).apply(adapter.taskGradients().get(), member, 9);
      double[] pcgrad = Tensors.doubles(adapter.gradients().select(0, member));
      new GradientSurgery(CaGrad.standard(), true, 4).apply(adapter.taskGradients().get(), member, 9);
      double[] cagrad = Tensors.doubles(adapter.gradients().select(0, member));
      Random random = Seeds.stream(4, "gradient surgery 9");
      int conflicts = 0;
      for (Slice slice : slices(adapter)) {
        double[][] own = Stream.of(each[member]).map(slice::of).toArray(double[][]::new);
        conflicts += dot(own[0], own[1]) < 0 ? 1 : 0;
        Golden.assertClose(slice + " PCGrad", slice.of(pcgrad), pcgrad(own, random, 1e-8), 1e-5);
        Golden.assertClose(slice + " CAGrad", slice.of(cagrad), cagrad(own, 0.5), 1e-5);
      }
      assertThat(conflicts).isGreaterThan(5);
    }
  }

  /** The trainer applies the combination to the gradients of the step. */
  @Test
  void aStepUsesTheCombination() {
    Decoder model = Pico.load("llama", DType.F64);
    LoraAdapter adapter = adapter(model, new PlainLora(false), 2);
    double[][][] expected = onePassATask(model, adapter);
    trainer(model, adapter, Optional.of(new GradientSurgery(CaGrad.standard(), false, 4)))
        .step(List.of(Batch.of(rows(), TASKS)), 3, 0);
    for (int member = 0; member < 2; member++) {
      Golden.assertClose("CAGrad", Tensors.doubles(adapter.gradients().select(0, member)),
          cagrad(expected[member], 0.5), 1e-5);
    }
  }

  /** The paper's loop over vectors, others in the order that the seed gives. */
  private static double[] pcgrad(double[][] g, Random random, double epsilon) {
    double[][] projected = new double[g.length][];
    for (int i = 0; i < g.length; i++) {
      List<Integer> order = new ArrayList<>();
      for (int j = 0; j < g.length; j++) {
        if (j != i) {
          order.add(j);
        }
      }
      Collections.shuffle(order, random);
      projected[i] = g[i].clone();
      for (int j : order) {
        double dot = dot(projected[i], g[j]);
        for (int k = 0; dot < 0 && k < g[j].length; k++) {
          projected[i][k] -= dot / (dot(g[j], g[j]) + epsilon) * g[j][k];
        }
      }
    }
    return sum(projected);
  }

  /** K (g0 + c |g0| gw / |gw|) / (1 + c), w by nested ternary search: the objective is convex. */
  private static double[] cagrad(double[][] g, double c) {
    double[] mean = sum(g);
    scale(mean, 1.0 / g.length);
    double radius = c * Math.sqrt(dot(mean, mean));
    double[][] gram = new double[g.length][g.length];
    double[] withMean = new double[g.length];
    for (int i = 0; i < g.length; i++) {
      withMean[i] = dot(g[i], mean);
      for (int j = 0; j < g.length; j++) {
        gram[i][j] = dot(g[i], g[j]);
      }
    }
    double first = least(w0 -> objective(gram, withMean, radius, w0, second(gram, withMean, radius, w0)), 1);
    double[] w = {first, second(gram, withMean, radius, first), 0};
    w[2] = 1 - w[0] - w[1];
    double[] combined = new double[mean.length];
    for (int i = 0; i < combined.length; i++) {
      combined[i] = w[0] * g[0][i] + w[1] * g[1][i] + w[2] * g[2][i];
    }
    double factor = radius / Math.sqrt(dot(combined, combined));
    for (int i = 0; i < mean.length; i++) {
      mean[i] = g.length * (mean[i] + factor * combined[i]) / (1 + c);
    }
    return mean;
  }

  private static double second(double[][] gram, double[] withMean, double radius, double first) {
    return least(w1 -> objective(gram, withMean, radius, first, w1), 1 - first);
  }

  private static double objective(double[][] gram, double[] withMean, double radius, double w0, double w1) {
    double[] w = {w0, w1, 1 - w0 - w1};
    double square = 0;
    for (int i = 0; i < w.length; i++) {
      for (int j = 0; j < w.length; j++) {
        square += w[i] * w[j] * gram[i][j];
      }
    }
    return dot(w, withMean) + radius * Math.sqrt(Math.max(0, square));
  }

  /** Where a convex function on [0, end] is least. */
  private static double least(DoubleUnaryOperator function, double end) {
    double low = 0;
    double high = end;
    for (int i = 0; i < 100; i++) {
      double left = low + (high - low) / 3;
      double right = high - (high - low) / 3;
      if (function.applyAsDouble(left) < function.applyAsDouble(right)) {
        high = right;
      } else {
        low = left;
      }
    }
    return (low + high) / 2;
  }
}
