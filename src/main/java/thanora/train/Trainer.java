package thanora.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PrimitiveIterator;
import java.util.function.Function;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import thanora.data.Batch;
import thanora.data.Batch.RowImage;
import thanora.data.MemberBatch;
import thanora.dist.ProcessGroup;
import thanora.fused.FusedDecoder;
import thanora.lora.Adapter;
import thanora.lora.TaskGradients;
import thanora.model.Checkpointing;
import thanora.model.Decoder;
import thanora.model.HeadLoss;
import thanora.model.LayerPass;
import thanora.model.Tape;
import thanora.model.TokenBatch;
import thanora.model.Vision;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * One optimiser step of all members side by side: forward and backward of the micro-batches, the
 * regularisers, clipping, AdamW; each member by itself.
 *
 * <p>A member's {@link LossWeighting} says what a labelled token weighs. Counts are over the whole step,
 * in all micro-batches and processes, so splitting a batch changes rounding only.
 */
public final class Trainer implements AutoCloseable {
  private final Decoder model;
  private final List<Trainee> trainees;
  private final ProcessGroup group;
  private final double maxGradNorm;
  private final long steps;
  private final List<AdamW> optimizers = new ArrayList<>();
  private final int members;
  private final List<LossWeighting> weightings;
  private final boolean combines;
  private final boolean checkpointing;
  private final LayerPass layers;

  /** The adapters must be attached to the model, in the order of the trainees. */
  public Trainer(Decoder model, List<Trainee> trainees, TrainConfig config, ProcessGroup group) {
    this(model, trainees, config, group, FusedDecoder.of(model));
  }

  /** The same, with a way of its own through the layers. */
  public Trainer(
      Decoder model, List<Trainee> trainees, TrainConfig config, ProcessGroup group, LayerPass layers) {
    this.model = model;
    this.trainees = List.copyOf(trainees);
    this.group = group;
    this.maxGradNorm = config.maxGradNorm();
    this.steps = config.steps();
    for (Trainee trainee : trainees) {
      optimizers.add(new AdamW(trainee.adapter().parameters(),
          config.beta1(), config.beta2(), config.epsilon(), config.weightDecay()));
    }
    this.members = trainees.stream().mapToInt(trainee -> trainee.adapter().members()).sum();
    this.weightings = trainees.stream()
        .flatMap(trainee -> trainee.members().stream()).map(Trainee.Member::loss).toList();
    this.combines = trainees.stream().anyMatch(Trainee::combines);
    this.checkpointing = config.checkpointing();
    this.layers = layers;
  }

  /**
   * What a step did to a member.
   *
   * @param loss mean −log p of all labelled tokens, nats, however the loss is weighted
   * @param taskLoss the same of each task; NaN where the step had none of its tokens
   * @param penalty value of the regulariser, without its factor λ
   * @param gradNorm before clipping
   * @param tokens tokens of all rows, trained or not
   * @param applied false where the gradient was not finite and nothing was changed
   */
  public record StepResult(
      double loss, double[] taskLoss, double penalty, double gradNorm, long tokens, boolean applied) {}

  /** Begins to read the images of a step that comes next. */
  public void ahead(List<MemberBatch> microBatches) {
    model.vision().flatMap(Vision::images).ifPresent(reader -> microBatches.forEach(batch ->
        reader.ahead(batch.images().stream().map(RowImage::image).toList())));
  }

  /** Takes one step, all members on the same rows. */
  public List<StepResult> step(List<Batch> microBatches, long step, double learningRate) {
    return step(microBatches, step, learningRate, false);
  }

  /** Takes one step, all members on the same rows. */
  public List<StepResult> step(List<Batch> microBatches, long step, double learningRate, boolean byTask) {
    return sideBySide(microBatches.stream().map(batch -> MemberBatch.of(batch, members)).toList(),
        step, learningRate, byTask);
  }

  /**
   * Takes one step.
   *
   * @param microBatches this process's share, in each the rows of every member
   * @param step number of this update, from 1
   * @param learningRate times each member's own factor
   * @param byTask keeps the gradients of tasks apart in the adapters that have room for them
   * @return one a member, in the order of the trainees
   * @throws IllegalStateException if another thread computes with the model
   */
  public List<StepResult> sideBySide(
      List<MemberBatch> microBatches, long step, double learningRate, boolean byTask) {
    return model.alone(() -> take(microBatches, step, learningRate, byTask));
  }

