package thanora.hasi;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Tensor;
import thanora.data.Batch;
import thanora.data.Sample;
import thanora.model.Decoder;
import thanora.model.Projection;
import thanora.model.TokenBatch;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * Runs preview rows of every task through the untouched base, one decoder layer at a time, and hands
 * out the second moments of what enters its linear layers.
 *
 * <p>All rows go through layer ℓ before layer ℓ + 1, so only one layer's moments live at a time, or
 * one layer's and task's; what is kept between layers is the hidden state of every token.
 */
public final class PreviewPass {
  /** Tokens a forward pass. */
  static final int BATCH_TOKENS = 2048;

  /** Bytes of hidden states that stay on a GPU. */
  private static final long ON_GPU = 512L << 20;

  private final Decoder model;
  private final HasiConfig.Preview options;
  private final Set<String> targets;

  /** Inputs of modules that are not in {@code targets} are not measured. */
  public PreviewPass(Decoder model, HasiConfig.Preview options, Set<String> targets) {
    this.model = model;
    this.options = options;
    this.targets = targets;
  }

  /**
   * What enters modules that read the same input.
   *
   * @param modules those of them that are targets
   * @param byTask moments of each task, freed after the visit
   */
  public record SharedInput(List<String> modules, List<Moments> byTask) {}

  /** Receives the layers in order. */
  @FunctionalInterface
  public interface LayerVisitor {
    void visit(int layer, List<SharedInput> inputs);
  }

  /** Receives the layers in order, and the tasks of each. */
  @FunctionalInterface
  public interface TaskVisitor {
    /**
     * One task in one layer.
     *
     * @param inputs with moments of this task alone
     */
    void visit(int layer, int task, List<SharedInput> inputs);
  }

  /**
   * Whether {@link #runByTask} is the way for this model: where spectra of a target are estimated, one
   * layer's moments of all tasks in float64 are too many as well.
   */
  public boolean goesByTask() {
    return targets.stream().map(module -> model.projection(module).weight())
        .anyMatch(w -> options.estimates(w.size(0), w.size(1)));
  }

