package thanora.compare;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Everything measured when methods were compared: {@code compare.json}, keys in snake case.
 *
 * <p>All methods answered the same test rows, in the same order. Equal by value, arrays included.
 * NaN stands for what was not measured or diverged and is written as null.
 *
 * @param version of the program
 * @param command that gives this result again
 * @param model as the recipe names it
 * @param device in words
 * @param steps optimiser steps of each run
 * @param batchSize rows a step
 * @param seeds of the runs
 * @param tasks in the order of every array by task
 * @param reference name of the method that differences are taken to
 * @param methods at least the reference
 * @param conflicts cosines between task gradients, where they were recorded
 */
public record ComparisonResult(
    String version,
    String command,
    String model,
    String device,
    long steps,
    int batchSize,
    List<Long> seeds,
    List<Task> tasks,
    String reference,
    List<Method> methods,
    Optional<Conflicts> conflicts) {

  /** Name of the untouched model among the methods. */
  public static final String BASE = "base";

  /** Differences between losses of the same rows, over the losses; those of other rows are about 1. */
  private static final double SAME_BASE = 0.05;

  /** Copies the lists and checks that all parts fit each other. */
  public ComparisonResult {
    seeds = List.copyOf(seeds);
    tasks = List.copyOf(tasks);
    methods = List.copyOf(methods);
    require(!seeds.isEmpty(), "seeds is empty; give at least one seed");
    require(!tasks.isEmpty(), "tasks is empty; give at least one task");
    unique(tasks.stream().map(Task::name).toList(), "task");
    unique(methods.stream().map(Method::name).toList(), "method");
    require(
        methods.stream().map(Method::name).toList().contains(reference),
        "reference %s is not among the methods; name one of %s",
        reference,
        methods.stream().map(Method::name).toList());
    for (Method method : methods) {
      method.check(seeds, tasks);
    }
    if (conflicts.isPresent()) {
      conflicts.get().check(tasks.size());
    }
  }

  /**
   * A task and its test rows.
   *
   * @param metric how answers are scored
   * @param validationRows rows that learning rates were chosen on
   * @param rowTokens label tokens of each test row, each at least 1
   */
  public record Task(String name, String metric, int validationRows, int[] rowTokens) {
    /** Checks the test rows. */
    public Task {
      require(rowTokens.length > 0, "task %s has no test rows; give it some", name);
      for (int tokens : rowTokens) {
        require(
            tokens > 0, "task %s has a test row of %d label tokens; drop that row", name, tokens);
      }
    }

    /** Number of test rows. */
    public int rows() {
      return rowTokens.length;
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Task t
          && name.equals(t.name)
          && metric.equals(t.metric)
          && validationRows == t.validationRows
          && Arrays.equals(rowTokens, t.rowTokens);
    }

    @Override
    public int hashCode() {
      return Objects.hash(name, metric, validationRows, Arrays.hashCode(rowTokens));
    }
  }

  /**
   * A method: its sweep, and its runs at the chosen rate.
   *
   * @param merges whether the result is one adapter that merges into the weights
   * @param needsTaskId whether a row's task must be known to answer it
   * @param rank in all; 0 for the base
   * @param parameters trained; 0 for the base
   * @param learningRate the chosen one; NaN for the base
   * @param sweep validation losses, in any order; empty where nothing was swept
   * @param runs one a seed, in the order of the seeds; the base may have a single one
   */
  public record Method(
      String name,
      boolean merges,
      boolean needsTaskId,
      int rank,
      long parameters,
      double learningRate,
      List<RatePoint> sweep,
      List<Run> runs,
      Optional<Cost> cost) {
    /** Copies the lists. */
    public Method {
      sweep = List.copyOf(sweep);
      runs = List.copyOf(runs);
    }

    private Method withCost(Optional<Cost> other) {
      return new Method(name, merges, needsTaskId, rank, parameters, learningRate, sweep, runs, other);
    }

    /** With the runs of another comparison's method of that name, where this has none of that seed. */
    private Method joined(Method other) {
      require(rank == other.rank && parameters == other.parameters && merges == other.merges
              && needsTaskId == other.needsTaskId,
          "method %s is not the same in all comparisons (rank %d, %d parameters; rank %d, %d parameters);"
              + " give one another name, as in --methods b=%s",
          name, rank, parameters, other.rank, other.parameters, name);
      List<Long> known = seeds();
      List<Run> more = other.runs.stream().filter(run -> !known.contains(run.seed)).toList();
      Optional<Cost> costs = cost.or(() -> other.cost);
      if (isBase() || more.isEmpty()) {
        return withCost(costs);
      }
      require(learningRate == other.learningRate && Arrays.equals(rates(), other.rates()),
          "method %s is scored at learning rate %s of %s with seeds %s, at %s of %s with seeds %s;"
              + " compare all seeds with the same sweep of one rate, as in --sweep lr=%s",
          name, learningRate, Arrays.toString(rates()), known, other.learningRate,
          Arrays.toString(other.rates()), other.seeds(), learningRate);
      return new Method(name, merges, needsTaskId, rank, parameters, learningRate,
          Stream.concat(sweep.stream(), other.sweep.stream().filter(point -> !known.contains(point.seed))).toList(),
          Stream.concat(runs.stream(), more.stream()).sorted(Comparator.comparingLong(Run::seed)).toList(), costs);
    }

    private List<Long> seeds() {
      return runs.stream().map(Run::seed).toList();
    }

    /** Whether this is the untouched model. */
    public boolean isBase() {
      return name.equals(BASE);
    }

    /** Whether the chosen rate is the smallest or the largest of a sweep of several. */
    public boolean isAtEdgeOfSweep() {
      double[] rates = rates();
      return rates.length > 1
          && (learningRate <= rates[0] || learningRate >= rates[rates.length - 1]);
    }

    /** The swept rates, each once, ascending. */
    double[] rates() {
      return sweep.stream().mapToDouble(RatePoint::learningRate).distinct().sorted().toArray();
    }

    private void check(List<Long> seeds, List<Task> tasks) {
      boolean single = isBase() && runs.size() == 1;
      require(
          single || seeds().equals(seeds),
          "method %s has runs of seeds %s, the comparison has %s; give one run a seed, in order",
          name,
          seeds(),
          seeds);
      for (RatePoint point : sweep) {
        require(
            point.learningRate > 0 && Double.isFinite(point.learningRate),
            "method %s swept learning rate %s; rates are above 0",
            name,
            point.learningRate);
        require(
            point.validationNll.length == tasks.size(),
            "method %s has %d validation_nll at rate %s, there are %d tasks; give one a task",
            name,
            point.validationNll.length,
            point.learningRate,
            tasks.size());
      }
      for (Run run : runs) {
        run.check(name, tasks);
      }
    }
  }

  /**
   * One run of a sweep.
   *
   * @param validationNll nats a label token, by task; NaN = diverged
   */
  public record RatePoint(double learningRate, long seed, double[] validationNll) {
    /** Mean over the tasks; NaN = diverged. */
    public double mean() {
      return Arrays.stream(validationNll).average().orElse(Double.NaN);
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof RatePoint p
          && Double.compare(learningRate, p.learningRate) == 0
          && seed == p.seed
          && Arrays.equals(validationNll, p.validationNll);
    }

    @Override
    public int hashCode() {
      return Objects.hash(learningRate, seed, Arrays.hashCode(validationNll));
    }
  }

  /**
   * What one run came to on the test rows.
   *
   * @param rowNll [task][row], summed over the row's label tokens, nats; NaN = diverged
   * @param rowScore [task][row] in [0, 1]; empty where nothing was generated
   * @param mergeFactor of the change that was merged of several adapters, the best of those tried on
   *     validation rows; NaN where nothing was merged
   */
  public record Run(long seed, double[][] rowNll, double[][] rowScore, double mergeFactor) {
    /** A run of a method that is trained. */
    public Run(long seed, double[][] rowNll, double[][] rowScore) {
      this(seed, rowNll, rowScore, Double.NaN);
    }

    /** The same, of a merged change. */
    public Run withMergeFactor(double factor) {
      return new Run(seed, rowNll, rowScore, factor);
    }

    private void check(String method, List<Task> tasks) {
      require(
          rowNll.length == tasks.size(),
          "method %s, seed %d: row_nll has %d tasks instead of %d; give one array a task",
          method,
          seed,
          rowNll.length,
          tasks.size());
      require(
          rowScore.length == 0 || rowScore.length == tasks.size(),
          "method %s, seed %d: row_score has %d tasks instead of %d; give one a task, or none",
          method,
          seed,
          rowScore.length,
          tasks.size());
      for (int t = 0; t < tasks.size(); t++) {
        int rows = tasks.get(t).rows();
        require(
            rowNll[t].length == rows,
            "method %s, seed %d: row_nll of task %s has %d rows instead of %d; give one a row",
            method,
            seed,
            tasks.get(t).name(),
            rowNll[t].length,
            rows);
        require(
            score(t).length == rows || score(t).length == 0,
            "method %s, seed %d: row_score of task %s has %d rows instead of %d; give all or none",
            method,
            seed,
            tasks.get(t).name(),
            score(t).length,
            rows);
      }
    }

    /** Scores of a task's rows; empty where nothing was generated. */
    public double[] score(int task) {
      return rowScore.length == 0 ? new double[0] : rowScore[task];
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Run r
          && seed == r.seed
          && Arrays.deepEquals(rowNll, r.rowNll)
          && Arrays.deepEquals(rowScore, r.rowScore)
          && Double.compare(mergeFactor, r.mergeFactor) == 0;
    }

    @Override
    public int hashCode() {
      return Objects.hash(seed, Arrays.deepHashCode(rowNll), Arrays.deepHashCode(rowScore), mergeFactor);
    }
  }

  /**
   * What a method costs; NaN = not measured.
   *
   * @param stepTime of a training step, over the reference's
   * @param memory peak in training, over the reference's
   * @param latency of generation, over the base's
   */
  public record Cost(double stepTime, double memory, double latency) {}

  /**
   * Cosines between the gradients of the tasks, of the reference.
   *
   * @param steps at which they were taken
   * @param byLayer [sample of steps][layer], mean over the pairs of tasks
   * @param byPair [task][task], mean over samples and layers
   */
  public record Conflicts(List<Long> steps, double[][] byLayer, double[][] byPair) {
    /** Copies the list. */
    public Conflicts {
      steps = List.copyOf(steps);
    }

    private void check(int tasks) {
      require(
          byLayer.length == steps.size(),
          "conflicts.by_layer has %d samples, steps has %d; give one row a sample",
          byLayer.length,
          steps.size());
      require(
          Arrays.stream(byLayer).mapToInt(row -> row.length).distinct().count() <= 1,
          "conflicts.by_layer has rows of unequal length; give every sample all layers");
      require(
          byPair.length == tasks && Arrays.stream(byPair).allMatch(row -> row.length == tasks),
          "conflicts.by_pair is not %d by %d; give one row and one column a task",
          tasks,
          tasks);
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Conflicts c
          && steps.equals(c.steps)
          && Arrays.deepEquals(byLayer, c.byLayer)
          && Arrays.deepEquals(byPair, c.byPair);
    }

    @Override
    public int hashCode() {
      return Objects.hash(steps, Arrays.deepHashCode(byLayer), Arrays.deepHashCode(byPair));
    }
  }

  /**
   * One comparison of several of the same model, rows and steps: of their methods and their seeds. A run
   * that is in more than one is taken from the first; costs count only where they are relative to the
   * reference.
   *
   * @param parts at least one
   * @param reference method that differences are taken to
   * @throws IllegalArgumentException naming what differs, or what is missing
   */
  public static ComparisonResult joined(List<ComparisonResult> parts, String reference) {
    ComparisonResult first = parts.get(0);
    List<Long> seeds = parts.stream().flatMap(part -> part.seeds.stream()).distinct().sorted().toList();
    Map<String, Method> methods = new LinkedHashMap<>();
    for (ComparisonResult part : parts) {
      first.requireLike(part);
      for (Method method : part.methods) {
        Method own = part.reference.equals(reference) ? method : method.withCost(Optional.empty());
        methods.merge(method.name, own, Method::joined);
      }
    }
    for (Method method : methods.values()) {
      require(method.isBase() || method.seeds().equals(seeds),
          "method %s has runs of seeds %s only, all together there are %s; join a comparison that has the others",
          method.name, method.seeds(), seeds);
    }
    return new ComparisonResult(first.version,
        String.join("\n", parts.stream().map(ComparisonResult::command).toList()), first.model,
        String.join("; ", parts.stream().map(ComparisonResult::device).distinct().toList()),
        first.steps, first.batchSize, seeds, first.tasks, reference, List.copyOf(methods.values()),
        parts.stream().filter(part -> part.reference.equals(reference)).map(ComparisonResult::conflicts)
            .flatMap(Optional::stream).findFirst());
  }

  private void requireLike(ComparisonResult other) {
    List<String> unlike = new ArrayList<>();
    if (!tasks.equals(other.tasks)) {
      unlike.add("tasks or their rows");
    } else if (hasOtherBaseThan(other)) {
      unlike.add("losses of the untouched model, so in model or rows");
    }
    if (steps != other.steps) {
      unlike.add("steps (" + steps + ", " + other.steps + ")");
    }
    if (batchSize != other.batchSize) {
      unlike.add("batch size (" + batchSize + ", " + other.batchSize + ")");
    }
    require(unlike.isEmpty(), "comparisons \"%s\" and \"%s\" differ in %s; join only like ones",
        command.replaceAll("\\s+", " "), other.command.replaceAll("\\s+", " "), String.join(", ", unlike));
  }

  /** Whether the base's losses of the rows are apart by more than another GPU or number of threads explains. */
  private boolean hasOtherBaseThan(ComparisonResult other) {
    if (method(BASE).isEmpty() || other.method(BASE).isEmpty()) {
      return false;
    }
    double[][] own = method(BASE).get().runs.get(0).rowNll;
    double[][] others = other.method(BASE).get().runs.get(0).rowNll;
    return IntStream.range(0, tasks.size()).anyMatch(task -> {
      double apart = IntStream.range(0, own[task].length)
          .mapToDouble(row -> Math.abs(own[task][row] - others[task][row])).sum();
      return apart > SAME_BASE * Arrays.stream(own[task]).sum();
    });
  }

  /** The method of that name. */
  public Optional<Method> method(String name) {
    return methods.stream().filter(m -> m.name().equals(name)).findFirst();
  }

  /**
   * Writes the result as JSON; the file appears whole or not at all.
   *
   * @throws IOException if it cannot be written
   */
  public void write(Path file) throws IOException {
    ComparisonJson.write(this, file);
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws IllegalArgumentException naming file, value and remedy if it is not such a file
   * @throws IOException if it cannot be read
   */
  public static ComparisonResult read(Path file) throws IOException {
    return ComparisonJson.read(file);
  }

  private static void unique(List<String> names, String what) {
    Set<String> seen = new HashSet<>();
    for (String name : names) {
      require(!name.isBlank(), "a %s has no name; give it one", what);
      require(seen.add(name), "%s %s appears twice; rename one", what, name);
    }
  }

  private static void require(boolean holds, String message, Object... values) {
    if (!holds) {
      throw new IllegalArgumentException(String.format(Locale.ROOT, message, values));
    }
  }
}
