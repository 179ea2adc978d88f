package thanora;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import thanora.checkpoint.AtomicFolders;
import thanora.checkpoint.CheckpointException;
import thanora.data.TaskSet;
import thanora.eval.TaskScore;
import thanora.export.LogitCheck;
import thanora.export.MergedFolder;
import thanora.export.PeftAdapter;
import thanora.hasi.RankPlan;
import thanora.lora.Adapter;

/** A base model, with an adapter on it or not, and what can be done with it: score, merge, export, answer. */
public final class TrainedModel implements AutoCloseable {
  private final LoadedModel model;
  private final Optional<Adapter> adapter;
  private final Optional<RankPlan> plan;

  private TrainedModel(LoadedModel model, Optional<Adapter> adapter, Optional<RankPlan> plan) {
    this.model = model;
    this.adapter = adapter;
    this.plan = plan;
  }

  /**
   * Loads a base and puts an adapter on it.
   *
   * @param adapter a folder in PEFT's format; the base alone where empty
   * @throws CheckpointException naming file and fault
   */
  public static TrainedModel open(LoadedModel model, Optional<Path> adapter) {
    Optional<Adapter> read = adapter.map(folder -> PeftAdapter.read(folder, model.decoder()));
    read.ifPresent(a -> a.attach(model.decoder()));
    Optional<RankPlan> plan = adapter.map(folder -> folder.resolve(PeftAdapter.PLAN))
        .filter(Files::exists).map(GivenPlan::read);
    return new TrainedModel(model, read, plan);
  }

  /**
   * Loads the model of a run, with the adapter that was trained.
   *
   * @throws RunFolderException if the folder holds no run, or it has not come so far
   */
  public static TrainedModel ofRun(Path run) {
    Path folder = adapterOf(run);
    Recipe recipe = RunFolder.recipeOf(run, List.of(), note -> {}).withAbsolutePaths();
    return open(LoadedModel.load(recipe), Optional.of(folder));
  }

  /**
   * The adapter's folder of a run.
   *
   * @throws RunFolderException if the run has not come so far
   */
  public static Path adapterOf(Path run) {
    Path folder = run.resolve("adapter");
    if (!Files.exists(folder.resolve(PeftAdapter.CONFIG))) {
      throw new RunFolderException("run folder " + run + ": has no adapter yet; go on with thanora train --resume --run-dir " + run);
    }
    return folder;
  }

  /**
   * A folder that is said to hold an adapter.
   *
   * @throws IllegalArgumentException if it holds none
   */
  public static Path requireAdapter(Path folder) {
    if (!Files.exists(folder.resolve(PeftAdapter.CONFIG))) {
      throw new IllegalArgumentException("adapter " + folder + ": holds no " + PeftAdapter.CONFIG
          + "; give the folder that PEFT or thanora export wrote");
    }
    return folder;
  }

  /** What is odd about the base's files but does no harm, a line each. */
  public List<String> warnings() {
    return model.warnings();
  }

  /** Every task of the recipe on its test rows. */
  public Map<String, TaskScore> score(Recipe recipe, RunListener listener) {
    return new TaskScorer(recipe, model, read(recipe, listener)).score("", listener);
  }

  /** The recipe's rows, with what was left out of them. */
  private TaskSet read(Recipe recipe, RunListener listener) {
    TaskSet tasks = Tasks.read(recipe, model);
    tasks.report().lines().forEach(listener::note);
    return tasks;
  }

  /**
   * The model's answer to a prompt.
   *
   * @param maxNewTokens tokens at most; fewer where the model's context ends before
   * @throws IllegalArgumentException if the prompt fills the context
   */
  public String answer(String prompt, int maxNewTokens) {
    int[] ids = model.format().prompt(prompt);
    int most = Math.min(maxNewTokens, model.room(ids));
    List<int[]> tokens = model.generator().generate(List.of(ids), new int[1], most);
    return model.decode(tokens.get(0));
  }

  /** Writes the adapter as PEFT saves one; the target must not be there. */
  public void export(Path target) {
    AtomicFolders.publish(target, folder -> PeftAdapter.write(
        folder, adapter.orElseThrow(), model.decoder(), model.location(), plan));
  }

  /**
   * Writes the token ids and logits of a few rows of every task, for another program to compare with.
   *
   * @param recipe tasks, and {@code merge.probe_rows}
   * @param file safetensors: {@code ids_0} (n), {@code logits_0} (n, V), ...; replaced if it is there
   */
  public void writeLogits(Recipe recipe, Path file) {
    probe(recipe, Tasks.read(recipe, model)).write(file);
  }

  private LogitCheck probe(Recipe recipe, TaskSet tasks) {
    return LogitCheck.of(model.decoder(), Tasks.probes(tasks, recipe.merge().probeRows()));
  }

  /**
   * What a merge came to.
   *
   * @param maxLogitDifference largest difference of a logit on the probe rows, over the largest logit
   * @param adapter scores with base and adapter
   * @param merged scores of the merged model, read back from its folder
   */
  public record MergeReport(
      double maxLogitDifference, Map<String, TaskScore> adapter, Map<String, TaskScore> merged) {}

  /**
   * Writes the merged model as a Hugging Face folder, reads it back, and compares logits and scores.
   *
   * @param target must not be there; appears only when everything agrees
   * @throws CheckpointException if logits differ by more than the recipe's limit
   */
  public MergeReport merge(Recipe recipe, Path target, RunListener listener) {
    Adapter trained = adapter.orElseThrow();
    TaskSet tasks = read(recipe, listener);
    LogitCheck check = probe(recipe, tasks);
    Map<String, TaskScore> before = new TaskScorer(recipe, model, tasks).score("adapter", listener);
    MergeReport[] report = new MergeReport[1];
    AtomicFolders.publish(target, folder -> {
      listener.stage("merge", model.decoder().tensorNames().size());
      MergedFolder.write(model.checkpoint(), model.decoder(), trained, folder,
          Settings.mergeDtype(recipe), listener::advanced);
      report[0] = check(recipe, folder, tasks, check, before, listener);
    });
    return report[0];
  }

  private static MergeReport check(
      Recipe recipe, Path folder, TaskSet tasks, LogitCheck check, Map<String, TaskScore> before, RunListener listener)
      throws IOException {
    try (LoadedModel merged =
        LoadedModel.load(folder.toString(), recipe.device(), recipe.dtype(), recipe.threads())) {
      double difference = check.difference(merged.decoder());
      double limit = Settings.mergeLimit(recipe, merged);
      if (!(difference <= limit)) {
        throw new CheckpointException("merged logits differ from the adapter's by " + difference
            + " of the largest logit, the limit merge.max_logit_difference is " + limit
            + "; give merge.dtype=float32, or raise the limit");
      }
      return new MergeReport(difference, before, new TaskScorer(recipe, merged, tasks).score("merged", listener));
    }
  }

  @Override
  public void close() {
    model.close();
  }
}
