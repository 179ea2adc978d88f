package thanora.lora;

import org.bytedeco.pytorch.Tensor;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * A task's block takes its gradient in full from rows of its own task, and with weight ρ from the
 * others; the cooperative block listens to all. ρ = 1 is the plain sum. The forward pass, and so the
 * merge, stay as they are.
 *
 * @param rho in [0, 1]
 */
public record OwnedBlocks(double rho) implements GradientCombination {
  public OwnedBlocks {
    if (!(rho >= 0 && rho <= 1)) {
      throw new IllegalArgumentException("train.rho " + rho + " is no weight; use 0 to 1");
    }
  }

  @Override
  public void apply(TaskGradients gradients, int member, long step) {
    LoraAdapter adapter = gradients.adapter();
    try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
      for (Adapter.Stack stack : adapter.stacks()) {
        Tensor weights = Tensors.to(weights(adapter, stack, member, gradients.tasks()),
            Placement.CPU_F32.on(adapter.device())); // (T, n, r, 1)
        for (String field : stack.fields().keySet()) {
          Tensor own = gradients.of(stack, field).select(0, member); // (T, n, r, width)
          stack.field(field).gradients().select(0, member).copy_(Ops.sum(Ops.mul(own, weights), 0));
        }
      }
    }
  }

  private Tensor weights(LoraAdapter adapter, Adapter.Stack stack, int member, int tasks) {
    int n = stack.names().size();
    int r = adapter.rank();
    float[] weights = new float[tasks * n * r];
    for (int i = 0; i < n; i++) {
      Blocks layout = adapter.blocks(stack.names().get(i), member);
      if (layout.taskRows() > 0 && layout.tasks() != tasks) {
        throw new IllegalArgumentException("blocks " + layout + " are not those of " + tasks
            + " tasks; leave train.rho out, or use a method that gives each task a block");
      }
      int[] block = layout.blockOfRow();
      for (int task = 0; task < tasks; task++) {
        for (int row = 0; row < r; row++) {
          boolean full = block[row] == task || block[row] == layout.tasks();
          weights[(task * n + i) * r + row] = full ? 1 : (float) rho;
        }
      }
    }
    return Tensors.of(weights, tasks, n, r, 1);
  }
}
