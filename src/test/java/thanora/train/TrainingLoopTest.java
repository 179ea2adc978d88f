package thanora.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import thanora.Pico;
import thanora.data.Batch;
import thanora.data.DataReport;
import thanora.data.Mixing;
import thanora.data.Row;
import thanora.data.Sample;
import thanora.data.Split;
import thanora.data.TaskData;
import thanora.data.TaskSet;
import thanora.dist.ProcessGroup;
import thanora.hasi.HasiConfig;
import thanora.image.ImageSource;
import thanora.lora.LoraAdapter;
import thanora.lora.SprConfig;
import thanora.lora.Starts;
import thanora.method.Thanora;
import thanora.model.Decoder;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

class TrainingLoopTest {
  @TempDir Path folder;

  private final TensorScope scope = TensorScope.open();

  @BeforeAll
  static void threads() {
    Threads.use(1);
  }

  @AfterEach
  void close() {
    scope.close();
  }

  /** A loop on a tiny model and what it did, step by step. */
  private final class Run implements TrainingLoop.Listener {
    final LoraAdapter adapter;
    final TrainingLoop loop;
    final Checkpoints checkpoints;
    final List<float[]> parameters = new ArrayList<>();
    final List<Trainer.StepResult> results = new ArrayList<>();
    int goneAt;

    Run(TrainConfig config, Supplier<double[]> watch) {
      Decoder model = Pico.load("llama");
      adapter = Starts.hasi(model, HasiConfig.thanora());
      adapter.attach(model);
      SprConfig spr = SprConfig.thanora().withSchedule(SprConfig.Schedule.COSINE);
      Trainee.Member member = new Trainee.Member(new Thanora("test", HasiConfig.thanora(), spr).penalty(adapter, 0),
          Optional.empty(), 1, new LossWeighting(LossWeighting.Unit.ROW, 1), 4);
      Trainer trainer =
          new Trainer(model, List.of(new Trainee(adapter, List.of(member))), config, ProcessGroup.single());
      checkpoints = new Checkpoints(folder, 1, warning -> {});
      loop = new TrainingLoop(trainer, tasks(), new Mixing.Proportional(), config, new long[] {5},
          ProcessGroup.single(), checkpoints, watch, this);
    }

    @Override
    public void step(
        long step, List<Trainer.StepResult> all, double learningRate, double seconds, boolean byTask) {
      parameters.add(Tensors.floats(adapter.parameters()));
      results.add(all.get(0));
      if (step == goneAt) {
        throw new IllegalStateException("gone");
      }
    }
  }

  private static TaskSet tasks() {
    List<TaskData> tasks = new ArrayList<>();
    for (List<Sample> samples : Starts.rows(4, 9)) {
      List<Row> rows = samples.stream().map(sample -> Row.of("p", "c")).toList();
      tasks.add(new TaskData("task " + tasks.size(), "exact_match", 1, new Split(samples, rows),
          Split.empty(), Split.empty()));
    }
    return new TaskSet(tasks, new DataReport(List.of()));
  }

  private static TrainConfig config(
      int steps, int evalSteps, int saveSteps, int patience, boolean worst, boolean keepBest) {
    return new TrainConfig(1e-3, steps, 0, LrSchedule.LINEAR, 5, 0, 2, 1, 0, 0.9, 0.999, 1e-8,
        evalSteps, saveSteps, 1, patience, worst, keepBest, 0, false);
  }

  private static Supplier<double[]> scripted(double[]... evaluations) {
    Iterator<double[]> next = List.of(evaluations).iterator();
    return next::next;
  }

