package thanora.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import thanora.checkpoint.CheckpointException;
import thanora.checkpoint.SafetensorsFile;
import thanora.checkpoint.SafetensorsWriter;
import thanora.data.Batch;
import thanora.data.MemberBatch;
import thanora.data.Mixing;
import thanora.data.MixtureSampler;
import thanora.data.Sample;
import thanora.data.TaskSet;
import thanora.dist.ProcessGroup;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;

/**
 * The run around {@link Trainer}: which rows a step sees, the learning rate, evaluation on the way,
 * early stop, checkpoints, resuming.
 *
 * <p>What a step sees is a function of seed and step, so a resumed run goes on bit for bit.
 */
public final class TrainingLoop {
  /** Steps without a finite gradient, one after another, that end the run. */
  private static final int MAX_SKIPPED = 3;

  private static final String STATE = "state.json";
  private static final String TENSORS = "state.safetensors";
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Trainer trainer;
  private final TaskSet tasks;
  private final Mixing mixing;
  private final TrainConfig config;
  private final long[] seeds;
  private final ProcessGroup group;
  private final Checkpoints checkpoints;
  private final Supplier<double[]> watch;
  private final Listener listener;
  private Progress progress = Progress.START;

  /** Receives what happens. */
  public interface Listener {
    /**
     * After an optimiser step.
     *
     * @param results one a member
     * @param byTask whether the gradients of tasks were kept apart, to be measured
     */
    void step(long step, List<Trainer.StepResult> results, double learningRate, double seconds, boolean byTask);

    /** After an evaluation during the run: mean −log p of each task's validation rows. */
    default void evaluated(long step, double[] nll) {}

    /** Asked once a step: whether the run is to save a checkpoint and stop. */
    default boolean stopRequested() {
      return false;
    }
  }

  /**
   * Where a run stands.
   *
   * @param step updates done
   * @param tokens tokens seen
   * @param bestStep the step of the best evaluation, 0 for none
   * @param best its value
   * @param sinceBest evaluations since
   */
  public record Progress(long step, long tokens, long bestStep, double best, int sinceBest) {
    static final Progress START = new Progress(0, 0, 0, Double.POSITIVE_INFINITY, 0);
  }

  /**
   * A run of what {@code trainer} trains.
   *
   * @param seeds of the order of rows: one for all members, or one each
   * @param watch evaluates every task's validation rows; asked only where config.evalSteps is set
   */
  public TrainingLoop(
      Trainer trainer, TaskSet tasks, Mixing mixing, TrainConfig config, long[] seeds,
      ProcessGroup group, Checkpoints checkpoints, Supplier<double[]> watch, Listener listener) {
    this.trainer = trainer;
    this.tasks = tasks;
    this.mixing = mixing;
    this.config = config;
    this.seeds = seeds.clone();
    this.group = group;
    this.checkpoints = checkpoints;
    this.watch = watch;
    this.listener = listener;
  }

  /**
   * Trains to the last step, or to an early stop.
   *
   * @return where the run stands; the adapter holds the result
   * @throws StoppedException if it was asked to stop; the step is saved
   */
  public Progress run() {
    Map<Long, MixtureSampler> samplers = new LinkedHashMap<>();
    for (long seed : seeds) {
      samplers.computeIfAbsent(seed, s -> new MixtureSampler(tasks.trainSizes(), mixing, s));
    }
    samplers.values().forEach(sampler -> sampler.skip(progress.step() * config.batchRows()));
    int skipped = 0;
    boolean stop = patienceIsOver(); // of a run that was killed after its early stop
    List<MemberBatch> next = progress.step() < config.steps() && !stop ? microBatches(samplers) : List.of();
    while (progress.step() < config.steps() && !stop) {
      long step = progress.step() + 1;
      long start = System.nanoTime();
      double rate = config.learningRate(step);
      boolean byTask = due(step, config.conflictSteps()) || step == 1 && config.conflictSteps() > 0;
      List<MemberBatch> batches = next;
      next = step < config.steps() ? microBatches(samplers) : List.of();
      trainer.ahead(next);
      List<Trainer.StepResult> results = trainer.sideBySide(batches, step, rate, byTask);
      skipped = results.stream().anyMatch(Trainer.StepResult::applied) ? 0 : skipped + 1;
      if (skipped == MAX_SKIPPED) {
        throw new ArithmeticException("step " + step + ": the gradient was not finite " + MAX_SKIPPED
            + " times in a row; lower train.learning_rate, or go on from the last checkpoint with --resume");
      }
      progress = new Progress(step, progress.tokens() + results.get(0).tokens(),
          progress.bestStep(), progress.best(), progress.sinceBest());
      listener.step(step, results, rate, (System.nanoTime() - start) / 1e9, byTask);
      boolean best = evaluate(step);
      stop = patienceIsOver();
      boolean asked = listener.stopRequested();
      if (best && config.keepBest() || due(step, config.saveSteps()) || step == config.steps() || stop
          || asked) {
        save();
      }
      if (asked && !stop && step < config.steps()) {
        throw new StoppedException("stopped after step " + step + " of " + config.steps());
      }
    }
    if (config.keepBest() && progress.bestStep() > 0 && progress.bestStep() != progress.step()) {
      restoreAdapters(checkpoints.at((int) progress.bestStep()).orElseThrow(() -> new CheckpointException(
          "the checkpoint of the best step " + progress.bestStep() + " is gone or damaged")));
    }
    return progress;
  }

