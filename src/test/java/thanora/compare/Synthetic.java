package thanora.compare;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.LongStream;
import thanora.compare.ComparisonResult.Conflicts;
import thanora.compare.ComparisonResult.Cost;
import thanora.compare.ComparisonResult.Method;
import thanora.compare.ComparisonResult.RatePoint;
import thanora.compare.ComparisonResult.Run;
import thanora.compare.ComparisonResult.Task;

/** Comparisons that nobody ran. */
final class Synthetic {
  private static final List<String> METHODS =
      List.of(
          "base", "lora", "thanora", "dora", "pissa", "corda", "olora", "rslora", "ortho-lora",
          "hydra-lora", "mtl-lora", "lora-per-task", "lora-per-task-merged-by-ties-and-dare",
          "core-space");
  private static final double[] EFFECT = {
    0.62, 0, -0.022, 0.004, 0.015, 0.011, 0.02, 0.001, -0.006, 0.003, -0.027, -0.02, 0.09, 0.055
  };
  private static final List<String> TASKS =
      List.of(
          "arithmetic", "dates <iso & \"us\">", "sorting", "copy", "units", "grammar-correction",
          "a_task_with_a_really_rather_long_name", "json");
  private static final double[] RATES = {5e-5, 1e-4, 2e-4, 4e-4, 8e-4, 1.6e-3};

  private static final double[] FACTORS = {0.6, 1, 1.5}; // of what is merged, by seed

  private Synthetic() {}

  /** A comparison that looks like a real one. */
  static ComparisonResult page(int methods, int tasks, int seeds, int rows) {
    Random random = new Random(7);
    List<Long> seedList = LongStream.range(0, seeds).boxed().toList();
    List<Task> taskList = new ArrayList<>();
    double[][] hardness = new double[tasks][rows];
    for (int t = 0; t < tasks; t++) {
      int[] tokens = new int[rows];
      for (int r = 0; r < rows; r++) {
        tokens[r] = 1 + random.nextInt(12);
        hardness[t][r] = (0.35 + 0.09 * t) * Math.exp(0.6 * random.nextGaussian());
      }
      taskList.add(new Task(TASKS.get(t), t % 2 == 0 ? "exact" : "chrf", 64, tokens));
    }
    List<Method> list = new ArrayList<>();
    for (int m = 0; m < methods; m++) {
      int index = methods == 2 ? m + 1 : m;
      list.add(method(index, seedList, taskList, hardness, random));
    }
    return new ComparisonResult(
        "0.1.0",
        "thanora compare recipes/demo.yaml --methods lora,thanora,dora --seeds 3"
            + " --sweep lr=5e-5,1e-4,2e-4,4e-4,8e-4",
        "HuggingFaceTB/SmolLM2-135M",
        "1 NVIDIA H100, CUDA 13.1",
        600,
        32,
        seedList,
        taskList,
        "lora",
        list,
        methods == 2 ? Optional.empty() : Optional.of(conflicts(tasks, random)));
  }

  private static Method method(
      int m, List<Long> seeds, List<Task> tasks, double[][] hardness, Random random) {
    List<Run> runs = new ArrayList<>();
    for (long seed : seeds) {
      double[][] nll = new double[tasks.size()][];
      double[][] score = new double[tasks.size()][];
      for (int t = 0; t < nll.length; t++) {
        double noise = 0.004 * random.nextGaussian();
        double[] hard = hardness[t];
        int[] tokens = tasks.get(t).rowTokens();
        nll[t] = new double[hard.length];
        score[t] = new double[hard.length];
        double tilt = Math.sin(3 * m + 5 * t) * Math.min(0.02, 3 * Math.abs(EFFECT[m]));
        for (int r = 0; r < hard.length; r++) {
          double each = hard[r] + EFFECT[m] + tilt + noise + 0.03 * random.nextGaussian();
          nll[t][r] = tokens[r] * Math.max(0.01, each);
          score[t][r] = random.nextDouble() < Math.exp(-each) ? 1 : 0;
        }
      }
      Run run = new Run(seed, nll, score);
      runs.add(m == 12 ? run.withMergeFactor(FACTORS[(int) seed]) : run);
    }
    boolean isBase = m == 0;
    List<RatePoint> sweep = isBase ? List.of() : sweep(m, seeds, tasks.size(), random);
    boolean routed = m == 10 || m == 11;
    return new Method(
        METHODS.get(m),
        !isBase && m != 9 && !routed,
        routed,
        isBase ? 0 : 32,
        isBase ? 0 : 4_884_480 + 9000 * (m % 3),
        isBase ? Double.NaN : RATES[m == 4 ? 0 : 2 + m % 3],
        sweep,
        isBase ? runs.subList(0, 1) : runs,
        isBase
            ? Optional.empty()
            : Optional.of(
                new Cost(
                    m == 1 ? 1 : 1 + 0.06 * (m % 5), m % 4 == 3 ? Double.NaN : 1 + 0.02 * (m % 6),
                    m == 9 ? 1.41 : routed ? 1.22 : 1)));
  }