  private List<StepResult> take(List<MemberBatch> microBatches, long step, double learningRate, boolean byTask) {
    try (TensorScope scope = TensorScope.open()) {
      boolean apart = byTask || combines;
      StepLabels labels = StepLabels.of(microBatches, weightings, group);
      long[] tokens = new long[members];
      Arrays.setAll(tokens, member -> Math.round(
          group.sum(microBatches.stream().mapToInt(batch -> batch.tokens()[member]).sum())));
      TaskLosses losses = new TaskLosses(labels);
      List<Tensor> nll = new ArrayList<>();
      trainees.forEach(trainee -> trainee.adapter().zeroGradients());
      for (MemberBatch batch : microBatches) {
        nll.add(forwardBackward(batch, labels, apart));
      }
      List<Measured> measured = trainees.stream().map(trainee -> gradients(trainee, step, apart)).toList();
      for (int i = 0; i < trainees.size(); i++) {
        update(trainees.get(i), optimizers.get(i), measured.get(i).norms, step, learningRate);
      }
      PrimitiveIterator.OfDouble read = read(nll, measured);
      microBatches.forEach(batch -> losses.add(next(read, batch.labelled().length), batch));
      losses.sum(group);
      List<StepResult> results = new ArrayList<>();
      for (int i = 0; i < trainees.size(); i++) {
        double[] norms = next(read, trainees.get(i).members().size());
        for (int member = 0; member < norms.length; member++) {
          double penalty = Arrays.stream(next(read, measured.get(i).penalties.get(member).size())).sum();
          int at = results.size();
          results.add(new StepResult(losses.mean(at), losses.taskMeans(at), penalty, norms[member], tokens[at],
              Double.isFinite(norms[member])));
        }
      }
      return results;
    }
  }

  /**
   * What is known of an adapter's gradients on the device; that of all adapters is read at once.
   *
   * @param norms of the members' gradients (K)
   * @param penalties parts of each member's regulariser
   */
  private record Measured(Tensor norms, List<List<Tensor>> penalties) {
    Stream<Tensor> tensors() {
      return Stream.concat(Stream.of(norms), penalties.stream().flatMap(List::stream));
    }
  }

  /** Losses and the numbers of all adapters, one after another: the only time in a step that a GPU is waited for. */
  private static PrimitiveIterator.OfDouble read(List<Tensor> losses, List<Measured> measured) {
    Tensor[] parts = Stream.concat(losses.stream(), measured.stream().flatMap(Measured::tensors))
        .map(part -> part.view(-1)).toArray(Tensor[]::new);
    return Arrays.stream(Tensors.doubles(Ops.cat(0, parts))).iterator();
  }

  private static double[] next(PrimitiveIterator.OfDouble read, int count) {
    double[] values = new double[count];
    Arrays.setAll(values, i -> read.nextDouble());
    return values;
  }

  /** Gradients of all processes, those of tasks made one, with those of the regularisers. */
  private Measured gradients(Trainee trainee, long step, boolean apart) {
    Adapter adapter = trainee.adapter();
    Optional<TaskGradients> byTask = apart ? adapter.taskGradients() : Optional.empty();
    group.sum(byTask.map(TaskGradients::values).orElse(adapter.gradients()));
    List<List<Tensor>> penalties = new ArrayList<>();
    for (int member = 0; member < trainee.members().size(); member++) {
      if (byTask.isPresent()) {
        combine(trainee, member, step);
      }
      penalties.add(trainee.members().get(member).penalty().addGradient(step, steps));
    }
    return new Measured(Ops.rowNorms(adapter.gradients()), penalties);
  }

  private static void combine(Trainee trainee, int member, long step) {
    TaskGradients gradients = trainee.adapter().taskGradients().orElseThrow();
    trainee.members().get(member).combination().ifPresentOrElse(
        combination -> combination.apply(gradients, member, step), () -> gradients.sum(member));
  }

  /** Clips the gradients of an adapter and updates the members whose gradient is finite. */
  private void update(Trainee trainee, AdamW optimizer, Tensor norms, long step, double learningRate) {
    Adapter adapter = trainee.adapter();
    optimizer.update(
        adapter.parameters(), adapter.gradients(), step, rates(trainee, learningRate), norms, maxGradNorm);
    adapter.refresh();
  }

