package thanora.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import thanora.Golden;
import thanora.Memory;
import thanora.Pico;
import thanora.checkpoint.SafetensorsFile;
import thanora.data.Batch;
import thanora.data.Sample;
import thanora.dist.ProcessGroup;
import thanora.export.PeftAdapter;
import thanora.hasi.HasiConfig;
import thanora.lora.LoraAdapter;
import thanora.lora.Penalty;
import thanora.lora.SprConfig;
import thanora.lora.Starts;
import thanora.method.Thanora;
import thanora.model.Decoder;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

class TrainerTest {
  private final TensorScope scope = TensorScope.open();

  @BeforeAll
  static void threads() {
    Threads.use(1);
  }

  @AfterEach
  void close() {
    scope.close();
  }

  private static Trainer trainer(
      Decoder model, LoraAdapter adapter, Penalty penalty, TrainConfig config) {
    return new Trainer(
        model, List.of(Trainee.of(adapter, penalty)), config, ProcessGroup.single());
  }

  /** PEFT under torch.optim.AdamW, clipped to 1: scripts/golden/make_curve.py. */
  @ParameterizedTest
  @ValueSource(strings = {"llama", "qwen3"})
  void tenStepsAreThoseOfPeftAndTorch(String name) {
    try (SafetensorsFile expected =
        SafetensorsFile.open(Golden.path("train/curve-" + name + ".safetensors"))) {
      Decoder model = Pico.load(name);
      LoraAdapter adapter = (LoraAdapter) PeftAdapter.read(Pico.folder(name).resolve("adapter"), model);
      adapter.attach(model);
      Trainer trainer = trainer(model, adapter, Penalty.NONE, Starts.constant(1e-2, 1, 0.01));
      double[] losses = new double[10];
      double[] norms = new double[10];
      for (int step = 1; step <= 10; step++) {
        Trainer.StepResult result = trainer.step(List.of(Pico.batch(name)), step, 1e-2).get(0);
        losses[step - 1] = result.loss();
        norms[step - 1] = result.gradNorm();
      }
      Golden.assertClose("losses", losses, load(expected, "loss"), 1e-4);
      Golden.assertClose("norms", norms, load(expected, "grad_norm"), 1e-4);
      for (String module : adapter.modules()) {
        String key = "base_model.model." + module;
        LoraAdapter.Export trained = adapter.export(module);
        Golden.assertClose(key + " A", Tensors.doubles(trained.a()),
            load(expected, key + ".lora_A.weight"), 1e-3);
        Golden.assertClose(key + " B", Tensors.doubles(trained.b()),
            load(expected, key + ".lora_B.weight"), 1e-3);
      }
    }
  }

  private static Trainer trainer(Decoder model, LoraAdapter adapter, LossWeighting loss) {
    Trainee.Member member = new Trainee.Member(Penalty.NONE, Optional.empty(), 1, loss, 1);
    return new Trainer(
        model, List.of(new Trainee(adapter, List.of(member))), Starts.constant(0, 0, 0), ProcessGroup.single());
  }

  private static double[] load(SafetensorsFile file, String name) {
    return Tensors.doubles(file.load(name, Placement.CPU_F32));
  }

  private static List<LossWeighting> weightings() {
    return List.of(LossWeighting.TOKEN, new LossWeighting(LossWeighting.Unit.ROW, 1),
        new LossWeighting(LossWeighting.Unit.TASK, 0.5));
  }

