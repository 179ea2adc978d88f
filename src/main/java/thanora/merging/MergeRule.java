package thanora.merging;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.NoGrad;
import thanora.tensor.TensorScope;

/** Makes one tensor of several of the same shape; as a merge of adapters, applied to s B A. */
@FunctionalInterface
public interface MergeRule extends LoraMerge {
  /**
   * The merged tensor, in the caller's scope.
   *
   * @param tasks one float64 tensor a task, all of one shape; not changed
   * @param module names the stream of random numbers, where some are drawn
   */
  Tensor merge(List<Tensor> tasks, String module);

  @Override
  default Tensor delta(List<TaskLora> tasks, String module) {
    LoraMerge.checked(tasks);
    try (NoGrad off = NoGrad.open()) {
      return TensorScope.keep(
          () -> merge(tasks.stream().map(TaskLora::delta).toList(), module));
    }
  }
}
