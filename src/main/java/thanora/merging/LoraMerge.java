package thanora.merging;

import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** A way to make one change of a weight of the adapters of several tasks. */
@FunctionalInterface
public interface LoraMerge {
  /**
   * The merged change (out, in) in float64, where the adapters are, in the caller's scope.
   *
   * @param tasks one adapter a task, for one linear layer; at least one
   * @param module the layer's name, for the rules that draw random numbers
   * @throws IllegalArgumentException if the adapters are not of one layer
   */
  Tensor delta(List<TaskLora> tasks, String module);

  /** The tasks, once they are known to be of one layer. */
  static List<TaskLora> checked(List<TaskLora> tasks) {
    if (tasks.isEmpty()) {
      throw new IllegalArgumentException("0 adapters cannot be merged; give one a task");
    }
    TaskLora first = tasks.get(0);
    for (TaskLora task : tasks) {
      if (task.a().size(1) != first.a().size(1) || task.b().size(0) != first.b().size(0)) {
        throw new IllegalArgumentException(
            "adapters of a " + first.b().size(0) + " x " + first.a().size(1) + " and a "
                + task.b().size(0) + " x " + task.a().size(1)
                + " weight cannot be merged; they must be of one layer");
      }
    }
    return tasks;
  }
}