  /** 7 ragged rows of three tasks: at once, in 2s (the last alone), one by one, by tokens. */
  @ParameterizedTest
  @MethodSource("weightings")
  void howABatchIsCutChangesRoundingOnly(LossWeighting loss) {
    Decoder model = Pico.load("llama", DType.F64);
    LoraAdapter adapter = Starts.hasi(model, HasiConfig.thanora());
    adapter.attach(model);
    Starts.disturb(adapter, 0.05, 1);
    List<Sample> rows = new ArrayList<>();
    Starts.rows(4, 5).forEach(rows::addAll);
    rows = rows.subList(2, 9);
    Trainer trainer = trainer(model, adapter, loss);
    Trainer.StepResult whole = trainer.step(List.of(Batch.of(rows, 3)), 1, 0).get(0);
    double[] gradient = Tensors.doubles(adapter.gradients());
    for (List<List<Sample>> cut : List.of(
        Batch.splitRows(rows, 2), Batch.splitRows(rows, 1), Batch.split(rows, 20))) {
      assertThat(cut.size()).isGreaterThan(2);
      List<Batch> parts = cut.stream().map(part -> Batch.of(part, 3)).toList();
      Trainer.StepResult result = trainer.step(parts, 1, 0).get(0);
      assertThat(result.loss()).isCloseTo(whole.loss(), within(1e-7));
      assertThat(result.taskLoss()).containsExactly(whole.taskLoss(), within(1e-7));
      assertThat(result.gradNorm()).isCloseTo(whole.gradNorm(), within(1e-6));
      assertThat(result.tokens()).isEqualTo(whole.tokens());
      Golden.assertClose("gradient", Tensors.doubles(adapter.gradients()), gradient, 1e-6);
    }
  }

  @Test
  void lossesOfTasksAreTheirOwnMeansAndAddUpByTheirTokens() {
    Decoder model = Pico.load("qwen2");
    LoraAdapter adapter = Starts.hasi(model, HasiConfig.thanora());
    adapter.attach(model);
    List<List<Sample>> rows = Starts.rows(3, 6);
    List<Sample> two = new ArrayList<>(rows.get(0));
    two.addAll(rows.get(2));
    Trainer trainer = trainer(model, adapter, Penalty.NONE, Starts.constant(0, 0, 0));
    Trainer.StepResult both = trainer.step(List.of(Batch.of(two, 3)), 1, 0).get(0);
    double sum = 0;
    int labels = 0;
    for (int task : new int[] {0, 2}) {
      Batch alone = Batch.of(rows.get(task), 3);
      Trainer.StepResult result = trainer.step(List.of(alone), 1, 0).get(0);
      assertThat(both.taskLoss()[task]).isCloseTo(result.loss(), within(1e-5));
      sum += result.loss() * alone.labels();
      labels += alone.labels();
    }
    assertThat(both.taskLoss()[1]).isNaN();
    assertThat(both.loss()).isCloseTo(sum / labels, within(1e-5));
    assertThat(both.tokens()).isEqualTo(two.stream().mapToInt(s -> s.ids().length).sum());
  }

  /** Rows alike: the mean of the rows' own gradients; tasks alike: that of the tasks'. */
  @ParameterizedTest
  @EnumSource
  void theGradientIsTheMeanOfWhatWeighsAlike(LossWeighting.Unit unit) {
    LossWeighting loss = new LossWeighting(unit, 1);
    Decoder model = Pico.load("llama", DType.F64);
    LoraAdapter adapter = Starts.hasi(model, HasiConfig.thanora());
    adapter.attach(model);
    Starts.disturb(adapter, 0.05, 1);
    List<Sample> rows = new ArrayList<>(Starts.rows(4, 5).get(0));
    rows.addAll(Starts.rows(3, 6).get(2));
    Sample unlabelled = new Sample(2, 9, new int[] {4, 5, 6}, 3);
    List<List<Sample>> alike = unit == LossWeighting.Unit.ROW ? rows.stream().map(List::of).toList()
        : List.of(rows.subList(0, 4), rows.subList(4, 7));
    double[] mean = new double[(int) adapter.trainableParameters()];
    for (List<Sample> part : alike) {
      double[] own = Tensors.doubles(Starts.gradient(model, adapter, Batch.of(part, 3)));
      for (int i = 0; i < mean.length; i++) {
        mean[i] += own[i] / alike.size();
      }
    }
    double[] tokens = Tensors.doubles(Starts.gradient(model, adapter, Batch.of(rows, 3)));
    rows.add(unlabelled);
    Trainer.StepResult weighted = trainer(model, adapter, loss).step(List.of(Batch.of(rows, 3)), 1, 0).get(0);
    double[] gradient = Tensors.doubles(adapter.gradients());
    Golden.assertClose("gradient", gradient, mean, 1e-6);
    assertThat(Math.abs(length(gradient) - length(tokens))).isGreaterThan(1e-2 * length(tokens));
    Trainer.StepResult plain =
        trainer(model, adapter, LossWeighting.TOKEN).step(List.of(Batch.of(rows, 3)), 1, 0).get(0);
    assertThat(weighted.loss()).isEqualTo(plain.loss());
    assertThat(weighted.taskLoss()).containsExactly(plain.taskLoss());
  }

