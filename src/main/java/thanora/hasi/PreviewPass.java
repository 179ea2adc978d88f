package thanora.hasi;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import thanora.data.Batch;
import thanora.data.Sample;
import thanora.model.Decoder;
import thanora.model.Projection;
import thanora.model.TokenBatch;
import thanora.model.Vision;
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
 * one layer's and task's; what is kept between layers is the hidden state of every token. Where linear layers of a
 * vision part are measured, images go through its {@link Decoder#stages stages} before.
 */
public final class PreviewPass {
  /** Tokens a forward pass. */
  static final int BATCH_TOKENS = 2048;

  /** Bytes of hidden states that stay on a GPU. */
  private static final long ON_GPU = 512L << 20;

  private final Decoder model;
  private final HasiConfig.Preview options;
  private final Set<String> targets;
  private boolean aside;

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

  /** Receives the stages in order. */
  @FunctionalInterface
  public interface StageVisitor {
    void visit(int stage, List<SharedInput> inputs);
  }

  /** Receives the stages in order, and the tasks of each. */
  @FunctionalInterface
  public interface TaskVisitor {
    /**
     * One task in one stage.
     *
     * @param inputs with moments of this task alone
     */
    void visit(int stage, int task, List<SharedInput> inputs);
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
  public void run(List<List<Sample>> rowsByTask, StageVisitor visitor) {
    try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
      List<Part> parts = parts(rowsByTask);
      for (int stage = firstStage(); stage < model.stages(); stage++) {
        List<SharedInput> inputs = inputs(stage, rowsByTask.size(), DType.F64);
        for (Part part : parts) {
          advance(stage, part, part.task, inputs);
        }
        visitor.visit(stage, inputs);
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
      List<Part> parts = parts(rowsByTask);
      for (int stage = firstStage(); stage < model.stages(); stage++) {
        for (int task = 0; task < rowsByTask.size(); task++) {
          List<SharedInput> inputs = inputs(stage, 1, sums);
          for (Part part : parts) {
            if (part.task == task) {
              advance(stage, part, 0, inputs);
            }
          }
          visitor.visit(stage, task, inputs);
          inputs.forEach(input -> input.byTask().forEach(Moments::close));
        }
      }
    }
  }

  /** Some rows of one task on their way through the layers. */
  private static final class Part {
    final int task;
    final TokenBatch batch;
    final Tensor measured; // (n) indices of the tokens that count
    Tensor hidden; // (N, D), overwritten layer by layer, in main memory where all would be too large
    Vision.Way tiles; // the same of its images

    Part(int task, TokenBatch batch, Tensor measured) {
      this.task = task;
      this.batch = batch;
      this.measured = measured;
    }

    Tensor measured(Tensor x) {
      return measured.numel() == x.size(0) ? x : Ops.select(x, 0, measured);
    }
  }

  /** Images are measured only where it is asked for. */
  private int firstStage() {
    boolean sees = IntStream.range(0, model.visionStages()).boxed()
        .flatMap(stage -> model.stageInputs(stage).stream()).flatMap(List::stream).anyMatch(targets::contains);
    return sees ? 0 : model.visionStages();
  }

  private List<Part> parts(List<List<Sample>> rowsByTask) {
    // CorDA weighs rows, not tokens: each then is a batch of its own
    int tokens = options.normalisation() == Moments.Normalisation.CORDA ? 1 : BATCH_TOKENS;
    String device = model.placement().device();
    aside = waits(hiddenBytes(rowsByTask), !model.placement().isCpu());
    List<Part> parts = new ArrayList<>();
    for (int task = 0; task < rowsByTask.size(); task++) {
      for (List<Sample> rows : Batch.split(rowsByTask.get(task), tokens)) {
        Batch batch = Batch.of(rows, rowsByTask.size());
        parts.add(new Part(task, TokenBatch.of(batch, device), Tensors.of(measured(rows), device)));
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

  /** A state where it waits for its next layer. */
  private Tensor kept(Supplier<Tensor> state) {
    return TensorScope.keep(() -> {
      Tensor made = state.get();
      if (!aside) {
        return made;
      }
      Tensor kept = Tensors.pinned(DType.of(made), Tensors.shape(made));
      Tensors.copyInOrder(made, kept);
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

  private List<SharedInput> inputs(int stage, int tasks, DType sums) {
    List<SharedInput> inputs = new ArrayList<>();
    for (List<String> sharing : model.stageInputs(stage)) {
      List<String> modules = sharing.stream().filter(targets::contains).toList();
      if (!modules.isEmpty()) {
        int width = (int) model.projection(modules.get(0)).weight().size(1);
        List<Moments> byTask = new ArrayList<>();
        for (int task = 0; task < tasks; task++) {
          Moments moments = new Moments(modules.get(0), width, options.normalisation(), options.centre(),
              model.placement().with(sums));
          byTask.add(stage < model.visionStages() ? moments.orNone() : moments); // a task may have no images
        }
        inputs.add(new SharedInput(modules, byTask));
      }
    }
    return inputs;
  }

  private void advance(int stage, Part part, int task, List<SharedInput> inputs) {
    boolean sees = stage < model.visionStages();
    if (sees && part.batch.images().isEmpty()) {
      return;
    }
    for (SharedInput input : inputs) {
      Moments moments = input.byTask().get(task);
      model.replace(input.modules().get(0), inner -> new Recorder(
          inner, x -> moments.add(sees ? x : part.measured(x))));
    }
    try {
      if (sees) {
        see(stage, part);
      } else {
        read(stage - model.visionStages(), part);
      }
    } finally {
      inputs.forEach(input -> model.replace(input.modules().get(0), p -> p instanceof Recorder r ? r.inner : p));
    }
  }

  private void read(int layer, Part part) {
    if (part.hidden == null) {
      part.hidden = kept(() -> model.embed(part.batch));
    }
    try (TensorScope scope = TensorScope.open()) {
      Tensor hidden = Tensors.toInOrder(part.hidden, model.placement());
      Tensors.copyInOrder(model.layer(layer, hidden, part.batch), part.hidden);
    }
  }

  /** Images through a stage of the vision part; behind the last one their rows are embedded. */
  private void see(int stage, Part part) {
    Vision vision = model.vision().orElseThrow();
    if (part.tiles == null) {
      TokenBatch tiles = vision.tiles(part.batch);
      part.tiles = new Vision.Way(kept(() -> vision.patches(part.batch)), tiles);
    }
    Supplier<Tensor> next = () -> vision.stage(stage, new Vision.Way(
        Tensors.toInOrder(part.tiles.x(), model.placement()), part.tiles.tiles())).x();
    if (stage == model.visionStages() - 1) {
      part.hidden = kept(() -> model.embed(part.batch.with(next.get())));
      return;
    }
    try (TensorScope scope = TensorScope.open()) {
      Tensors.copyInOrder(next.get(), part.tiles.x());
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
