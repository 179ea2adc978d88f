package thanora.lora;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import thanora.model.TokenBatch;
import thanora.tensor.DType;
import thanora.tensor.Into;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * The gradients of T tasks, apart: g_t is the part of the step's gradient that the tokens of task t
 * make, so that Σ_t g_t is the gradient.
 */
public final class TaskGradients {
  private final LoraAdapter adapter;
  private final int tasks;
  private final Tensor values; // (K T, P)
  private final Tensor ends; // (K T) int32, the token behind each member's task in the last batch
  private TokenBatch last;
  private int[] starts;

  private TaskGradients(LoraAdapter adapter, int tasks, Tensor values, Tensor ends) {
    this.adapter = adapter;
    this.tasks = tasks;
    this.values = values;
    this.ends = ends;
  }

  static TaskGradients of(Adapter adapter, int tasks) {
    Placement placement = new Placement(adapter.device(), DType.F32);
    return new TaskGradients((LoraAdapter) adapter, tasks,
        Tensors.zeros(placement, (long) adapter.members() * tasks, adapter.trainableParameters()),
        Tensors.zeros(new Placement(adapter.device(), DType.I32), (long) adapter.members() * tasks));
  }

  /** T. */
  public int tasks() {
    return tasks;
  }

  /** The adapter whose gradients these are. */
  public LoraAdapter adapter() {
    return adapter;
  }

  /** All of them, (K T, P): a row a member and task. */
  public Tensor values() {
    return values;
  }

  void zero() {
    values.zero_();
  }

  /**
   * Adds leftᵀ right of each task's tokens to the gradient of a module's field.
   *
   * @param left (K N, r')
   * @param right (K N, width)
   */
  void add(Adapter.Site site, String field, Tensor left, Tensor right, TokenBatch batch) {
    take(batch);
    Tensor target = of(site.stack(), field).select(2, site.index()); // (K, T, r, width)
    if (Ops.servesSegments(left, right)) {
      Tensor parts = Ops.segmentProducts(left, right, ends); // (K T, r', width)
      adapter.addGradient(target, field, parts.view(adapter.members(), tasks, left.size(1), right.size(1)));
      return;
    }
    long k = adapter.members();
    Tensor rows = Ops.transposeLast(left.view(k, -1, left.size(1)));
    Tensor columns = right.view(k, -1, right.size(1));
    if (adapter.exportRank() == adapter.rank() && DType.of(left) == DType.F32) {
      for (int task = 0; task < tasks; task++) { // no copy where it fits as it is
        if (starts[task + 1] > starts[task]) {
          Ops.addBmmInPlace(target.select(1, task), tokens(rows, 2, task), tokens(columns, 1, task), 1);
        }
      }
      return;
    }
    Tensor[] parts = new Tensor[tasks];
    for (int task = 0; task < tasks; task++) {
      parts[task] = Ops.bmm(tokens(rows, 2, task), tokens(columns, 1, task));
    }
    adapter.addGradient(target, field, Ops.stack(1, parts)); // (K, T, r', width)
  }

  /**
   * Products of each task's tokens, for an adapter of one member: to (T, p, q) = leftᵀ right.
   *
   * @param left (N, p)
   * @param right (N, q)
   */
  public void products(Tensor to, Tensor left, Tensor right, TokenBatch batch) {
    take(batch);
    if (Ops.servesSegments(left, right)) {
      to.copy_(Ops.segmentProducts(left, right, ends));
      return;
    }
    for (int task = 0; task < tasks; task++) {
      Into.matmul(to.select(0, task), Ops.transpose(tokens(left, 0, task)), tokens(right, 0, task));
    }
  }

  /** Where the tasks' tokens lie in a batch, worked out once for all modules. */
  private void take(TokenBatch batch) {
    if (batch == last) {
      return;
    }
    last = batch;
    starts = batch.taskStarts(tasks);
    int[] every = new int[adapter.members() * tasks];
    for (int i = 0; i < every.length; i++) {
      every[i] = i / tasks * starts[tasks] + starts[i % tasks + 1];
    }
    ends.copy_(Tensors.of(every, "cpu"));
  }

  private Tensor tokens(Tensor all, int dim, int task) {
    return Ops.narrow(all, dim, starts[task], starts[task + 1] - starts[task]);
  }

  /** The gradients of a field: (K, T, n, r, width). */
  Tensor of(Adapter.Stack stack, String field) {
    Tensor all = stack.field(field).in(values);
    return all.view(adapter.members(), tasks, all.size(1), all.size(2), all.size(3));
  }

  /** A member's gradients, (T, P). */
  public Tensor of(int member) {
    return Ops.narrow(values, 0, (long) member * tasks, tasks);
  }

  /** Makes a member's gradient the plain sum. */
  public void sum(int member) {
    adapter.gradients().select(0, member).copy_(Ops.sum(of(member), 0));
  }

  /**
   * Products of a member's task gradients module by module: the T x T Gram matrix of every module,
   * row-major, A's and B's parts added.
   */
  public List<ModuleGram> grams(int member) {
    List<ModuleGram> grams = new ArrayList<>();
    try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
      for (Adapter.Stack stack : adapter.stacks()) {
        double[] both = Tensors.doubles(Ops.add(
            grams(stack, LoraAdapter.A, member), grams(stack, LoraAdapter.BT, member)));
        for (int i = 0; i < stack.names().size(); i++) {
          double[] one = new double[tasks * tasks];
          System.arraycopy(both, i * one.length, one, 0, one.length);
          grams.add(new ModuleGram(stack.names().get(i), one));
        }
      }
    }
    return grams;
  }

  /**
   * Products of the task gradients of one module.
   *
   * @param products T x T, row-major
   */
  public record ModuleGram(String module, double[] products) {}

  /** (n, T, T): for each module of a stack the products of one field's task gradients. */
  Tensor grams(Adapter.Stack stack, String field, int member) {
    Tensor each = flat(stack, field, member);
    return Ops.bmm(each, Ops.transposeLast(each));
  }

  /** (n, T, r · width) of one field. */
  Tensor flat(Adapter.Stack stack, String field, int member) {
    Tensor own = of(stack, field).select(0, member); // (T, n, r, width)
    return own.reshape(tasks, own.size(1), -1).transpose(0, 1);
  }
}
