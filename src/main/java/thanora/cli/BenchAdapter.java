package thanora.cli;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import thanora.dist.ProcessGroup;
import thanora.hasi.HasiConfig;
import thanora.lora.Blocks;
import thanora.lora.Factors;
import thanora.lora.LoraAdapter;
import thanora.lora.Penalty;
import thanora.lora.SprConfig;
import thanora.method.AdapterMethod;
import thanora.method.PlainLora;
import thanora.method.Thanora;
import thanora.model.Decoder;
import thanora.tensor.Seeds;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.train.LrSchedule;
import thanora.train.TrainConfig;
import thanora.train.Trainee;
import thanora.train.Trainer;

/**
 * An adapter to time: of the shape its method gives it, with random factors in place of a preview.
 *
 * @param adapter attached to the model
 * @param penalty the method's regulariser
 * @param tasks tasks that its blocks are for
 */
record BenchAdapter(LoraAdapter adapter, Penalty penalty, int tasks) {
  static final double LEARNING_RATE = 1e-4;

  /** Shapes of adapters. */
  enum Method {
    /** One block, nothing frozen, no regulariser. */
    LORA,
    /** A block a task and a cooperative one, frozen copies, the regulariser. */
    THANORA;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * Makes one.
   *
   * @param r at least tasks + 1 under thanora
   * @param tasks without meaning under lora
   */
  static BenchAdapter attach(Decoder model, Method method, int r, int tasks) {
    BenchAdapter made = method == Method.LORA ? lora(model, r) : thanora(model, r, tasks);
    made.adapter.attach(model);
    return made;
  }

  /** A trainer of the adapter alone, at a constant rate. */
  Trainer trainer(Decoder model, int rows, int steps, boolean checkpointing) {
    TrainConfig config = new TrainConfig(LEARNING_RATE, steps, 0, LrSchedule.CONSTANT,
        rows, 0, 1, 1, 0, 0.9, 0.999, 1e-8, 0, 0, 1, 0, false, false, 0, checkpointing);
    return new Trainer(model, List.of(Trainee.of(adapter, penalty)), config, ProcessGroup.single());
  }

  private static AdapterMethod.Setting setting(Decoder model, int r, int tasks) {
    List<String> names = IntStream.range(0, tasks).mapToObj(task -> "task" + task).toList();
    return new AdapterMethod.Setting(model, modules(model), names,
        List.of(), r, 2 * r, 0, "", Optional.empty(), layer -> { });
  }

  private static BenchAdapter lora(Decoder model, int r) {
    AdapterMethod method = new PlainLora(false);
    AdapterMethod.Setting setting = setting(model, r, 1);
    LoraAdapter adapter = (LoraAdapter) method.empty(setting);
    method.start(setting, adapter, 0);
    return new BenchAdapter(adapter, method.penalty(adapter, 0), 1);
  }

  private static BenchAdapter thanora(Decoder model, int r, int tasks) {
    AdapterMethod method = new Thanora("thanora", HasiConfig.thanora(), SprConfig.thanora());
    AdapterMethod.Setting setting = setting(model, r, tasks);
    LoraAdapter adapter = (LoraAdapter) method.empty(setting);
    int coop = r / (tasks + 1);
    int taskRows = r - coop;
    int[] ranks = IntStream.range(0, tasks)
        .map(task -> taskRows * (task + 1) / tasks - taskRows * task / tasks).toArray();
    Random random = Seeds.stream(0, "bench adapter");
    for (String module : setting.modules()) {
      try (TensorScope scope = TensorScope.open()) {
        Tensor w = model.projection(module).weight();
        int in = (int) w.size(1);
        int out = (int) w.size(0);
        float[] a = Seeds.uniform(random, r * in, 1 / Math.sqrt(in));
        float[] bt = Seeds.uniform(random, r * out, 0.2 / Math.sqrt(out));
        adapter.set(module, new Factors(
            Tensors.of(a, r, in),
            Tensors.of(bt, r, out),
            Tensors.of(Arrays.copyOf(a, taskRows * in), taskRows, in),
            Tensors.of(Arrays.copyOf(bt, taskRows * out), taskRows, out),
            new Blocks(ranks, coop)));
      }
    }
    return new BenchAdapter(adapter, method.penalty(adapter, 0), tasks);
  }

  /** All linear layers of the decoder; a vision part is frozen. */
  private static List<String> modules(Decoder model) {
    return model.projectionNames().stream().filter(name -> model.config().vision()
        .map(part -> !part.isOfTower(name) && !part.isOfConnector(name)).orElse(true)).toList();
  }
}
