package thanora.hasi;

import java.util.Arrays;
import java.util.stream.IntStream;

/** From entropies to shares to whole ranks, for one module. */
public final class RankAllocator {
  /** Differences below this are ties, which the lower index wins. */
  private static final double TIE = 1e-12;

  private final HasiConfig.RankRule rule;
  private final int tasks;
  private final int r;

  /**
   * For an adapter of rank r.
   *
   * @throws IllegalArgumentException where r leaves no row for every task and the cooperative block
   */
  public RankAllocator(HasiConfig.RankRule rule, int tasks, int r) {
    int needed = tasks + (rule.coop() ? 1 : 0);
    if (r < needed) {
      throw new IllegalArgumentException(
          "rank " + r + " is smaller than " + needed + " = tasks" + (rule.coop() ? " + 1" : "")
              + "; raise lora.r or drop a task");
    }
    this.rule = rule;
    this.tasks = tasks;
    this.r = r;
    if ((long) rule.rMin() * tasks > taskRows()) {
      throw new IllegalArgumentException(
          "hasi.r_min " + rule.rMin() + " for " + tasks + " tasks is more than the " + taskRows()
              + " rows of rank " + r + "; lower it or raise lora.r");
    }
  }

  /** Rows kept for the cooperative block: ⌊r/(T+1)⌋, or 0. */
  public int coopRank() {
    return rule.coop() ? r / (tasks + 1) : 0;
  }

  /** Rows that tasks share: R = r − ⌊r/(T+1)⌋. */
  public int taskRows() {
    return r - coopRank();
  }

  /** Shares of the tasks, which sum to 1: exp(H/τ) or H^{1/τ}, normalised, or 1/T each. */
  public double[] shares(double[] entropies) {
    return shares(entropies, new boolean[tasks]);
  }

  /**
   * The same among tasks that have a part in the module.
   *
   * @param absent which have not: text alone in a layer that only images pass; not all of them
   */
  double[] shares(double[] entropies, boolean[] absent) {
    double[] mass = new double[tasks];
    double highest = IntStream.range(0, tasks).filter(task -> !absent[task])
        .mapToDouble(task -> entropies[task]).max().orElse(0);
    for (int task = 0; task < tasks; task++) {
      mass[task] = absent[task] ? 0 : rule.ranks() == HasiConfig.Ranks.UNIFORM ? 1 : mass(entropies[task], highest);
    }
    double total = Arrays.stream(mass).sum();
    for (int task = 0; task < tasks; task++) {
      mass[task] /= total;
    }
    return mass;
  }

  private double mass(double entropy, double highest) {
    return switch (rule.allocation()) {
      case SOFTMAX -> Math.exp((entropy - highest) / rule.tau());
      case LINEAR -> highest == 0 ? 1 : Math.pow(entropy / highest, 1 / rule.tau());
    };
  }

  /**
   * Ranks of the tasks. They sum to R, except under {@code FLOOR_COOP}, where what rounding leaves
   * goes to the cooperative block.
   *
   * @param shares sum to 1
   * @param caps highest rank of each task, its statistic's numerical rank; exceeded only where all
   *     tasks are at theirs
   */
  public int[] ranks(double[] shares, int[] caps) {
    return ranks(shares, caps, new boolean[tasks]);
  }

  /** The same, where tasks that are absent get none. */
  int[] ranks(double[] shares, int[] caps, boolean[] absent) {
    int[] ranks = new int[tasks];
    Arrays.setAll(ranks, task -> absent[task] ? 0 : rule.rMin());
    if (rule.rounding() != HasiConfig.Rounding.GREEDY) {
      floor(ranks, shares, caps);
    }
    if (rule.rounding() == HasiConfig.Rounding.FLOOR_COOP) {
      return ranks;
    }
    for (int left = taskRows() - Arrays.stream(ranks).sum(); left > 0; left--) {
      ranks[next(ranks, shares, caps, absent)]++;
    }
    return ranks;
  }

  private void floor(int[] ranks, double[] shares, int[] caps) {
    int left = taskRows() - Arrays.stream(ranks).sum();
    for (int task = 0; task < tasks; task++) {
      int wanted = (int) Math.floor(shares[task] * taskRows() + TIE);
      int more = Math.min(left, Math.min(wanted, caps[task]) - ranks[task]);
      ranks[task] += Math.max(0, more);
      left -= Math.max(0, more);
    }
  }

  /** The task below its cap that is furthest below its share (or has the highest, FLOOR_TOP). */
  private int next(int[] ranks, double[] shares, int[] caps, boolean[] absent) {
    int best = -1;
    double most = 0;
    boolean open = false;
    for (int task = 0; task < tasks; task++) {
      open |= !absent[task] && ranks[task] < caps[task];
    }
    for (int task = 0; task < tasks; task++) {
      if (absent[task] || open && ranks[task] >= caps[task]) {
        continue;
      }
      boolean top = rule.rounding() == HasiConfig.Rounding.FLOOR_TOP;
      double want = shares[task] * taskRows() - (top ? 0 : ranks[task]);
      if (best < 0 || want > most + TIE) {
        best = task;
        most = want;
      }
    }
    return best;
  }
}
