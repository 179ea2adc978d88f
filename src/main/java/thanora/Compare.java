package thanora;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongConsumer;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import thanora.checkpoint.AtomicFiles;
import thanora.compare.ComparisonResult;
import thanora.compare.Findings;
import thanora.compare.HtmlPage;
import thanora.compare.MarkdownTable;
import thanora.data.Sample;
import thanora.data.TaskData;
import thanora.data.TaskSet;
import thanora.eval.Evaluator;
import thanora.eval.Metric;
import thanora.train.StoppedException;

/**
 * A comparison of methods: every configuration on the same rows in the same order for the same steps,
 * each method at the learning rate that is best on validation rows, scored on test rows.
 *
 * <p>Configurations are trained side by side on one frozen base. What a group of them came to is
 * written when it ends, so a comparison that is killed goes on with the next group.
 */
public final class Compare {
  /** Validation rows a task that rates are chosen by, where the recipe does not say. */
  private static final int VALIDATION_ROWS = 50;

  private static final String REQUEST = "compare.request";
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Request request;
  private final Path folder;
  private final RunListener listener;
  private final LoadedModel model;
  private final TaskSet tasks;

  /**
   * What is compared.
   *
   * @param recipe tasks, steps, rank; its learning rate where none is swept
   * @param contestants at least one
   * @param rates learning rates, each tried with every contestant
   * @param seeds of the runs, ascending
   * @param members configurations trained at once at most
   * @param costs whether each method is timed alone
   * @param conflicts whether the gradients of the reference's tasks are compared on the way
   * @param command that asks for it, for the reader
   */
  public record Request(
      Recipe recipe, List<Contestant> contestants, List<Double> rates, List<Long> seeds, int members, boolean costs,
      boolean conflicts, String command) {

    /** The method that differences are taken to: lora, else the first. */
    String reference() {
      return contestants.stream().map(Contestant::name).filter("lora"::equals).findFirst()
          .orElse(contestants.get(0).name());
    }

    /** Learning rates that a contestant is trained with; none where it is not trained. */
    List<Double> rates(Contestant contestant) {
      return contestant.merge().isPresent() ? List.of()
          : contestant.rates().isEmpty() ? rates : contestant.rates();
    }

    /** The runs of some contestants, each with all of its rates. */
    private List<SideBySide.Run> runs(List<Long> seeds, Predicate<Contestant> of) {
      List<SideBySide.Run> runs = new ArrayList<>();
      for (Contestant contestant : contestants.stream().filter(of).toList()) {
        for (double rate : rates(contestant)) {
          seeds.forEach(seed -> runs.add(new SideBySide.Run(contestant, rate, seed)));
        }
      }
      return runs;
    }

    /** Parts of like size, so that none is nearly empty. */
    private List<List<SideBySide.Run>> parts(List<SideBySide.Run> runs) {
      int count = (runs.size() + members - 1) / members;
      return IntStream.range(0, count)
          .mapToObj(i -> List.copyOf(runs.subList(runs.size() * i / count, runs.size() * (i + 1) / count))).toList();
    }

    /** What must be the same when a comparison goes on. */
    String identity() {
      return "seeds " + seeds + "\nside by side " + members + "\n"
          + contestants.stream().map(c -> c.name() + " " + rates(c) + ":\n" + c.recipe().toYaml())
              .collect(Collectors.joining("\n"));
    }
  }

  private Compare(Request request, Path folder, RunListener listener, LoadedModel model, TaskSet tasks) {
    this.request = request;
    this.folder = folder;
    this.listener = listener;
    this.model = model;
    this.tasks = tasks;
  }

  /** The recipe of a comparison: with validation rows to choose a rate by, unless it says how many. */
  public static Recipe prepared(Recipe recipe) {
    boolean unsaid = recipe.train().validationRows() == Recipe.Train.defaults().validationRows();
    int rows = unsaid ? VALIDATION_ROWS : recipe.train().validationRows();
    return recipe.with("train.validation_rows=" + rows, "train.eval_steps=0", "train.load_best_model_at_end=false",
        "train.early_stopping_patience=0");
  }

