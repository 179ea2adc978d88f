package thanora;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
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
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import thanora.checkpoint.AtomicFiles;
import thanora.checkpoint.AtomicFolders;
import thanora.checkpoint.SafetensorsFile;
import thanora.checkpoint.SafetensorsWriter;
import thanora.compare.ComparisonResult;
import thanora.compare.Findings;
import thanora.data.TaskSet;
import thanora.dist.ProcessGroup;
import thanora.lora.Adapter;
import thanora.lora.Conflicts;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.train.Checkpoints;
import thanora.train.MetricsLog;
import thanora.train.TrainConfig;
import thanora.train.Trainer;
import thanora.train.TrainingLoop;

/**
 * Configurations that are trained at once, in the order of {@link SideBySide#byForm}, and what is kept of
 * them in their folder:
 *
 * <pre>
 * members.json           name, learning rate and seed of every configuration, in the order of the log
 * log.jsonl              a row a step: the loss of every configuration; rows of gradient conflicts
 * checkpoints/           while it trains
 * adapters.safetensors   all adapters as trained
 * trained.json           validation losses; there when training is done
 * scored.json            test rows of the chosen ones; there when they are scored
 * </pre>
 */
final class CompareGroup {
  /** Measurements of the agreement of gradients over a run. */
  private static final int CONFLICT_SAMPLES = 20;

  /** Event of the log that holds one. */
  private static final String CONFLICTS = "conflicts";

  private static final String LOG = "log.jsonl";
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Compare.Request request;
  private final List<SideBySide.Run> runs;
  private final Path folder;
  private final LoadedModel model;
  private final TaskSet tasks;
  private final RunListener listener;

  CompareGroup(Compare.Request request, List<SideBySide.Run> runs, Path folder, LoadedModel model, TaskSet tasks,
      RunListener listener) {
    this.request = request;
    this.runs = runs;
    this.folder = folder;
    this.model = model;
    this.tasks = tasks;
    this.listener = listener;
  }

  /** What training left, in the order of the members. */
  record Trained(double[][] validationNll) {}

  /** How the gradients of a member's tasks agreed at a step. */
  private record Sampled(long step, double[] layers, double[][] pairs) {}

  /** What a contestant came to on the test rows with one seed. */
  record Scored(String name, ComparisonResult.Run run) {}

