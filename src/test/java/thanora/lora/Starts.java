package thanora.lora;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.bytedeco.pytorch.Tensor;
import thanora.Pico;
import thanora.data.Batch;
import thanora.data.Sample;
import thanora.dist.ProcessGroup;
import thanora.hasi.HasiConfig;
import thanora.method.AdapterMethod;
import thanora.method.Thanora;
import thanora.model.Decoder;
import thanora.tensor.NoGrad;
import thanora.tensor.Placement;
import thanora.tensor.Tensors;
import thanora.train.LrSchedule;
import thanora.train.TrainConfig;
import thanora.train.Trainee;
import thanora.train.Trainer;

/** Adapters of the real initialisation on tiny checkpoints, and gradients of the real trainer. */
public final class Starts {
  private static final List<String> TASKS = List.of("one", "two", "three");

  private Starts() {}

  /** Rows of random tokens and lengths for three tasks, each with a vocabulary of its own. */
  public static List<List<Sample>> rows(int perTask, long seed) {
    Random random = new Random(seed);
    List<List<Sample>> byTask = new ArrayList<>();
    for (int task = 0; task < TASKS.size(); task++) {
      List<Sample> rows = new ArrayList<>();
      for (int row = 0; row < perTask; row++) {
        int[] ids = new int[3 + random.nextInt(12)];
        for (int i = 0; i < ids.length; i++) {
          ids[i] = 3 + 30 * task + random.nextInt(Math.min(30, Pico.VOCABULARY - 3 - 30 * task));
        }
        rows.add(new Sample(task, row, ids, 1 + random.nextInt(ids.length - 1)));
      }
      byTask.add(rows);
    }
    return byTask;
  }

  /** What the initialisation is told: three tasks, r 8, alpha 16, seed 1. */
  public static AdapterMethod.Setting setting(Decoder model, List<String> modules) {
    return setting(model, modules, 1);
  }

  /** The same with another seed. */
  public static AdapterMethod.Setting setting(Decoder model, List<String> modules, long seed) {
    return new AdapterMethod.Setting(model, modules, TASKS, rows(12, 3), 8, 16, seed, "pico",
        Optional.empty(), layer -> {});
  }

  /** A start of HASI in all linear layers, not attached. */
  public static LoraAdapter hasi(Decoder model, HasiConfig config) {
    Thanora method = new Thanora("test", config, SprConfig.thanora());
    AdapterMethod.Setting setting = setting(model, List.copyOf(model.projectionNames()));
    LoraAdapter adapter = (LoraAdapter) method.empty(setting);
    method.start(setting, adapter, 0);
    return adapter;
  }

  /** Adds normal noise to every trained number. */
  public static void disturb(Adapter adapter, double deviation, long seed) {
    Random random = new Random(seed);
    float[] noise = new float[Math.toIntExact(adapter.members() * adapter.trainableParameters())];
    for (int i = 0; i < noise.length; i++) {
      noise[i] = (float) (deviation * random.nextGaussian());
    }
    try (NoGrad off = NoGrad.open()) {
      adapter.parameters().add_(Tensors.to(
          Tensors.of(noise, adapter.members(), adapter.trainableParameters()), Placement.CPU_F32.on(adapter.device())));
    }
    adapter.refresh();
  }

  /** Numbers of a member's module, a view of the buffer. */
  public static Tensor values(Adapter adapter, String module, String field, int member) {
    return adapter.site(module).values(field).select(0, member);
  }

  /** Their gradients, a view of the buffer. */
  public static Tensor gradients(Adapter adapter, String module, String field, int member) {
    return adapter.site(module).gradients(field).select(0, member);
  }

  /** Settings of a constant learning rate without warm-up, decay or clipping. */
  public static TrainConfig constant(double learningRate, double maxGradNorm, double weightDecay) {
    return new TrainConfig(learningRate, 1, 0, LrSchedule.CONSTANT, 3, 0, 1, maxGradNorm,
        weightDecay, 0.9, 0.999, 1e-8, 0, 0, 1, 0, false, false, 0, false);
  }

  /** The gradient of a batch's mean −log p, which stays in the adapter; nothing is changed. */
  public static Tensor gradient(Decoder model, Adapter adapter, Batch batch) {
    Trainee.Member plain = Trainee.Member.of(Penalty.NONE);
    Trainer trainer = new Trainer(
        model, List.of(new Trainee(adapter, Collections.nCopies(adapter.members(), plain))), constant(0, 0, 0),
        ProcessGroup.single());
    trainer.step(List.of(batch), 1, 0);
    return Tensors.copy(adapter.gradients());
  }
}
