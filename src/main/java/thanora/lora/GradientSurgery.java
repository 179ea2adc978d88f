package thanora.lora;

import java.util.Arrays;
import java.util.Random;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.Seeds;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * Gradient surgery: weights of the tasks' gradients by a rule, from their products.
 *
 * @param matrixwise one set of weights for each A and each B of each module (Ortho-LoRA, arXiv
 *     2601.09684); else one for the whole adapter
 * @param seed of what the rule draws
 */
public record GradientSurgery(GradientRule rule, boolean matrixwise, long seed) implements GradientCombination {
  @Override
  public void apply(TaskGradients gradients, int member, long step) {
    Random random = Seeds.stream(seed, "gradient surgery " + step);
    try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
      if (matrixwise) {
        eachMatrix(gradients, member, random);
      } else {
        whole(gradients, member, random);
      }
    }
  }

  private void whole(TaskGradients gradients, int member, Random random) {
    int tasks = gradients.tasks();
    Tensor each = gradients.of(member); // (T, P)
    double[] weights = rule.weights(Tensors.doubles(Ops.matmul(each, each.t())), tasks, random);
    Tensor row = on(gradients, weights, 1, tasks);
    gradients.adapter().gradients().select(0, member).copy_(Ops.matmul(row, each).view(-1));
  }

  private void eachMatrix(TaskGradients gradients, int member, Random random) {
    int tasks = gradients.tasks();
    for (Adapter.Stack stack : gradients.adapter().stacks()) {
      for (String field : stack.fields().keySet()) {
        int n = stack.names().size();
        double[] grams = Tensors.doubles(gradients.grams(stack, field, member)); // (n, T, T)
        double[] weights = new double[n * tasks];
        for (int i = 0; i < n; i++) {
          double[] gram = Arrays.copyOfRange(grams, i * tasks * tasks, (i + 1) * tasks * tasks);
          System.arraycopy(rule.weights(gram, tasks, random), 0, weights, i * tasks, tasks);
        }
        Tensor combined = Ops.bmm(on(gradients, weights, n, 1, tasks), gradients.flat(stack, field, member));
        Tensor target = stack.field(field).gradients().select(0, member); // (n, r, width)
        target.copy_(combined.view(Tensors.shape(target)));
      }
    }
  }

  private static Tensor on(TaskGradients gradients, double[] weights, long... shape) {
    return Tensors.to(Tensors.of(weights, shape), Placement.CPU_F32.on(gradients.adapter().device()));
  }
}