  /** Runs {@code body} unless another process is at this group; whether it did. */
  boolean alone(Runnable body) {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new UncheckedIOException(folder + " cannot be made", e);
    }
    Optional<RunLock> lock = RunLock.tryTake(folder, listener::note);
    if (lock.isEmpty()) {
      return false;
    }
    try (RunLock held = lock.get()) {
      body.run();
      return true;
    }
  }

  boolean isTrained() {
    return Files.exists(trainedFile());
  }

  /** Trains the group, unless that is done. */
  void train() {
    if (isTrained()) {
      return;
    }
    try (SideBySide side = SideBySide.empty(model, tasks, runs, listener)) {
      AtomicFiles.write(folder.resolve("members.json"), JSON.writeValueAsString(side.order().stream().map(run ->
          Map.of("name", run.contestant().name(), "learning_rate", run.rate(), "seed", run.seed())).toList()));
      Checkpoints checkpoints = new Checkpoints(folder.resolve("checkpoints"), 1, listener::note);
      Optional<Checkpoints.Generation> last = checkpoints.latest();
      listener.stage("start " + name(), model.decoder().stages());
      side.start(); // also where it goes on: the blocks are not in a checkpoint
      side.attach();
      Trained trained;
      try {
        trained = train(side, checkpoints, last);
      } finally {
        side.detach();
      }
      SafetensorsWriter.write(folder.resolve("adapters.safetensors"), Adapter.stateOf(side.adapters()), Map.of("format", "pt"));
      AtomicFiles.write(trainedFile(), JSON.writeValueAsString(trained));
      AtomicFolders.remove(folder.resolve("checkpoints"));
    } catch (IOException e) {
      throw new UncheckedIOException(folder + " cannot be written", e);
    }
  }

  private Trained train(SideBySide side, Checkpoints checkpoints, Optional<Checkpoints.Generation> last) {
    long rows = Arrays.stream(tasks.trainSizes()).asLongStream().sum();
    int tokens = request.recipe().train().microBatchTokens();
    int most = tokens > 0 ? tokens : model.decoder().placement().isCpu() ? 4096 : 49152;
    Recipe recipe = request.recipe().with("train.learning_rate=1", "train.micro_batch_tokens=" + most);
    TrainConfig plain = Settings.train(recipe.train(), rows);
    TrainConfig config = request.conflicts()
        ? plain.withConflictSteps(Math.max(1, plain.steps() / CONFLICT_SAMPLES)) : plain.withConflictSteps(0);
    int resumed = last.map(Checkpoints.Generation::step).orElse(0);
    listener.stage("train " + name(), config.steps());
    try (Trainer trainer = new Trainer(
            model.decoder(), side.trainees(request.conflicts() ? request.reference() : ""), config, ProcessGroup.single());
        MetricsLog log = MetricsLog.open(folder.resolve(LOG), resumed)) {
      TrainingLoop loop = new TrainingLoop(trainer, tasks, Settings.mixing(recipe), config,
          side.order().stream().mapToLong(SideBySide.Run::seed).toArray(),
          ProcessGroup.single(), checkpoints, () -> new double[0], new Log(side, log));
      last.ifPresent(loop::resume);
      listener.resumed(resumed);
      loop.run();
      return new Trained(
          new Compare.RowScorer(request.recipe(), model, tasks).validation(side.order().size()));
    }
  }

  private String name() {
    return folder.getFileName() + " (" + runs.size() + " configurations)";
  }

  /** Shows and logs a group's steps. */
  private final class Log implements TrainingLoop.Listener {
    private final SideBySide side;
    private final MetricsLog log;

    Log(SideBySide side, MetricsLog log) {
      this.side = side;
      this.log = log;
    }

    @Override
    public void step(
        long step, List<Trainer.StepResult> results, double factor, double seconds, boolean byTask) {
      log.event((int) step, "step", Map.of(
          "loss", results.stream().map(Trainer.StepResult::loss).toList(), "lr_factor", factor, "seconds", seconds));
      if (byTask) {
        for (int at = 0; at < results.size(); at++) {
          boolean watched = side.order().get(at).contestant().name().equals(request.reference());
          if (watched && side.adapter(at).taskGradients().isPresent()) {
            Conflicts now = Conflicts.of(
                side.adapter(at).taskGradients().orElseThrow().grams(side.member(at)), tasks.tasks().size());
            log.event((int) step, CONFLICTS, Map.of("member", at, "layers", now.layers(), "pairs", now.pairs()));
          }
        }
      }
      Map<String, Double> best = new LinkedHashMap<>();
      for (int at = 0; at < results.size(); at++) {
        best.merge(side.order().get(at).contestant().name(), results.get(at).loss(), Math::min);
      }
      listener.trained(step, best);
    }

    @Override
    public boolean stopRequested() {
      return listener.stopRequested();
    }
  }

  /** Validation losses by task of every run; after training. */
  Map<SideBySide.Run, double[]> validation() {
    Map<SideBySide.Run, double[]> nll = new LinkedHashMap<>();
    double[][] read = trained().validationNll;
    for (int at = 0; at < runs.size(); at++) {
      nll.put(runs.get(at), read[at]);
    }
    return nll;
  }

  private Trained trained() {
    try {
      return JSON.readValue(trainedFile().toFile(), Trained.class);
    } catch (IOException e) {
      throw new UncheckedIOException(trainedFile() + " cannot be read; remove it and resume", e);
    }
  }

  private Path trainedFile() {
    return folder.resolve("trained.json");
  }

  /** The runs at the rate that was chosen for their contestant. */
  private List<SideBySide.Run> best(Map<String, Double> chosen) {
    return runs.stream().filter(run -> chosen.get(run.contestant().name()) == run.rate()).toList();
  }

  private Path scoredFile() {
    return folder.resolve("scored.json");
  }

  boolean isScored(Map<String, Double> chosen) {
    return best(chosen).isEmpty() || Files.exists(scoredFile());
  }

  /** What {@link #score} came to. */
  List<Scored> scored(Map<String, Double> chosen) {
    try {
      return best(chosen).isEmpty() ? List.of() : List.of(JSON.readValue(scoredFile().toFile(), Scored[].class));
    } catch (IOException e) {
      throw new UncheckedIOException(scoredFile() + " cannot be read; remove it and resume", e);
    }
  }

  /**
   * Scores the chosen runs on the test rows, and what merging rules make of them, unless that is done.
   *
   * @param chosen rate of every contestant
   */
  void score(Map<String, Double> chosen, Compare.RowScorer scorer, List<PostHocMerge> merges) {
    if (isScored(chosen)) {
      return;
    }
    List<Scored> scores = new ArrayList<>();
    try (SideBySide side = SideBySide.empty(model, tasks, best(chosen), listener)) {
      try (SideBySide all = SideBySide.empty(model, tasks, runs, listener);
          TensorScope scope = TensorScope.open();
          SafetensorsFile saved = SafetensorsFile.open(folder.resolve("adapters.safetensors"))) {
        Adapter.restore(all.adapters(), name -> saved.load(name, Placement.CPU_F32));
        side.copyFrom(all);
      }
      listener.stage("score " + folder.getFileName(), tasks.tasks().size());
      side.attach();
      try {
        long[] seeds = side.order().stream().mapToLong(SideBySide.Run::seed).toArray();
        List<ComparisonResult.Run> results = scorer.test(seeds.length, seeds, listener::advanced);
        for (int at = 0; at < seeds.length; at++) {
          scores.add(new Scored(side.order().get(at).contestant().name(), results.get(at)));
        }
      } finally {
        side.detach();
      }
      for (int at = 0; at < side.order().size(); at++) {
        if (side.order().get(at).contestant().name().equals(Findings.PER_TASK)) {
          for (PostHocMerge merge : merges) {
            Adapter adapter = side.adapter(at);
            listener.stage("merge by " + merge.name(), adapter.modules().size());
            scores.add(new Scored(merge.name(),
                merge.score(adapter, side.member(at), side.order().get(at).seed(), listener)));
          }
        }
      }
      AtomicFiles.write(scoredFile(), JSON.writeValueAsString(scores));
    } catch (IOException e) {
      throw new UncheckedIOException(scoredFile() + " cannot be written", e);
    }
  }

  /** Conflicts of the watched configuration at its chosen rate, if it is in this group. */
  Optional<ComparisonResult.Conflicts> conflicts(String watched, double rate) {
    return IntStream.range(0, runs.size())
        .filter(at -> runs.get(at).contestant().name().equals(watched) && runs.get(at).rate() == rate)
        .mapToObj(this::sampled).filter(samples -> !samples.isEmpty()).map(this::summary).findFirst();
  }

  /** A member's rows of the log, where those from before a kill are too. */
  private List<Sampled> sampled(int member) {
    Path file = folder.resolve(LOG);
    List<Sampled> samples = new ArrayList<>();
    try (BufferedReader lines = Files.newBufferedReader(file)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        JsonNode row = JSON.readTree(line);
        if (row.path("event").asText().equals(CONFLICTS) && row.get("member").asInt() == member) {
          samples.add(new Sampled(row.get("step").asLong(), numbers(row.get("layers")),
              elements(row.get("pairs")).map(CompareGroup::numbers).toArray(double[][]::new)));
        }
      }
      return samples;
    } catch (IOException e) {
      throw new UncheckedIOException(file + " cannot be read", e);
    }
  }

  private static Stream<JsonNode> elements(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false);
  }

  /** Numbers of the log, where null is NaN. */
  private static double[] numbers(JsonNode array) {
    return elements(array).mapToDouble(number -> number.isNull() ? Double.NaN : number.doubleValue()).toArray();
  }

  private ComparisonResult.Conflicts summary(List<Sampled> samples) {
    int count = tasks.tasks().size();
    double[][] pairs = new double[count][count];
    for (int i = 0; i < count; i++) {
      for (int j = 0; j < count; j++) {
        int row = i;
        int column = j;
        pairs[i][j] = samples.stream().mapToDouble(sample -> sample.pairs[row][column])
            .filter(cosine -> !Double.isNaN(cosine)).average().orElse(Double.NaN);
      }
    }
    return new ComparisonResult.Conflicts(samples.stream().map(Sampled::step).toList(),
        samples.stream().map(Sampled::layers).toArray(double[][]::new), pairs);
  }
}
