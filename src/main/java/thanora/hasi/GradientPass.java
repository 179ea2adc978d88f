package thanora.hasi;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.data.Batch;
import thanora.data.Sample;
import thanora.model.Decoder;
import thanora.model.HeadLoss;
import thanora.model.Projection;
import thanora.model.Tape;
import thanora.model.TokenBatch;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * Runs preview rows of every task through the untouched base, forwards and backwards, and hands out
 * the gradients of the task's loss with respect to the frozen weights: G_t = dL_t/dW (d_out, d_in),
 * L_t the mean of −log p over the trained tokens of the task's rows.
 *
 * <p>With x what enters a linear layer and dy the gradient of what leaves it, G = Σ dy xᵀ over the
 * tokens. Products and sums are float32 (float64 on a float64 base), on the base's device. All
 * layers of one task are there at once, since a backward pass needs a whole forward pass; of the
 * next task only when the visitor is done with the last one.
 */
public final class GradientPass {
  /** Tokens a forward pass. */
  private static final int BATCH_TOKENS = 2048;

  private final Decoder model;
  private final List<String> modules;

  /** The gradients of these linear layers. */
  public GradientPass(Decoder model, List<String> modules) {
    this.model = model;
    this.modules = List.copyOf(modules);
  }

  /** Receives the tasks in order. */
  @FunctionalInterface
  public interface TaskVisitor {
    /**
     * One task.
     *
     * @param gradients G_t of each module, overwritten after the visit
     */
    void visit(int task, Map<String, Tensor> gradients);
  }

  /**
   * Runs the rows.
   *
   * @param rowsByTask preview rows of each task
   * @throws ArithmeticException where a gradient is not finite or a task trains no token
   */
  public void run(List<List<Sample>> rowsByTask, TaskVisitor visitor) {
    try (TensorScope scope = TensorScope.open()) {
      Map<String, Tensor> gradients = zeros();
      for (int task = 0; task < rowsByTask.size(); task++) {
        gradients.values().forEach(Tensor::zero_);
        add(task, rowsByTask.size(), rowsByTask.get(task), gradients);
        visitor.visit(task, gradients);
      }
    }
  }

  private Map<String, Tensor> zeros() {
    DType dtype = model.placement().dtype() == DType.F64 ? DType.F64 : DType.F32;
    Placement exact = model.placement().with(dtype);
    Map<String, Tensor> zeros = new LinkedHashMap<>();
    for (String module : modules) {
      zeros.put(module, Tensors.zeros(exact, Tensors.shape(model.projection(module).weight())));
    }
    return zeros;
  }

  private void add(int task, int tasks, List<Sample> rows, Map<String, Tensor> gradients) {
    List<Sample> trained = rows.stream().filter(row -> row.labels() > 0).toList();
    if (trained.isEmpty()) {
      throw new ArithmeticException(
          "task " + (task + 1) + " of " + tasks + ": no token of its preview rows is trained on, so"
              + " there is no gradient; raise hasi.preview_rows or take another hasi.statistic");
    }
    float scale = 1f / trained.stream().mapToInt(Sample::labels).sum();
    gradients.forEach((module, sum) -> model.replace(module, inner -> new Recorder(inner, sum)));
    try {
      for (List<Sample> part : Batch.split(trained, BATCH_TOKENS)) {
        forwardBackward(Batch.of(part, tasks), scale);
      }
    } finally {
      modules.forEach(module -> model.replace(module, p -> p instanceof Recorder r ? r.inner : p));
    }
    gradients.forEach((module, sum) -> {
      if (!Tensors.isFinite(sum)) {
        throw new ArithmeticException(
            module + ": the gradient is not finite; use fp32 or bf16 for the preview");
      }
    });
  }

  private void forwardBackward(Batch batch, float scale) {
    float[] scales = new float[batch.labels()];
    Arrays.fill(scales, scale);
    try (TensorScope scope = TensorScope.open(); Tape tape = new Tape(false)) {
      TokenBatch tokens = TokenBatch.of(batch, model.placement().device()).on(tape);
      HeadLoss.Result head = HeadLoss.withGradient(
          model, model.last(tokens), batch.labelled(), batch.targets(), scales);
      tape.backward(head.gradient().orElseThrow());
    }
  }

  /** Adds dy xᵀ of its tokens to a sum when the backward pass comes by. */
  private record Recorder(Projection inner, Tensor sum) implements Projection {
    @Override
    public Tensor apply(Tensor x, TokenBatch batch) {
      Tape tape = batch.tape().orElseThrow();
      return tape.record(inner.product(x), dy -> {
        add(dy, x);
        if (tape.reaches(x)) {
          tape.addProduct(x, dy, inner.weight());
        }
      }, List.of(x));
    }

    private void add(Tensor dy, Tensor x) {
      try (TensorScope scope = TensorScope.open()) {
        DType dtype = DType.of(sum);
        Tensor product =
            Ops.matmul(Ops.transpose(Tensors.cast(dy, dtype)), Tensors.cast(x, dtype));
        Ops.addInPlace(sum, product, 1);
      }
    }

    @Override
    public Optional<Tensor> bias() {
      return inner.bias();
    }

    @Override
    public Tensor weight() {
      return inner.weight();
    }
  }
}