  /**
   * Runs the rows, with the moments of all tasks at once, in float64.
   *
   * @param rowsByTask preview rows of each task
   */
  public void run(List<List<Sample>> rowsByTask, LayerVisitor visitor) {
    try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
      List<Part> parts = embed(rowsByTask);
      for (int layer = 0; layer < model.config().layers(); layer++) {
        List<SharedInput> inputs = inputs(layer, rowsByTask.size(), DType.F64);
        for (Part part : parts) {
          advance(layer, part, part.task, inputs);
        }
        visitor.visit(layer, inputs);
        inputs.forEach(input -> input.byTask().forEach(Moments::close));
      }
    }
  }

  /**
   * Runs the rows, with the moments of one task at a time, in float32 (float64 on a float64 base).
   *
   * @param rowsByTask preview rows of each task
   */
  public void runByTask(List<List<Sample>> rowsByTask, TaskVisitor visitor) {
    DType sums = model.placement().dtype() == DType.F64 ? DType.F64 : DType.F32;
    try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
      List<Part> parts = embed(rowsByTask);
      for (int layer = 0; layer < model.config().layers(); layer++) {
        for (int task = 0; task < rowsByTask.size(); task++) {
          List<SharedInput> inputs = inputs(layer, 1, sums);
          for (Part part : parts) {
            if (part.task == task) {
              advance(layer, part, 0, inputs);
            }
          }
          visitor.visit(layer, task, inputs);
          inputs.forEach(input -> input.byTask().forEach(Moments::close));
        }
      }
    }
  }

  /** Some rows of one task on their way through the layers. */
  private static final class Part {
    final int task;
    final TokenBatch batch;
    final Tensor hidden; // (N, D), overwritten layer by layer, in main memory where all would be too large
    final Tensor measured; // (n) indices of the tokens that count

    Part(int task, TokenBatch batch, Tensor hidden, Tensor measured) {
      this.task = task;
      this.batch = batch;
      this.hidden = hidden;
      this.measured = measured;
    }

    Tensor measured(Tensor x) {
      return measured.numel() == x.size(0) ? x : Ops.select(x, 0, measured);
    }
  }

  private List<Part> embed(List<List<Sample>> rowsByTask) {
    // CorDA weighs rows, not tokens: each then is a batch of its own
    int tokens = options.normalisation() == Moments.Normalisation.CORDA ? 1 : BATCH_TOKENS;
    String device = model.placement().device();
    boolean aside = waits(hiddenBytes(rowsByTask), !model.placement().isCpu());
    List<Part> parts = new ArrayList<>();
    for (int task = 0; task < rowsByTask.size(); task++) {
      for (List<Sample> rows : Batch.split(rowsByTask.get(task), tokens)) {
        Batch batch = Batch.of(rows, rowsByTask.size());
        TokenBatch onDevice = TokenBatch.of(batch.ids(), batch.rowStarts(), batch.rowTasks(), device);
        parts.add(new Part(task, onDevice, hidden(onDevice, aside), Tensors.of(measured(rows), device)));
      }
    }
    return parts;
  }

  /** Whether so many bytes of hidden states wait in main memory for their next layer. */
  static boolean waits(long bytes, boolean gpu) {
    return gpu && bytes > ON_GPU;
  }

  private long hiddenBytes(List<List<Sample>> rowsByTask) {
    long tokens = rowsByTask.stream().flatMap(List::stream).mapToLong(row -> row.ids().length).sum();
    return tokens * model.config().hidden() * model.placement().dtype().bytes();
  }

  private Tensor hidden(TokenBatch batch, boolean aside) {
    return TensorScope.keep(() -> {
      Tensor embedded = model.embed(batch);
      if (!aside) {
        return embedded;
      }
      Tensor kept = Tensors.pinned(DType.of(embedded), Tensors.shape(embedded));
      Tensors.copyInOrder(embedded, kept);
      return kept;
    });
  }

  private int[] measured(List<Sample> rows) {
    List<Integer> chosen = new ArrayList<>();
    int start = 0;
    for (Sample row : rows) {
      for (int i = options.dropFirstToken() ? 1 : 0; i < row.ids().length; i++) {
        boolean measured = switch (options.tokens()) {
          case ALL -> true;
          case PROMPT -> !row.trained()[i];
          case LABELS -> row.trained()[i];
        };
        if (measured) {
          chosen.add(start + i);
        }
      }
      start += row.ids().length;
    }
    return chosen.stream().mapToInt(Integer::intValue).toArray();
  }

  private List<SharedInput> inputs(int layer, int tasks, DType sums) {
    List<SharedInput> inputs = new ArrayList<>();
    for (List<String> sharing : model.sharedInputs(layer)) {
      List<String> modules = sharing.stream().filter(targets::contains).toList();
      if (!modules.isEmpty()) {
        int width = (int) model.projection(modules.get(0)).weight().size(1);
        List<Moments> byTask = new ArrayList<>();
        for (int task = 0; task < tasks; task++) {
          byTask.add(new Moments(modules.get(0), width, options.normalisation(), options.centre(),
              model.placement().with(sums)));
        }
        inputs.add(new SharedInput(modules, byTask));
      }
    }
    return inputs;
  }

  private void advance(int layer, Part part, int task, List<SharedInput> inputs) {
    for (SharedInput input : inputs) {
      Moments moments = input.byTask().get(task);
      model.replace(input.modules().get(0), inner -> new Recorder(
          inner, x -> moments.add(part.measured(x))));
    }
    try (TensorScope scope = TensorScope.open()) {
      Tensor hidden = Tensors.toInOrder(part.hidden, model.placement());
      Tensors.copyInOrder(model.layer(layer, hidden, part.batch), part.hidden);
    } finally {
      inputs.forEach(input -> model.replace(input.modules().get(0), p -> p instanceof Recorder r ? r.inner : p));
    }
  }

  /** Shows its input to someone on the way. */
  private record Recorder(Projection inner, Consumer<Tensor> seen) implements Projection {
    @Override
    public Tensor apply(Tensor x, TokenBatch batch) {
      seen.accept(x);
      return inner.apply(x, batch);
    }

    @Override
    public Tensor weight() {
      return inner.weight();
    }
  }
}
