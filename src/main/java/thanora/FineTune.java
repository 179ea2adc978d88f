package thanora;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.checkpoint.AtomicFiles;
import thanora.checkpoint.AtomicFolders;
import thanora.data.Sample;
import thanora.data.TaskData;
import thanora.data.TaskSet;
import thanora.dist.ProcessGroup;
import thanora.eval.AnswersFile;
import thanora.eval.ScoredTask;
import thanora.eval.TaskScore;
import thanora.export.LogitCheck;
import thanora.export.MergedFolder;
import thanora.export.PeftAdapter;
import thanora.hasi.ModulePlan;
import thanora.hasi.RankPlan;
import thanora.lora.Adapter;
import thanora.lora.Blocks;
import thanora.method.AdapterMethod;
import thanora.report.RunReport;
import thanora.report.TrainerState;
import thanora.tensor.DType;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.train.Checkpoints;
import thanora.train.EventFile;
import thanora.train.MetricsLog;
import thanora.train.TrainConfig;
import thanora.train.Trainee;
import thanora.train.Trainer;
import thanora.train.TrainingLoop;

/**
 * The main path: load, preview, plan ranks, initialise, train with the regulariser, evaluate, export,
 * check the merge. {@link #run} reads like the method.
 */
public final class FineTune {
  /** File of the base's scores in a run folder. */
  public static final String BEFORE = "before.json";

  private static final ObjectMapper JSON = new ObjectMapper();

  private final Recipe recipe;
  private final RunFolder folder;
  private final RunListener listener;
  private final AdapterMethod method;

  private FineTune(Recipe recipe, RunFolder folder, RunListener listener) {
    this.recipe = recipe;
    this.folder = folder;
    this.listener = listener;
    this.method = Settings.method(recipe);
  }

  /** A run of a recipe, in {@code runs/thanora} unless another folder is given. */
  public static NewRun from(Recipe recipe) {
    return new NewRun(recipe, Path.of("runs", "thanora"), false);
  }

  /**
   * Runs a recipe, or goes on with the run in the folder.
   *
   * @param folder where plan, log, checkpoints, adapter and summary go
   */
  public static RunSummary run(Recipe recipe, RunFolder folder, RunListener listener) {
    Settings.requireMerging(recipe);
    if (folder.holdsRun()) {
      folder.writeOrCompare(recipe);
    }
    try (LoadedModel model = LoadedModel.load(recipe, listener)) {
      TaskSet tasks = Tasks.read(recipe, model, listener);
      return new FineTune(recipe, folder, listener).run(model, tasks);
    }
  }

  /** The rank plan of a recipe, without training. */
  public static RankPlan analyze(Recipe recipe, RunListener listener) {
    if (!recipe.method().isThanora()) {
      throw new RecipeException(List.of("method: " + Settings.name(recipe) + " plans no ranks; use thanora"));
    }
    try (LoadedModel model = LoadedModel.load(recipe, listener)) {
      TaskSet tasks = Tasks.read(recipe, model, listener);
      listener.stage("preview and plan", model.decoder().stages());
      AdapterMethod method = Settings.method(recipe);
      AdapterMethod.Setting setting = setting(recipe, model, tasks, listener);
      return method.start(setting, method.empty(setting), 0).orElseThrow();
    }
  }

  private RunSummary run(LoadedModel model, TaskSet tasks) {
    long start = System.nanoTime();
    Checkpoints checkpoints = folder.checkpoints(recipe.train().saveTotalLimit());
    Optional<Checkpoints.Generation> last = checkpoints.latest();
    AdapterMethod.Setting setting = setting(recipe, model, tasks, listener);

    Adapter adapter = method.empty(setting);
    Optional<RankPlan> plan = last.isPresent() ? restart(adapter) : plan(setting, adapter);
    folder.writeOrCompare(recipe);
    AtomicFiles.write(folder.environmentFile(), Environment.json(recipe, model));
    if (last.isEmpty()) {
      plan.ifPresent(made -> AtomicFiles.write(folder.planFile(), made.toJson()));
    }
    TaskScorer scorer = new TaskScorer(recipe, model, tasks);
    Map<String, TaskScore> before = before(scorer);
    List<AnswersFile.Line> answers = AnswersFile.read(folder.answersFile());

    adapter.attach(model.decoder());
    TrainingLoop.Progress end = train(model, tasks, adapter, checkpoints, last);
    Map<String, ScoredTask> rows = scorer.rows("after", listener);
    Map<String, TaskScore> after = ScoredTask.totals(rows);
    AnswersFile.write(folder.answersFile(), AnswersFile.after(answers, rows));

    AtomicFolders.replace(folder.adapterFolder(), target ->
        PeftAdapter.write(target, adapter, model.decoder(), model.location(), plan));
    double difference = mergeDifference(model, tasks, adapter);
    if (!(difference <= Settings.mergeLimit(recipe, model))) {
      listener.note("merged logits would differ by " + difference + " of the largest, more than the limit; "
          + "merge with --set merge.dtype=float32");
    }
    RunSummary summary = summary(adapter, end, before, after, difference, (System.nanoTime() - start) / 1e9);
    AtomicFiles.write(folder.summaryFile(), summary.toJson());
    report();
    return summary;
  }

  /** What only shows the run in other ways; a fault there takes nothing from it. */
  private void report() {
    try {
      TrainerState.write(folder.path());
      RunReport.write(folder.path(), folder.path().resolve(RunReport.FILE));
    } catch (RuntimeException e) {
      listener.note(TrainerState.FILE + " or " + RunReport.FILE + " was not written: " + e.getMessage());
    }
  }

