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
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * Runs preview rows of every task through the untouched base, one decoder layer at a time, and hands
 * out the second moments of what enters its linear layers.
 *
 * <p>All rows go through layer ℓ before layer ℓ + 1, so only one layer's moments live at a time; what
 * is kept between layers is the hidden state of every token.
 */
public final class PreviewPass {
  /** Tokens a forward pass. */
  static final int BATCH_TOKENS = 2048;

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

  /**
   * Runs the rows.
   *
   * @param rowsByTask preview rows of each task
   */
  public void run(List<List<Sample>> rowsByTask, LayerVisitor visitor) {
    try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
      List<Part> parts = embed(rowsByTask);
      for (int layer = 0; layer < model.config().layers(); layer++) {
        List<SharedInput> inputs = inputs(layer, rowsByTask.size());
        for (Part part : parts) {
          advance(layer, part, inputs);
        }
        visitor.visit(layer, inputs);
        inputs.forEach(input -> input.byTask().forEach(Moments::close));
      }
    }
  }

  /** Some rows of one task on their way through the layers. */
  private static final class Part {
    final int task;
    final TokenBatch batch;
    final Tensor hidden; // (N, D), overwritten layer by layer
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
    List<Part> parts = new ArrayList<>();
    for (int task = 0; task < rowsByTask.size(); task++) {
      for (List<Sample> rows : Batch.split(rowsByTask.get(task), tokens)) {
        Batch batch = Batch.of(rows, rowsByTask.size());
        TokenBatch onDevice = TokenBatch.of(batch.ids(), batch.rowStarts(), batch.rowTasks(), device);
        parts.add(new Part(task, onDevice, model.embed(onDevice), Tensors.of(measured(rows), device)));
      }
    }
    return parts;
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

  private List<SharedInput> inputs(int layer, int tasks) {
    List<SharedInput> inputs = new ArrayList<>();
    for (List<String> sharing : model.sharedInputs(layer)) {
      List<String> modules = sharing.stream().filter(targets::contains).toList();
      if (!modules.isEmpty()) {
        int width = (int) model.projection(modules.get(0)).weight().size(1);
        List<Moments> byTask = new ArrayList<>();
        for (int task = 0; task < tasks; task++) {
          byTask.add(new Moments(modules.get(0), width, options.normalisation(), options.centre(),
              model.placement().device()));
        }
        inputs.add(new SharedInput(modules, byTask));
      }
    }
    return inputs;
  }

  private void advance(int layer, Part part, List<SharedInput> inputs) {
    for (SharedInput input : inputs) {
      Moments moments = input.byTask().get(part.task);
      model.replace(input.modules().get(0), inner -> new Recorder(
          inner, x -> moments.add(part.measured(x))));
    }
    try (TensorScope scope = TensorScope.open()) {
      part.hidden.copy_(model.layer(layer, part.hidden, part.batch));
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