  /**
   * Compares, or goes on with the comparison in the folder.
   *
   * @return what is written as {@code compare.json}, {@code compare.md} and {@code compare.html}
   */
  public static ComparisonResult run(Request request, RunFolder folder, RunListener listener) {
    if (folder.holdsRun()) {
      checkIdentity(request, folder.path());
    }
    return loaded(request, request.recipe, folder.path(), listener, compare -> {
      begin(request, folder); // not before model and rows are read: what fails there leaves no run
      ComparisonResult result = compare.run();
      write(result, folder.path());
      return result;
    });
  }

  /**
   * Trains and scores what no other process is at, so that processes on devices of their own share a
   * comparison; to be ended by {@link #run}.
   *
   * @param folder of the comparison, after {@link #begin}
   * @param device this process computes on
   * @param threads of its matrix products
   * @throws RecipeException if the folder holds another comparison
   */
  public static void work(Request request, Path folder, String device, int threads, RunListener listener) {
    checkIdentity(request, folder);
    Recipe here = request.recipe.with("device=" + device, "threads=" + threads);
    loaded(request, here, folder, listener, compare -> {
      compare.work();
      return folder;
    });
  }

  private static <T> T loaded(
      Request request, Recipe here, Path folder, RunListener listener, Function<Compare, T> body) {
    try (LoadedModel model = LoadedModel.load(here, listener)) {
      TaskSet tasks = Tasks.read(request.recipe, model, listener);
      return body.apply(new Compare(request, folder, listener, model, tasks));
    }
  }

  /** Writes the three files. */
  public static void write(ComparisonResult result, Path folder) {
    try {
      result.write(folder.resolve("compare.json"));
    } catch (IOException e) {
      throw new UncheckedIOException(folder.resolve("compare.json") + " cannot be written", e);
    }
    Findings findings = Findings.of(result);
    AtomicFiles.write(folder.resolve("compare.md"), MarkdownTable.of(result, findings));
    AtomicFiles.write(folder.resolve("compare.html"), HtmlPage.of(result, findings));
  }

  /** Makes the folder one of this comparison, or checks that it is. */
  public static void begin(Request request, RunFolder folder) {
    if (folder.holdsRun()) {
      checkIdentity(request, folder.path());
    }
    AtomicFiles.write(folder.path().resolve(REQUEST), request.identity());
    folder.writeOrCompare(request.recipe);
  }

