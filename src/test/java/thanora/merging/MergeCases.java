package thanora.merging;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.bytedeco.pytorch.Tensor;
import thanora.Golden;
import thanora.checkpoint.SafetensorsFile;
import thanora.tensor.DType;
import thanora.tensor.Placement;
import thanora.tensor.Tensors;

/** golden/rivals/merges.safetensors, by scripts/golden/make_rivals.py, and random adapters. */
final class MergeCases {
  private MergeCases() {}

  static Tensor golden(String key) {
    try (SafetensorsFile file = SafetensorsFile.open(Golden.path("rivals/merges.safetensors"))) {
      return file.load(key, new Placement("cpu", DType.F64));
    }
  }

  static List<Tensor> goldens(String key) {
    return List.of(golden(key + ".0"), golden(key + ".1"), golden(key + ".2"));
  }

  static List<TaskLora> goldenAdapters() {
    List<TaskLora> tasks = new ArrayList<>();
    for (int t = 0; t < 3; t++) {
      String key = "lora." + t;
      tasks.add(new TaskLora(
          golden(key + ".a"), golden(key + ".b"), golden(key + ".scaling").item_double()));
    }
    return tasks;
  }

  static Tensor random(Random random, int rows, int columns) {
    double[] values = new double[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextGaussian();
    }
    return Tensors.of(values, rows, columns);
  }

  /** Adapters of different ranks and scalings. */
  static List<TaskLora> randomAdapters(long seed, int in, int out, int... ranks) {
    Random random = new Random(seed);
    List<TaskLora> tasks = new ArrayList<>();
    for (int rank : ranks) {
      tasks.add(new TaskLora(
          random(random, rank, in), random(random, out, rank), 0.5 + random.nextDouble()));
    }
    return tasks;
  }
}