  @Test
  void aMicroBatchHasImagesInAllOfItsRowsOrInNone() {
    List<Sample> rows = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      boolean image = i % 3 == 0;
      rows.add(new Sample(i % 2, i, new int[image ? 9 : 3], new boolean[image ? 9 : 3],
          image ? List.of(new ImageSource.ImageFile(Path.of("i.png"), "")) : List.of()));
    }
    assertThat(numbers(TrainingLoop.cutByKind(rows, Integer.MAX_VALUE, 1)))
        .containsExactly(List.of(2, 4, 1, 5), List.of(0, 3));
    assertThat(numbers(TrainingLoop.cutByKind(rows, Integer.MAX_VALUE, 3)))
        .containsExactly(List.of(2, 4), List.of(1, 5), List.of(0, 3));
    assertThat(numbers(TrainingLoop.cutByKind(rows, 9, 1)))
        .containsExactly(List.of(2, 4, 1), List.of(5), List.of(0), List.of(3));
    List<Sample> texts = List.of(rows.get(1), rows.get(2), rows.get(4));
    assertThat(TrainingLoop.cutByKind(texts, 6, 1)).isEqualTo(Batch.split(texts, 6));
    assertThat(TrainingLoop.cutByKind(texts, Integer.MAX_VALUE, 2)).isEqualTo(Batch.splitRows(texts, 2));
  }

  private static List<List<Integer>> numbers(List<List<Sample>> parts) {
    return parts.stream().map(part -> part.stream().map(Sample::row).toList()).toList();
  }

  /** The mean is best after step 1, the worst task after step 2; then neither improves. */
  @ParameterizedTest
  @CsvSource({"false, 1, 3", "true, 2, 4"})
  void bestAndEarlyStopGoByTheMeanOrByTheWorstTask(boolean worst, int best, int last) {
    Run run = new Run(config(9, 1, 0, 2, worst, true), scripted(
        new double[] {1, 4}, new double[] {3, 3}, new double[] {2.9, 3.2}, new double[] {3.5, 3},
        new double[] {0, 0}));
    TrainingLoop.Progress end = run.loop.run();
    assertThat(end.step()).isEqualTo(last);
    assertThat(end.bestStep()).isEqualTo(best);
    assertThat(run.parameters).hasSize(last);
    assertThat(Tensors.floats(run.adapter.parameters()))
        .isEqualTo(run.parameters.get(best - 1)).isNotEqualTo(run.parameters.get(last - 1));
  }

  @Test
  void anEvaluationThatIsNotANumberIsNeverTheBest() {
    Run run = new Run(config(3, 1, 0, 0, false, true), scripted(
        new double[] {2, Double.NaN}, new double[] {5, 5}, new double[] {Double.NaN, 1}));
    assertThat(run.loop.run().bestStep()).isEqualTo(2);
    assertThat(Tensors.floats(run.adapter.parameters())).isEqualTo(run.parameters.get(1));
  }

  @Test
  void aRunResumedFromAnyCheckpointGoesOnBitForBit() {
    Run whole = new Run(config(7, 0, 0, 0, false, false), () -> new double[0]);
    TrainingLoop.Progress end = whole.loop.run();
    for (int stop : new int[] {1, 4, 6}) {
      folder = folder.resolve("stopped");
      Run first = new Run(config(7, 0, stop, 0, false, false), () -> new double[0]);
      first.goneAt = stop + 1;
      assertThatThrownBy(first.loop::run).hasMessage("gone");
      Run second = new Run(config(7, 0, 0, 0, false, false), () -> new double[0]);
      Checkpoints.Generation last = second.checkpoints.latest().orElseThrow();
      assertThat(last.step()).isEqualTo(stop);
      second.loop.resume(last);
      assertThat(second.loop.run()).isEqualTo(end);
      assertThat(second.parameters).hasSize(7 - stop);
      assertThat(Tensors.floats(second.adapter.parameters()))
          .isEqualTo(whole.parameters.get(6));
    }
  }

  @Test
  void threeStepsWithoutAFiniteGradientEndTheRun() {
    Run run = new Run(config(9, 0, 0, 0, false, false), () -> new double[0]);
    try (NoGrad off = NoGrad.open()) {
      long last = run.adapter.trainableParameters() - 1;
      Ops.narrow(run.adapter.parameters(), 1, last, 1)
          .copy_(Tensors.of(new float[] {Float.POSITIVE_INFINITY}, 1, 1));
    }
    run.adapter.refresh();
    assertThatThrownBy(run.loop::run).isInstanceOf(ArithmeticException.class)
        .hasMessageStartingWith("step 3: the gradient was not finite 3 times in a row");
    assertThat(run.results).hasSize(2).allMatch(result -> !result.applied());
    assertThat(run.checkpoints.latest()).isEmpty();
  }
}
