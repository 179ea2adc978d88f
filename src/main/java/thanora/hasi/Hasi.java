package thanora.hasi;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.lora.Blocks;
import thanora.lora.Factors;

/**
 * The initialisation, one decoder layer at a time: spectra, entropies, shares, ranks, subspaces,
 * factors. Layers go in one by one, so that only one layer's moments need to live; all modules of a
 * layer go together, since entropies may be averaged over them. {@link HasiStarts} makes many
 * adapters' starts from one preview.
 */
public final class Hasi {
  private final HasiConfig config;
  private final List<String> tasks;
  private final int r;
  private final double alpha;
  private final long seed;
  private final Optional<RankPlan> given;
  private final RankAllocator allocator;

  /**
   * For one adapter.
   *
   * @param tasks names, in the order of blocks
   * @param r rows of every module's adapter
   * @param alpha the adapter's scale is s = alpha / r
   * @param seed of the run
   * @throws IllegalArgumentException where r is too small for the tasks
   */
  public Hasi(HasiConfig config, List<String> tasks, int r, double alpha, long seed) {
    this(config, tasks, r, alpha, seed, Optional.empty());
  }

  private Hasi(HasiConfig config, List<String> tasks, int r, double alpha, long seed,
      Optional<RankPlan> given) {
    this.config = config;
    this.tasks = List.copyOf(tasks);
    this.r = r;
    this.alpha = alpha;
    this.seed = seed;
    this.given = given;
    this.allocator = new RankAllocator(config.ranks(), tasks.size(), r);
  }

  /**
   * A module to adapt.
   *
   * @param name in the checkpoint, without {@code .weight}
   * @param w W (d_out, d_in) of the untouched base, any float type
   * @param moments of its input, one a task; may be shared between modules; none where the
   *     statistic is the gradient
   */
  public record Module(String name, Tensor w, List<Moments> moments) {
    /** A module whose gradients were measured. */
    public Module(String name, Tensor w) {
      this(name, w, List.of());
    }

    int dOut() {
      return Math.toIntExact(w.size(0));
    }

    int dIn() {
      return Math.toIntExact(w.size(1));
    }
  }

  /** A module's plan and start; the factors belong to the caller's scope. */
  public record Result(ModulePlan plan, Factors factors) {}

  /** The same, but with the ranks of an earlier or edited plan. */
  public Hasi with(RankPlan plan) {
    if (!plan.tasks().equals(tasks) || plan.r() != r) {
      throw new RankPlanException(
          "plan: made for r = " + plan.r() + " and tasks " + plan.tasks() + ", the run has r = " + r
              + " and tasks " + tasks + "; analyze again");
    }
    return new Hasi(config, tasks, r, alpha, seed, Optional.of(plan));
  }

  /** Plans and factors of a layer's modules. */
  public List<Result> layer(List<Module> modules) {
    return new HasiStarts(List.of(this)).layer(modules).get(0);
  }

  /** Plans and factors of a layer's modules, with the ranks of an earlier or edited plan. */
  public List<Result> layer(List<Module> modules, RankPlan plan) {
    return with(plan).layer(modules);
  }

  /** The plan of a whole model from its modules' plans. */
  public RankPlan plan(String method, String base, List<ModulePlan> modules) {
    return new RankPlan(
        method, seed, r, alpha, config.ranks().tau(), config.ranks().rMin(),
        config.preview().rows(),
        base, tasks, modules);
  }

  HasiConfig config() {
    return config;
  }

  List<String> tasks() {
    return tasks;
  }

  /** How many leading vectors of each spectrum the start can make use of. */
  int top() {
    int looked = config.start().deflationVectors();
    return looked == 0 && config.start().deflation() ? Integer.MAX_VALUE : Math.max(looked, r);
  }

  /**
   * How a module's rows are divided, and why.
   *
   * @param directions what to look for; none where all blocks are random
   */
  record Division(
      Blocks blocks,
      List<ModulePlan.TaskRank> rows,
      String why,
      Optional<Directions.Choice> directions) {}