  private static List<RatePoint> sweep(int m, List<Long> seeds, int tasks, Random random) {
    List<RatePoint> points = new ArrayList<>();
    for (int i = 0; i < RATES.length; i++) {
      for (long seed : seeds) {
        double[] nll = new double[tasks];
        double distance = i - (m == 4 ? 0 : 2 + m % 3);
        double level = 0.62 + EFFECT[m] + 0.012 * distance * distance;
        level += distance > 2 ? 2 : 0;
        for (int t = 0; t < tasks; t++) {
          nll[t] = level + 0.006 * random.nextGaussian();
        }
        if (m == 4 && i == 5) {
          Arrays.fill(nll, Double.NaN);
        }
        points.add(new RatePoint(RATES[i], seed, nll));
      }
    }
    return points;
  }

  private static Conflicts conflicts(int tasks, Random random) {
    List<Long> steps = LongStream.range(0, 24).map(i -> i * 25).boxed().toList();
    double[][] byLayer = new double[steps.size()][30];
    for (int i = 0; i < byLayer.length; i++) {
      for (int l = 0; l < 30; l++) {
        byLayer[i][l] = 0.5 * Math.exp(-i / 4.0) - 0.18 * Math.sin(l / 5.0)
            + 0.03 * random.nextGaussian();
      }
    }
    double[][] byPair = new double[tasks][tasks];
    for (int a = 0; a < tasks; a++) {
      byPair[a][a] = 1;
      for (int b = 0; b < a; b++) {
        byPair[a][b] = byPair[b][a] = 0.25 * Math.sin(a * 3 + b * 7);
      }
    }
    return new Conflicts(steps, byLayer, byPair);
  }

  /** The same with other names for the reference and the first task. */
  static ComparisonResult renamed(ComparisonResult r, String reference, String task) {
    List<Method> methods = new ArrayList<>();
    for (Method m : r.methods()) {
      String name = m.name().equals(r.reference()) ? reference : m.name();
      methods.add(
          new Method(
              name, m.merges(), m.needsTaskId(), m.rank(), m.parameters(), m.learningRate(),
              m.sweep(), m.runs(), m.cost()));
    }
    List<Task> tasks = new ArrayList<>(r.tasks());
    Task first = tasks.get(0);
    tasks.set(0, new Task(task, first.metric(), first.validationRows(), first.rowTokens()));
    return new ComparisonResult(
        r.version(), r.command(), r.model(), r.device(), r.steps(), r.batchSize(), r.seeds(),
        tasks, reference, methods, r.conflicts());
  }

  /** The same where a method trains another number of parameters. */
  static ComparisonResult withParameters(ComparisonResult r, String name, long parameters) {
    List<Method> methods = r.methods().stream().map(m -> !m.name().equals(name) ? m
        : new Method(m.name(), m.merges(), m.needsTaskId(), m.rank(), parameters, m.learningRate(), m.sweep(),
            m.runs(), m.cost())).toList();
    return new ComparisonResult(
        r.version(), r.command(), r.model(), r.device(), r.steps(), r.batchSize(), r.seeds(),
        r.tasks(), r.reference(), methods, r.conflicts());
  }

  /** Methods from row values alone: NLL [method][seed][task][row], one token a row. */
  static ComparisonResult of(List<String> names, double[][][][] nll) {
    int seeds = Arrays.stream(nll).mapToInt(n -> n.length).max().orElseThrow();
    List<Task> tasks = new ArrayList<>();
    for (int t = 0; t < nll[0][0].length; t++) {
      int[] tokens = new int[nll[0][0][t].length];
      Arrays.fill(tokens, 1);
      tasks.add(new Task("task" + t, "exact", 0, tokens));
    }
    List<Method> methods = new ArrayList<>();
    for (int m = 0; m < nll.length; m++) {
      List<Run> runs = new ArrayList<>();
      for (int s = 0; s < nll[m].length; s++) {
        runs.add(new Run(s, nll[m][s], new double[0][]));
      }
      methods.add(
          new Method(
              names.get(m), true, false, 8, 1000, 1e-4, List.of(), runs, Optional.empty()));
    }
    return new ComparisonResult(
        "v", "c", "m", "d", 1, 1, LongStream.range(0, seeds).boxed().toList(), tasks,
        names.get(0), methods, Optional.empty());
  }
}