  private static void checkIdentity(Request request, Path folder) {
    Path file = folder.resolve(REQUEST);
    try {
      if (!(Files.exists(file) && Files.readString(file).equals(request.identity()))) {
        throw new RecipeException(List.of("run folder " + folder
            + ": holds another comparison; resume with the same recipe, methods, sweep and seeds"));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(file + " cannot be read", e);
    }
  }

  private ComparisonResult run() {
    List<CompareGroup> groups = groups();
    Map<String, Double> chosen = work(groups);
    ComparisonResult.Run base = base(new RowScorer(request.recipe, model, tasks));
    Map<String, List<ComparisonResult.Run>> runs = new LinkedHashMap<>();
    groups.stream().flatMap(group -> group.scored(chosen).stream()).forEach(scored ->
        runs.computeIfAbsent(scored.name(), name -> new ArrayList<>()).add(scored.run()));
    runs.values().forEach(own -> own.sort(Comparator.comparingLong(ComparisonResult.Run::seed)));
    Map<String, ComparisonResult.Cost> costs =
        request.costs ? new CompareCosts(request, model, tasks, listener).measure() : Map.of();
    return result(groups, sweeps(groups), chosen, base, runs, costs);
  }

  private void work() {
    work(groups());
  }

  /** Trains and scores all groups together with whoever else is at it; returns the chosen rates. */
  private Map<String, Double> work(List<CompareGroup> groups) {
    share(groups, CompareGroup::isTrained, CompareGroup::train);
    Map<String, Double> chosen = new LinkedHashMap<>();
    sweeps(groups).forEach((name, points) -> chosen.put(name, best(points)));
    RowScorer scorer = new RowScorer(request.recipe, model, tasks);
    List<PostHocMerge> merges = request.contestants.stream().filter(c -> c.merge().isPresent())
        .map(c -> new PostHocMerge(c, model, tasks, scorer)).toList();
    share(groups, group -> group.isScored(chosen), group -> group.score(chosen, scorer, merges));
    return chosen;
  }

  /** Works at every group that nobody is at, until all are done by someone. */
  private void share(List<CompareGroup> groups, Predicate<CompareGroup> done, Consumer<CompareGroup> work) {
    while (!groups.stream().allMatch(done)) {
      boolean worked = false;
      for (CompareGroup group : groups) {
        worked |= !done.test(group) && group.alone(() -> work.accept(group));
      }
      if (!worked) {
        pause();
      }
    }
  }

  private void pause() {
    if (listener.stopRequested()) {
      throw new StoppedException("stopped while others are at the last groups");
    }
    try {
      Thread.sleep(500);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StoppedException("interrupted");
    }
  }

  private static Map<String, List<ComparisonResult.RatePoint>> sweeps(List<CompareGroup> groups) {
    Map<String, List<ComparisonResult.RatePoint>> sweeps = new LinkedHashMap<>();
    groups.forEach(group -> group.validation().forEach((run, nll) -> sweeps
        .computeIfAbsent(run.contestant().name(), name -> new ArrayList<>())
        .add(new ComparisonResult.RatePoint(run.rate(), run.seed(), nll))));
    return sweeps;
  }

  private List<CompareGroup> groups() {
    List<List<SideBySide.Run>> parts = parts(request, model, tasks, !model.decoder().placement().isCpu());
    return IntStream.range(0, parts.size()).mapToObj(i -> new CompareGroup(
        request, parts.get(i), folder.resolve("groups").resolve("group" + i), model, tasks, listener)).toList();
  }

  /**
   * All runs, in parts that are trained at once. A GPU is the busier the more configurations there
   * are, so seeds stand together there, but each form of adapter for itself, since another form would
   * have launches of its own. On a CPU rows of several seeds would only be padded. Images of several seeds are of
   * different number, which adapters in a vision part cannot stand side by side with: their seeds are apart anywhere.
   *
   * @param seedsTogether whether seeds stand together where they can
   */
  static List<List<SideBySide.Run>> parts(Request request, LoadedModel model, TaskSet tasks, boolean seedsTogether) {
    Set<Contestant> together = request.contestants.stream()
        .filter(contestant -> seedsTogether && !adaptsVision(contestant, model)).collect(Collectors.toSet());
    List<List<SideBySide.Run>> parts = new ArrayList<>();
    SideBySide.byForm(model, tasks, request.runs(request.seeds, together::contains))
        .forEach(runs -> parts.addAll(request.parts(runs)));
    parts.sort(Comparator.comparingInt(part -> -part.size())); // the longest first, so that none is last alone
    request.seeds.forEach(seed -> SideBySide.byModules(model, tasks,
        request.runs(List.of(seed), contestant -> !together.contains(contestant)))
        .forEach(runs -> parts.addAll(request.parts(runs))));
    return parts;
  }

  private static boolean adaptsVision(Contestant contestant, LoadedModel model) {
    return model.decoder().config().vision().filter(vision -> model.targets(contestant.recipe()).stream()
        .anyMatch(module -> vision.isOfTower(module) || vision.isOfConnector(module))).isPresent();
  }

  /** The rate of the lowest mean over seeds and tasks; one that diverged with any seed is not taken. */
  private static double best(List<ComparisonResult.RatePoint> points) {
    Map<Double, Double> means = new TreeMap<>();
    points.forEach(point -> means.merge(point.learningRate(), point.mean(), Double::sum));
    return means.entrySet().stream().filter(entry -> !Double.isNaN(entry.getValue()))
        .min(Map.Entry.comparingByValue()).map(Map.Entry::getKey)
        .orElseGet(() -> means.keySet().iterator().next());
  }

  /** Scores of the untouched model; a comparison that goes on has them already. */
  private ComparisonResult.Run base(RowScorer scorer) {
    Path file = folder.resolve("base.json");
    try {
      if (Files.exists(file)) {
        return JSON.readValue(file.toFile(), ComparisonResult.Run.class);
      }
      listener.stage("score base", tasks.tasks().size());
      ComparisonResult.Run base = scorer.test(1, new long[] {0}, listener::advanced).get(0);
      AtomicFiles.write(file, JSON.writeValueAsString(base));
      return base;
    } catch (IOException e) {
      throw new UncheckedIOException(file + " cannot be read", e);
    }
  }

  private ComparisonResult result(
      List<CompareGroup> groups, Map<String, List<ComparisonResult.RatePoint>> sweeps, Map<String, Double> chosen,
      ComparisonResult.Run base, Map<String, List<ComparisonResult.Run>> runs,
      Map<String, ComparisonResult.Cost> costs) {
    List<ComparisonResult.Method> methods = new ArrayList<>();
    methods.add(new ComparisonResult.Method(ComparisonResult.BASE, true, false, 0, 0, Double.NaN, List.of(),
        List.of(base), Optional.empty()));
    for (Contestant contestant : request.contestants) {
      String name = contestant.name();
      boolean merged = contestant.merge().isPresent();
      String trained = merged ? Findings.PER_TASK : name;
      SideBySide.Shape shape = SideBySide.shape(contestant, model, tasks);
      methods.add(new ComparisonResult.Method(name, merged || shape.merges(), !merged && shape.needsTask(),
          shape.rank(), shape.parameters(), chosen.get(trained), merged ? List.of() : sweeps.get(name),
          runs.get(name), Optional.ofNullable(costs.get(name))));
    }
    List<ComparisonResult.Task> described = new ArrayList<>();
    for (TaskData task : tasks.tasks()) {
      described.add(new ComparisonResult.Task(task.name(), task.metric(), task.validation().size(),
          task.test().samples().stream().mapToInt(Sample::labels).toArray()));
    }
    long rows = Arrays.stream(tasks.trainSizes()).asLongStream().sum();
    Optional<ComparisonResult.Conflicts> conflicts = groups.stream()
        .map(group -> group.conflicts(request.reference(), chosen.get(request.reference())))
        .flatMap(Optional::stream).findFirst();
    return new ComparisonResult(Environment.version(), request.command, request.recipe.model(), model.device(),
        Settings.train(request.recipe.train(), rows).steps(), request.recipe.train().batchSize(),
        request.seeds, described, request.reference(), methods, conflicts);
  }

  /** Scores rows for all members at once. */
  static final class RowScorer {
    private final Recipe recipe;
    private final LoadedModel model;
    private final TaskSet tasks;

    RowScorer(Recipe recipe, LoadedModel model, TaskSet tasks) {
      this.recipe = recipe;
      this.model = model;
      this.tasks = tasks;
    }

    /** Mean −log p a label token of the validation rows: [member][task]. */
    double[][] validation(int members) {
      Evaluator evaluator = evaluator(members);
      double[][] nll = new double[members][tasks.tasks().size()];
      for (int task = 0; task < tasks.tasks().size(); task++) {
        double[] each = evaluator.nll(tasks.tasks().get(task).validation().samples(), tasks.tasks().size());
        for (int member = 0; member < members; member++) {
          nll[member][task] = each[member];
        }
      }
      return nll;
    }

    /**
     * Every test row: one result a member.
     *
     * @param seeds of the members
     */
    List<ComparisonResult.Run> test(int members, long[] seeds, LongConsumer done) {
      Evaluator evaluator = evaluator(members);
      int count = tasks.tasks().size();
      double[][][] nll = new double[members][count][];
      double[][][] scores = new double[members][recipe.eval().generate() ? count : 0][];
      TaskScorer lengths = new TaskScorer(recipe, model, tasks);
      for (int task = 0; task < count; task++) {
        TaskData data = tasks.tasks().get(task);
        double[][] rowNll = evaluator.rowNll(data.test().samples(), count, rows -> {});
        double[][] rowScores = recipe.eval().generate()
            ? evaluator.rowScores(data.test(), Metric.parse(data.metric()), lengths.maxNewTokens(data), rows -> {})
            : new double[members][];
        for (int member = 0; member < members; member++) {
          nll[member][task] = rowNll[member];
          if (recipe.eval().generate()) {
            scores[member][task] = rowScores[member];
          }
        }
        done.accept(task + 1);
      }
      return IntStream.range(0, members)
          .mapToObj(member -> new ComparisonResult.Run(seeds[member], nll[member], scores[member])).toList();
    }

    private Evaluator evaluator(int members) {
      return new Evaluator(
          model.decoder(), model.generator(), model::decode, recipe.eval().batchSize(), members);
    }
  }
}