  /**
   * Divides the rows of a layer's modules.
   *
   * @param spectra of each module, for each task
   */
  List<Division> divide(List<Module> modules, List<List<Spectrum>> spectra) {
    List<Division> divisions = new ArrayList<>();
    for (int i = 0; i < modules.size(); i++) {
      double[] entropies =
          config.ranks().granularity() == HasiConfig.Granularity.LAYER
              ? mean(spectra)
              : entropies(spectra.get(i));
      divisions.add(divide(modules.get(i), spectra.get(i), entropies));
    }
    return divisions;
  }

  private static double[] entropies(List<Spectrum> spectra) {
    return spectra.stream().mapToDouble(Spectrum::entropy).toArray();
  }

  private static double[] mean(List<List<Spectrum>> spectra) {
    double[] mean = new double[spectra.get(0).size()];
    for (List<Spectrum> module : spectra) {
      for (int task = 0; task < mean.length; task++) {
        mean[task] += module.get(task).entropy() / spectra.size();
      }
    }
    return mean;
  }

  private Division divide(Module module, List<Spectrum> spectra, double[] entropies) {
    int[] caps = spectra.stream().mapToInt(Spectrum::numericalRank).toArray();
    boolean[] absent = absent(caps);
    double[] shares = allocator.shares(entropies, absent);
    int[] ranks =
        given
            .map(plan -> givenRanks(plan, module))
            .orElseGet(() -> allocator.ranks(shares, caps, absent));
    Blocks blocks = new Blocks(ranks, r - Arrays.stream(ranks).sum());
    List<ModulePlan.TaskRank> rows = new ArrayList<>();
    for (int task = 0; task < ranks.length; task++) {
      double own = spectra.get(task).entropy();
      rows.add(
          new ModulePlan.TaskRank(
              tasks.get(task), rounded(own), rounded(shares[task]), ranks[task], caps[task]));
    }
    String why = new Reasons(config.ranks(), r, blocks).sentence(rows, given.isPresent());
    boolean ofTasks = config.start().subspaces() == HasiConfig.Subspaces.TASK;
    return new Division(blocks, rows, why,
        ofTasks ? Optional.of(new Directions.Choice(config, seed, ranks)) : Optional.empty());
  }

  /** Tasks that send nothing through a module; none where all are such, or where a gradient of nothing says that. */
  private boolean[] absent(int[] numericalRanks) {
    boolean[] absent = new boolean[numericalRanks.length];
    boolean some = Arrays.stream(numericalRanks).anyMatch(rank -> rank > 0);
    boolean told = config.preview().statistic() != HasiConfig.Statistic.GRADIENT;
    for (int task = 0; task < absent.length; task++) {
      absent[task] = some && told && numericalRanks[task] == 0;
    }
    return absent;
  }

  /** Factors of a module as host arrays. */
  FactorBuilder.Rows rows(Module module, Division division, Optional<Directions> directions) {
    return new FactorBuilder(config, alpha / r, seed)
        .build(module.name, module.dOut(), module.dIn(), directions, division.blocks);
  }

  /** The plan of a module. */
  ModulePlan plan(Module module, Division division, Optional<Directions> directions) {
    return new ModulePlan(
        module.name, module.dIn(), module.dOut(), division.rows, division.blocks.coopRank(),
        directions.map(d -> rounded(d.overlapBefore())).orElse(List.of()),
        directions.map(d -> rounded(d.overlapAfter())).orElse(List.of()),
        division.why,
        directions.map(Directions::warnings).orElse(List.of()));
  }

  private static int[] givenRanks(RankPlan plan, Module module) {
    ModulePlan given =
        plan.module(module.name)
            .orElseThrow(
                () -> new RankPlanException("plan: module " + module.name
                    + " is missing; analyze again"));
    if (given.dIn() != module.dIn() || given.dOut() != module.dOut()) {
      throw new RankPlanException(
          "plan: module " + module.name + " is " + given.dOut() + " x " + given.dIn()
              + ", the model's is " + module.dOut() + " x " + module.dIn()
              + "; analyze this model");
    }
    return given.blocks().taskRanks();
  }

  private static double rounded(double value) {
    return Math.round(value * 1e6) / 1e6;
  }

  private static List<List<Double>> rounded(List<List<Double>> rows) {
    return rows.stream().map(row -> row.stream().map(Hasi::rounded).toList()).toList();
  }
}