  @Test
  void aLongGradientIsCutToTheLimitAndAShortOneLeft() {
    Decoder model = Pico.load("llama");
    LoraAdapter adapter = Starts.hasi(model, HasiConfig.thanora());
    adapter.attach(model);
    Batch batch = Pico.batch("llama");
    double[] gradient = Tensors.doubles(Starts.gradient(model, adapter, batch));
    double norm = length(gradient);
    TrainConfig quarter = Starts.constant(0, norm / 4, 0);
    Trainer.StepResult cut =
        trainer(model, adapter, Penalty.NONE, quarter).step(List.of(batch), 1, 0).get(0);
    assertThat(cut.gradNorm()).isCloseTo(norm, within(1e-5 * norm));
    double[] clipped = Tensors.doubles(adapter.gradients());
    assertThat(length(clipped)).isCloseTo(norm / 4, within(1e-6 * norm));
    assertThat(clipped[7] / gradient[7]).isCloseTo(0.25, within(1e-5));
    trainer(model, adapter, Penalty.NONE, Starts.constant(0, 2 * norm, 0))
        .step(List.of(batch), 1, 0);
    assertThat(Tensors.doubles(adapter.gradients())).isEqualTo(gradient);
  }

  private static double length(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += value * value;
    }
    return Math.sqrt(sum);
  }

  @Test
  void theRegulariserIsAddedOnceWhateverTheNumberOfMicroBatches() {
    Decoder model = Pico.load("llama");
    LoraAdapter adapter = Starts.hasi(model, HasiConfig.thanora());
    adapter.attach(model);
    Starts.disturb(adapter, 0.1, 2);
    Penalty penalty =
        new Thanora("test", HasiConfig.thanora(), SprConfig.thanora()).penalty(adapter, 0);
    List<Batch> parts = Pico.samples("llama").stream().map(s -> Batch.of(List.of(s), 3)).toList();
    double[] loss = Tensors.doubles(Starts.gradient(model, adapter, Pico.batch("llama")));
    adapter.zeroGradients();
    double value = penalty.addGradient(1, 1).stream().mapToDouble(Tensors::item).sum();
    double[] expected = Tensors.doubles(adapter.gradients());
    assertThat(length(expected)).isGreaterThan(1e-3);
    for (int i = 0; i < expected.length; i++) {
      expected[i] += loss[i];
    }
    Trainer.StepResult step =
        trainer(model, adapter, penalty, Starts.constant(0, 0, 0)).step(parts, 1, 0).get(0);
    assertThat(step.penalty()).isEqualTo(value).isPositive();
    Golden.assertClose("gradient", Tensors.doubles(adapter.gradients()), expected, 1e-5);
  }

  /** λ of steps 1 to 4 of 4, by hand; the value that is reported is without it. */
  @Test
  void theRegularisersFactorFollowsItsSchedule() {
    Decoder model = Pico.load("llama");
    LoraAdapter adapter = Starts.hasi(model, HasiConfig.thanora());
    adapter.attach(model);
    Starts.disturb(adapter, 0.1, 2);
    double[] loss = Tensors.doubles(Starts.gradient(model, adapter, Pico.batch("llama")));
    double[] constant = penaltyGradient(adapter, SprConfig.thanora(), 1);
    SprConfig cosine = SprConfig.thanora().withSchedule(SprConfig.Schedule.COSINE);
    double[] factors = {(2 + Math.sqrt(2)) / 4, 0.5, (2 - Math.sqrt(2)) / 4, 0};
    Trainer trainer = new Trainer(model, List.of(Trainee.of(adapter, penalty(adapter, cosine))),
        new TrainConfig(1, 4, 0, LrSchedule.CONSTANT, 3, 0, 1, 0, 0, 0.9, 0.999, 1e-8, 0, 0, 1, 0, false, false, 0, false),
        ProcessGroup.single());
    for (int step = 1; step <= 4; step++) {
      double[] expected = new double[constant.length];
      double[] both = new double[constant.length];
      for (int i = 0; i < expected.length; i++) {
        expected[i] = factors[step - 1] * constant[i];
        both[i] = loss[i] + expected[i];
      }
      Golden.assertClose("step " + step, penaltyGradient(adapter, cosine, step), expected, 1e-5);
      Trainer.StepResult result = trainer.step(List.of(Pico.batch("llama")), step, 0).get(0);
      Golden.assertClose("with the loss", Tensors.doubles(adapter.gradients()), both, 1e-5);
      assertThat(result.penalty()).isEqualTo(
          penalty(adapter, SprConfig.thanora()).addGradient(1, 4).stream().mapToDouble(Tensors::item).sum());
    }
  }

  private static Penalty penalty(LoraAdapter adapter, SprConfig config) {
    return new Thanora("test", HasiConfig.thanora(), config).penalty(adapter, 0);
  }

  private static double[] penaltyGradient(LoraAdapter adapter, SprConfig config, int step) {
    adapter.zeroGradients();
    penalty(adapter, config).addGradient(step, 4);
    return Tensors.doubles(adapter.gradients());
  }

  @Test
  void aLossThatIsNotFiniteChangesNothingAndIsReported() {
    Decoder model = Pico.load("llama");
    LoraAdapter adapter = Starts.hasi(model, HasiConfig.thanora());
    adapter.attach(model);
    Batch batch = Pico.batch("llama");
    Trainer trainer = trainer(model, adapter, Penalty.NONE, Starts.constant(1e-3, 1, 0.1));
    assertThat(trainer.step(List.of(batch), 1, 1e-3).get(0).applied()).isTrue();
    float[] sound = Tensors.floats(adapter.parameters());
    poison(adapter, Float.POSITIVE_INFINITY);
    float[] before = Tensors.floats(adapter.parameters());
    float[] first = Tensors.floats(trainer.optimizers().get(0).firstMoment());
    float[] second = Tensors.floats(trainer.optimizers().get(0).secondMoment());

    Trainer.StepResult result = trainer.step(List.of(batch), 2, 1e-3).get(0);
    assertThat(result.applied()).isFalse();
    assertThat(result.loss()).isNaN();
    assertThat(result.gradNorm()).isNaN();
    assertThat(Tensors.floats(adapter.parameters())).isEqualTo(before);
    assertThat(Tensors.floats(trainer.optimizers().get(0).firstMoment())).isEqualTo(first);
    assertThat(Tensors.floats(trainer.optimizers().get(0).secondMoment())).isEqualTo(second);

    poison(adapter, sound[sound.length - 1]);
    Trainer.StepResult next = trainer.step(List.of(batch), 3, 1e-3).get(0);
    assertThat(next.applied()).isTrue();
    assertThat(next.loss()).isFinite();
  }

  /** Sets the last number: of B of the last down projection, whose output reaches the loss. */
  private static void poison(LoraAdapter adapter, float value) {
    try (NoGrad off = NoGrad.open()) {
      Ops.narrow(adapter.parameters(), 1, adapter.trainableParameters() - 1, 1)
          .copy_(Tensors.of(new float[] {value}, 1, 1));
    }
    adapter.refresh();
  }

  @Test
  void threeHundredStepsNeedNoMoreMemoryThanTheFirstFew() {
    Decoder model = Pico.load("llama");
    Thanora method = new Thanora("test", HasiConfig.thanora(), SprConfig.thanora());
    LoraAdapter adapter = Starts.hasi(model, HasiConfig.thanora());
    adapter.attach(model);
    Trainer trainer =
        trainer(model, adapter, method.penalty(adapter, 0), Starts.constant(1e-3, 1, 0));
    List<Batch> batches = List.of(Pico.batch("llama"));
    int[] step = {0};
    Memory.assertFlat(30, 300, () -> trainer.step(batches, ++step[0], 1e-3));
  }
}