  /** What a method needs to know of a recipe's run. */
  static AdapterMethod.Setting setting(
      Recipe recipe, LoadedModel model, TaskSet tasks, RunListener listener) {
    List<List<Sample>> preview = new ArrayList<>();
    for (TaskData task : tasks.tasks()) {
      preview.add(Tasks.preview(task, recipe.hasi().previewRows(), recipe.seed()));
    }
    List<String> modules = model.targets(recipe);
    String fingerprint = model.checkpoint().fingerprint();
    return new AdapterMethod.Setting(
        model.decoder(),
        modules,
        tasks.names(),
        preview,
        recipe.lora().r(),
        recipe.lora().alpha(),
        recipe.seed(),
        fingerprint,
        recipe.plan().map(path -> GivenPlan.read(
            Path.of(path), fingerprint, recipe.lora().r(), tasks.names(), modules)),
        done -> listener.advanced(done));
  }

  /** Preview, ranks and start. */
  private Optional<RankPlan> plan(AdapterMethod.Setting setting, Adapter adapter) {
    listener.stage("preview and plan", setting.model().stages());
    return method.start(setting, adapter, 0);
  }

  /** The blocks of a run that goes on; its numbers come from the checkpoint. */
  private Optional<RankPlan> restart(Adapter adapter) {
    Optional<RankPlan> plan = Files.exists(folder.planFile())
        ? Optional.of(GivenPlan.read(folder.planFile())) : Optional.empty();
    for (String module : adapter.modules()) {
      adapter.declare(module, plan.flatMap(p -> p.module(module)).map(ModulePlan::blocks)
          .orElseGet(() -> new Blocks(new int[] {0}, recipe.lora().r())));
    }
    return plan;
  }

  /** Scores of the base; a run that goes on has them already. */
  private Map<String, TaskScore> before(TaskScorer scorer) {
    Path file = folder.path().resolve(BEFORE);
    try {
      if (Files.exists(file)) {
        return JSON.readValue(file.toFile(), new TypeReference<LinkedHashMap<String, TaskScore>>() {});
      }
      Map<String, ScoredTask> rows = scorer.rows("before", listener);
      AnswersFile.write(folder.answersFile(), AnswersFile.before(rows));
      Map<String, TaskScore> scores = ScoredTask.totals(rows);
      AtomicFiles.write(file, JSON.writerWithDefaultPrettyPrinter().writeValueAsString(scores) + "\n");
      return scores;
    } catch (IOException e) {
      throw new UncheckedIOException(file + " cannot be read", e);
    }
  }

  private TrainingLoop.Progress train(
      LoadedModel model, TaskSet tasks, Adapter adapter, Checkpoints checkpoints,
      Optional<Checkpoints.Generation> last) {
    long rows = Arrays.stream(tasks.trainSizes()).asLongStream().sum();
    TrainConfig config = Settings.train(recipe.train(), rows);
    ProcessGroup group = ProcessGroup.single();
    Trainee trainee = Settings.trainee(recipe, method, adapter, tasks.tasks().size());
    Trainer trainer = new Trainer(model.decoder(), List.of(trainee), config, group);
    TaskScorer scorer = new TaskScorer(recipe, model, tasks);
    int resumed = last.map(Checkpoints.Generation::step).orElse(0);
    listener.stage("train", config.steps());
    try (MetricsLog log = MetricsLog.open(folder.logFile(), resumed);
        EventFile events = EventFile.open(folder.path(), resumed)) {
      LogWriter writer = new LogWriter(log, events, tasks.names(), adapter, config.steps(), listener);
      TrainingLoop loop = new TrainingLoop(trainer, tasks, Settings.mixing(recipe), config,
          new long[] {recipe.seed()}, group, checkpoints, scorer::validationNll,
          writer);
      last.ifPresentOrElse(loop::resume, writer::start);
      listener.resumed(resumed);
      return loop.run();
    }
  }

  /** Puts the merged weights, rounded as they would be written, in the base's place and compares logits. */
  private double mergeDifference(LoadedModel model, TaskSet tasks, Adapter adapter) {
    LogitCheck check = LogitCheck.of(model.decoder(), Tasks.probes(tasks, recipe.merge().probeRows()));
    adapter.detach(model.decoder());
    listener.stage("check merge", adapter.modules().size());
    try (TensorScope scope = TensorScope.open()) {
      Map<String, Tensor> merged = new LinkedHashMap<>();
      for (String module : adapter.modules()) {
        DType stored = model.checkpoint().weights().dtype(module + ".weight");
        merged.put(module, Tensors.to(MergedFolder.merged(model.checkpoint().weights(), adapter, module,
            Settings.mergeDtype(recipe).orElse(stored)), model.decoder().placement()));
        listener.advanced(merged.size());
      }
      return model.decoder().with(merged, () -> check.difference(model.decoder()));
    }
  }

  private RunSummary summary(
      Adapter adapter, TrainingLoop.Progress end, Map<String, TaskScore> before,
      Map<String, TaskScore> after, double difference, double seconds) {
    Map<String, RunSummary.TaskResult> tasks = new LinkedHashMap<>();
    after.forEach((name, score) -> tasks.put(name, new RunSummary.TaskResult(
        score.metric().id(), before.get(name).score(), score.score(),
        before.get(name).nll(), score.nll(), score.rows())));
    return new RunSummary(
        Settings.name(recipe), recipe.model(), recipe.seed(), end.step(), end.tokens(), seconds,
        adapter.trainableParameters(), tasks, RunSummary.Mean.of(tasks.values()),
        new RunSummary.Merge(difference));
  }
}