  /** The members' learning rates; those of LoRA+ where a member asks for it. */
  private static List<AdamW.Rates> rates(Trainee trainee, double learningRate) {
    Adapter adapter = trainee.adapter();
    boolean plain = trainee.members().stream().allMatch(member -> member.loraPlus() == 1);
    List<Adapter.Columns> parts =
        plain ? List.of(new Adapter.Columns(0, adapter.trainableParameters(), false)) : adapter.columns();
    return parts.stream().map(part -> new AdamW.Rates(part.start(), part.length(), trainee.members().stream()
        .mapToDouble(member -> learningRate * member.rate() * (part.fast() ? member.loraPlus() : 1)).toArray()))
        .toList();
  }

  /** The losses of the labelled tokens. */
  private Tensor forwardBackward(MemberBatch batch, StepLabels labels, boolean byTask) {
    return TensorScope.keep(() -> {
      try (Tape tape = new Tape(byTask)) {
        TokenBatch tokens = TokenBatch.of(batch, model.placement().device()).on(tape);
        Optional<Checkpointing> again = checkpointing ? Optional.of(Checkpointing.of(tokens)) : Optional.empty();
        Tensor losses = TensorScope.keep(() -> { // the tape alone holds what is as long as the batch
          Tensor x = model.last(tokens, layers, again);
          HeadLoss.Result head = HeadLoss.withGradient(
              model, x, batch.labelled(), batch.targets(), labels.weights(batch));
          tape.add(x, head.gradient().orElseThrow());
          return head.losses();
        });
        tape.backward();
        return losses;
      }
    });
  }

  /** Adapters and their optimisers by name: what {@link #restore} takes back. Views, not copies. */
  Map<String, Tensor> state() {
    Map<String, Tensor> state = Adapter.stateOf(adapters());
    for (int i = 0; i < optimizers.size(); i++) {
      String prefix = Adapter.prefix(i, optimizers.size());
      state.put(prefix + "first_moment", optimizers.get(i).firstMoment());
      state.put(prefix + "second_moment", optimizers.get(i).secondMoment());
    }
    return state;
  }

  /** Takes over a saved {@link #state}. */
  void restore(Function<String, Tensor> saved) {
    restoreAdapters(saved);
    for (int i = 0; i < optimizers.size(); i++) {
      String prefix = Adapter.prefix(i, optimizers.size());
      optimizers.get(i).restore(
          saved.apply(prefix + "first_moment"), saved.apply(prefix + "second_moment"));
    }
  }

  /** Takes over the adapters of a saved {@link #state} alone. */
  void restoreAdapters(Function<String, Tensor> saved) {
    Adapter.restore(adapters(), saved);
  }

  private List<Adapter> adapters() {
    return trainees.stream().map(Trainee::adapter).toList();
  }

  List<AdamW> optimizers() {
    return optimizers;
  }

  /** Frees the optimisers; the adapters stay. */
  @Override
  public void close() {
    optimizers.forEach(AdamW::close);
  }

  /** Configurations side by side. */
  int members() {
    return members;
  }

  /** Sums of −log p by member and task, and their means over the tokens of a step. */
  private static final class TaskLosses {
    private final StepLabels labels;
    private final double[][] sums;

    TaskLosses(StepLabels labels) {
      this.labels = labels;
      this.sums = new double[labels.byTask().length][labels.byTask()[0].length];
    }

    /** Takes the losses of a micro-batch, in the order of its labels. */
    void add(double[] nll, MemberBatch batch) {
      for (int member = 0; member < batch.members(); member++) {
        for (int i = batch.labelStarts()[member]; i < batch.labelStarts()[member + 1]; i++) {
          sums[member][batch.targetTasks()[i]] += nll[i];
        }
      }
    }

    void sum(ProcessGroup group) {
      for (int member = 0; member < sums.length; member++) {
        sums[member] = Arrays.stream(sums[member]).map(group::sum).toArray();
      }
    }

    double mean(int member) {
      return Arrays.stream(sums[member]).sum() / labels.of(member);
    }

    double[] taskMeans(int member) {
      double[] means = new double[sums[member].length];
      for (int task = 0; task < means.length; task++) {
        double count = labels.byTask()[member][task];
        means[task] = count == 0 ? Double.NaN : sums[member][task] / count;
      }
      return means;
    }
  }
}
