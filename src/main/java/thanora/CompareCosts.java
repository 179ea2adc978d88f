package thanora;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import thanora.compare.ComparisonResult;
import thanora.data.Batch;
import thanora.data.MixtureSampler;
import thanora.data.Sample;
import thanora.data.TaskSet;
import thanora.dist.ProcessGroup;
import thanora.lora.Adapter;
import thanora.lora.Blocks;
import thanora.model.Decoder;
import thanora.model.LayerPass;
import thanora.model.TextGenerator;
import thanora.tensor.DType;
import thanora.tensor.GpuMemory;
import thanora.tensor.NoGrad;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.train.TrainConfig;
import thanora.train.Trainer;

/**
 * What each method costs when it is trained alone, and when it answers: a step over one of the
 * reference that is timed beside it, the same for the peak of GPU memory, and generation over the
 * base's. A method that merges answers from merged weights.
 */
final class CompareCosts {
  private static final int STEPS = 4;
  private static final int ROUNDS = 3;
  private static final int PROMPTS = 8;
  private static final int NEW_TOKENS = 16;

  private final Compare.Request request;
  private final LoadedModel model;
  private final TaskSet tasks;
  private final RunListener listener;

  CompareCosts(Compare.Request request, LoadedModel model, TaskSet tasks, RunListener listener) {
    this.request = request;
    this.model = model;
    this.tasks = tasks;
    this.listener = listener;
  }

  /** Costs by name; methods that are not trained have none. */
  Map<String, ComparisonResult.Cost> measure() {
    listener.stage("time each method", request.contestants().size());
    Contestant reference = request.contestants().stream()
        .filter(c -> c.name().equals(request.reference())).findFirst().orElseThrow();
    Map<String, ComparisonResult.Cost> costs = new LinkedHashMap<>();
    int done = 0;
    for (Contestant contestant : request.contestants()) {
      if (contestant.merge().isEmpty()) {
        Training own = training(contestant);
        Training other = training(reference);
        costs.put(contestant.name(), new ComparisonResult.Cost(
            own.seconds / other.seconds, own.peak / other.peak, latency(contestant)));
      }
      listener.advanced(++done);
    }
    return costs;
  }

  /**
   * A step's median time and the memory it needs; NaN where that cannot be known. Operation by operation, since
   * the fast layer serves plain LoRA's form alone: methods are compared, not how far each was made fast.
   */
  private record Training(double seconds, double peak) {}

  private Training training(Contestant contestant) {
    try (SideBySide side = alone(contestant)) {
      TrainConfig config = Settings.train( // early in a long run: a schedule leaves no regulariser out
          request.recipe().with("train.learning_rate=1e-9", "train.max_steps=1000").train(), 1);
      Blocks blocks = Blocks.even(tasks.tasks().size(), side.adapter(0).rank());
      side.adapter(0).modules().forEach(module -> side.adapter(0).declare(module, blocks));
      side.attach();
      try (Trainer trainer = new Trainer(
          model.decoder(), side.trainees(""), config, ProcessGroup.single(), LayerPass.PLAIN)) {
        List<Batch> batch = List.of(batch());
        trainer.step(batch, 1, 0);
        GpuMemory.resetPeak(model.decoder().placement());
        double[] seconds = new double[STEPS];
        for (int i = 0; i < STEPS; i++) {
          long start = System.nanoTime();
          trainer.step(batch, 2 + i, 0);
          seconds[i] = (System.nanoTime() - start) / 1e9;
        }
        return new Training(median(seconds), GpuMemory.peakBytes(model.decoder().placement()));
      } finally {
        side.detach();
      }
    }
  }

  private SideBySide alone(Contestant contestant) {
    return SideBySide.empty(model, tasks, List.of(new SideBySide.Run(contestant, 1, 0)), RunListener.SILENT);
  }

  private Batch batch() {
    MixtureSampler sampler = new MixtureSampler(tasks.trainSizes(), Settings.mixing(request.recipe()), 0);
    List<Sample> rows = new ArrayList<>();
    for (MixtureSampler.Pick pick : sampler.next(request.recipe().train().batchSize())) {
      rows.add(tasks.tasks().get(pick.task()).train().samples().get(pick.row()));
    }
    return Batch.of(rows, tasks.tasks().size());
  }

  /** Time of generation over the base's, measured in turn. */
  private double latency(Contestant contestant) {
    double[] base = new double[ROUNDS];
    double[] own = new double[ROUNDS];
    try (SideBySide side = alone(contestant)) {
      Adapter adapter = side.adapter(0);
      for (int round = 0; round < ROUNDS; round++) {
        base[round] = generation();
        if (adapter.merges()) {
          own[round] = merged(adapter);
        } else {
          side.attach();
          own[round] = generation();
          side.detach();
        }
      }
    }
    return median(own) / median(base);
  }

  private double merged(Adapter adapter) {
    Decoder decoder = model.decoder();
    try (TensorScope scope = TensorScope.open(); NoGrad off = NoGrad.open()) {
      Map<String, Tensor> merged = new LinkedHashMap<>();
      for (String module : adapter.modules()) {
        Tensor w = Tensors.to(decoder.projection(module).weight(), new Placement("cpu", DType.F64));
        merged.put(module, Tensors.to(adapter.merged(module, 0, w), decoder.placement()));
      }
      return decoder.with(merged, this::generation);
    }
  }

  private double generation() {
    List<Sample> rows = tasks.tasks().get(0).test().samples();
    List<int[]> prompts = new ArrayList<>();
    for (int i = 0; i < PROMPTS; i++) {
      prompts.add(rows.get(i % rows.size()).prompt());
    }
    TextGenerator endless = new TextGenerator(model.decoder(), Set.of());
    long start = System.nanoTime();
    endless.generate(prompts, 0, NEW_TOKENS);
    return (System.nanoTime() - start) / 1e9;
  }

  private static double median(double[] values) {
    double[] sorted = Arrays.stream(values).sorted().toArray();
    return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
  }
}