  private boolean patienceIsOver() {
    return config.patience() > 0 && progress.sinceBest() >= config.patience();
  }

  private static boolean due(long step, long every) {
    return every > 0 && step % every == 0;
  }

  /** The next rows of every seed, cut alike, laid side by side. */
  private List<MemberBatch> microBatches(Map<Long, MixtureSampler> samplers) {
    Map<Long, List<Sample>> rows = new LinkedHashMap<>();
    samplers.forEach((seed, sampler) -> rows.put(seed, share(sampler.next(config.batchRows()))));
    int most = config.microBatchTokens() > 0
        ? Math.max(1, config.microBatchTokens() / trainer.members()) : Integer.MAX_VALUE;
    int count = most == Integer.MAX_VALUE ? config.accumulation()
        : rows.values().stream().mapToInt(part -> Batch.split(part, most).size()).max().orElseThrow();
    Map<Long, List<Batch>> parts = new LinkedHashMap<>();
    for (Map.Entry<Long, List<Sample>> own : rows.entrySet()) {
      List<List<Sample>> cut = rows.size() == 1
          ? cutByKind(own.getValue(), most, count) : Batch.splitRows(own.getValue(), perPart(own.getValue(), count));
      parts.put(own.getKey(), cut.stream().map(part -> Batch.of(part, tasks.tasks().size())).toList());
    }
    List<MemberBatch> batches = new ArrayList<>();
    for (int i = 0; i < parts.values().iterator().next().size(); i++) {
      List<Batch> members = new ArrayList<>();
      for (int member = 0; member < trainer.members(); member++) {
        members.add(parts.get(seeds[member % seeds.length]).get(i));
      }
      batches.add(MemberBatch.of(members));
    }
    return batches;
  }

  /**
   * Cuts the rows of a step into micro-batches, in each of which all rows have images or none has: rows with images
   * are long, and what they need beside the layers is not held for the others.
   *
   * @param most tokens of one; no limit where it is the largest int, then rows of one kind are at most
   *     {@code count} of them
   */
  public static List<List<Sample>> cutByKind(List<Sample> rows, int most, int count) {
    List<List<Sample>> parts = new ArrayList<>();
    for (boolean images : new boolean[] {false, true}) {
      List<Sample> kind = rows.stream().filter(row -> row.images().isEmpty() != images).toList();
      if (!kind.isEmpty()) {
        parts.addAll(most < Integer.MAX_VALUE ? Batch.split(kind, most) : Batch.splitRows(kind, perPart(rows, count)));
      }
    }
    return parts;
  }

  private static int perPart(List<Sample> rows, int count) {
    return (rows.size() + count - 1) / count;
  }

  /** This process's rows. */
  private List<Sample> share(List<MixtureSampler.Pick> picks) {
    List<Sample> rows = new ArrayList<>();
    for (int i = group.rank(); i < picks.size(); i += group.size()) {
      MixtureSampler.Pick pick = picks.get(i);
      rows.add(tasks.tasks().get(pick.task()).train().samples().get(pick.row()));
    }
    return rows;
  }

  /** Whether this step's evaluation is the best so far. */
  private boolean evaluate(long step) {
    if (!due(step, config.evalSteps())) {
      return false;
    }
    double[] nll = watch.get();
    listener.evaluated(step, nll);
    double value = config.watchWorst()
        ? Arrays.stream(nll).max().orElseThrow() : Arrays.stream(nll).average().orElseThrow();
    boolean best = value < progress.best();
    progress = new Progress(progress.step(), progress.tokens(), best ? step : progress.bestStep(),
        best ? value : progress.best(), best ? 0 : progress.sinceBest() + 1);
    return best;
  }

  private void save() {
    Set<Integer> pinned = progress.bestStep() > 0 ? Set.of((int) progress.bestStep()) : Set.of();
    checkpoints.save((int) progress.step(), pinned, folder -> {
      SafetensorsWriter.write(folder.resolve(TENSORS), trainer.state(), Map.of("format", "pt"));
      ObjectNode state = JSON.createObjectNode();
      state.put("step", progress.step()).put("tokens", progress.tokens());
      if (progress.bestStep() > 0) {
        state.put("best_step", progress.bestStep()).put("best", progress.best());
      }
      state.put("evaluations_since_best", progress.sinceBest());
      Files.writeString(folder.resolve(STATE), state.toPrettyString() + "\n");
    });
  }

  /** Goes on from a checkpoint of the same run. */
  public void resume(Checkpoints.Generation generation) {
    try (TensorScope scope = TensorScope.open();
        SafetensorsFile file = SafetensorsFile.open(generation.folder().resolve(TENSORS))) {
      trainer.restore(name -> file.load(name, Placement.CPU_F32));
      ObjectNode state = (ObjectNode) JSON.readTree(generation.folder().resolve(STATE).toFile());
      progress = new Progress(state.get("step").asLong(), state.get("tokens").asLong(),
          state.path("best_step").asLong(0), state.path("best").asDouble(Double.POSITIVE_INFINITY),
          state.get("evaluations_since_best").asInt());
    } catch (IOException e) {
      throw new CheckpointException(generation.folder().resolve(STATE) + " cannot be read", e);
    }
  }

  private void restoreAdapters(Checkpoints.Generation generation) {
    Path file = generation.folder().resolve(TENSORS);
    try (TensorScope scope = TensorScope.open(); SafetensorsFile tensors = SafetensorsFile.open(file)) {
      trainer.restoreAdapters(name -> tensors.load(name, Placement.CPU_F32));
    }
  }
}
