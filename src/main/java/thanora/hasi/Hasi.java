package thanora.hasi;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.lora.Blocks;
import thanora.lora.Factors;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

/**
 * The initialisation, one decoder layer at a time: spectra, entropies, shares, ranks, subspaces,
 * factors. Layers go in one by one, so that only one layer's moments need to live; all modules of a
 * layer go together, since entropies may be averaged over them.
 */
public final class Hasi {
  private final HasiConfig config;
  private final List<String> tasks;
  private final int r;
  private final double alpha;
  private final long seed;
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
    this.config = config;
    this.tasks = List.copyOf(tasks);
    this.r = r;
    this.alpha = alpha;
    this.seed = seed;
    this.allocator = new RankAllocator(config.ranks(), tasks.size(), r);
  }

  /**
   * A module to adapt.
   *
   * @param name in the checkpoint, without {@code .weight}
   * @param w W (d_out, d_in) of the untouched base, any float type
   * @param moments of its input, one a task; may be shared between modules
   */
  public record Module(String name, Tensor w, List<Moments> moments) {}

  /** A module's plan and start; the factors belong to the caller's scope. */
  public record Result(ModulePlan plan, Factors factors) {}

  /** Plans and factors of a layer's modules, by the entropies. */
  public List<Result> layer(List<Module> modules) {
    return layer(modules, Optional.empty());
  }

  /** Plans and factors of a layer's modules, with the ranks of an earlier or edited plan. */
  public List<Result> layer(List<Module> modules, RankPlan given) {
    if (!given.tasks().equals(tasks) || given.r() != r) {
      throw new RankPlanException(
          "plan: made for r = " + given.r() + " and tasks " + given.tasks() + ", the run has r = "
          + r
              + " and tasks " + tasks + "; analyze again");
    }
    return layer(modules, Optional.of(given));
  }

  /** The plan of a whole model from its modules' plans. */
  public RankPlan plan(String method, String base, List<ModulePlan> modules) {
    return new RankPlan(
        method, seed, r, alpha, config.ranks().tau(), config.ranks().rMin(),
        config.preview().rows(),
        base, tasks, modules);
  }

  private List<Result> layer(List<Module> modules, Optional<RankPlan> given) {
    List<List<Spectrum>> spectra = new ArrayList<>();
    for (Module module : modules) {
      spectra.add(spectra(module));
    }
    List<Result> results = new ArrayList<>();
    for (int i = 0; i < modules.size(); i++) {
      double[] entropies =
          config.ranks().granularity() == HasiConfig.Granularity.LAYER
              ? mean(spectra)
              : entropies(spectra.get(i));
      results.add(start(modules.get(i), spectra.get(i), entropies, given));
    }
    return results;
  }

  private List<Spectrum> spectra(Module module) {
    if (module.moments.size() != tasks.size()) {
      throw new IllegalArgumentException(
          module.name + ": moments of " + module.moments.size() + " tasks do not fit "
          + tasks.size());
    }
    int looked = config.start().deflationVectors();
    int top = looked == 0 && config.start().deflation() ? Integer.MAX_VALUE : Math.max(looked, r);
    try (TensorScope scope = TensorScope.open();
        NoGrad off = NoGrad.open()) {
      List<Tensor> normalised = new ArrayList<>();
      for (Moments moments : module.moments) {
        normalised.add(moments.normalised(config.preview().damping()));
      }
      return Spectrum.of(exact(module.w), normalised, config.preview(), top);
    }
  }

  private static Tensor exact(Tensor w) {
    return Tensors.to(w.detach(), new Placement(Tensors.device(w), DType.F64));
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

  private Result start(
      Module module, List<Spectrum> spectra, double[] entropies, Optional<RankPlan> given) {
    double[] shares = allocator.shares(entropies);
    int[] caps = spectra.stream().mapToInt(Spectrum::numericalRank).toArray();
    int[] ranks =
        given
            .map(plan -> givenRanks(plan, module))
            .orElseGet(() -> allocator.ranks(shares, caps));
    Blocks blocks = new Blocks(ranks, r - Arrays.stream(ranks).sum());
    List<ModulePlan.TaskRank> rows = new ArrayList<>();
    for (int task = 0; task < ranks.length; task++) {
      double own = spectra.get(task).entropy();
      rows.add(
          new ModulePlan.TaskRank(
              tasks.get(task), rounded(own), rounded(shares[task]), ranks[task], caps[task]));
    }
    String why = new Reasons(config.ranks(), r, blocks).sentence(rows, given.isPresent());
    Started started = Threads.onOne(() -> subspaces(module, spectra, rows, blocks, why));
    return new Result(started.plan, started.rows.tensors());
  }

  /** What leaves the scope of the linear algebra. */
  private record Started(ModulePlan plan, FactorBuilder.Rows rows) {}

  private Started subspaces(
      Module module,
      List<Spectrum> spectra,
      List<ModulePlan.TaskRank> ranks,
      Blocks blocks,
      String why) {
    try (TensorScope scope = TensorScope.open();
        NoGrad off = NoGrad.open()) {
      TaskSubspaces finder = new TaskSubspaces(config.start(), module.name, seed, tasks);
      List<List<Double>> before = List.of();
      List<List<Double>> after = List.of();
      List<TaskSubspaces.Basis> bases = List.of();
      if (config.start().subspaces() == HasiConfig.Subspaces.TASK) {
        boolean deflation = config.start().deflation();
        TaskSubspaces literal =
            deflation ? new TaskSubspaces(config.start(), module.name, seed, tasks) : finder;
        List<TaskSubspaces.Basis> leading = literal.literal(spectra, blocks.taskRanks());
        bases = deflation ? finder.deflated(spectra, blocks.taskRanks()) : leading;
        before = rounded(TaskSubspaces.overlap(leading));
        after = deflation ? rounded(TaskSubspaces.overlap(bases)) : before;
      }
      FactorBuilder builder = new FactorBuilder(config, alpha / r, seed);
      FactorBuilder.Rows rows = builder.build(module.name, exact(module.w), bases, blocks);
      ModulePlan plan =
          new ModulePlan(
              module.name, rows.dIn(), rows.dOut(), ranks, blocks.coopRank(), before, after, why,
              finder.warnings());
      return new Started(plan, rows);
    }
  }

  private static int[] givenRanks(RankPlan plan, Module module) {
    ModulePlan given =
        plan.module(module.name)
            .orElseThrow(
                () -> new RankPlanException("plan: module " + module.name
                    + " is missing; analyze again"));
    if (given.dIn() != module.w.size(1) || given.dOut() != module.w.size(0)) {
      throw new RankPlanException(
          "plan: module " + module.name + " is " + given.dOut() + " x " + given.dIn()
              + ", the model's is " + module.w.size(0) + " x " + module.w.size(1)
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
