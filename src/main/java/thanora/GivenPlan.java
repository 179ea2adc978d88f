package thanora;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import thanora.hasi.RankPlan;
import thanora.hasi.RankPlanException;

/** Plans read from files, and whether one fits the run it is given to, before any work is done. */
final class GivenPlan {
  private GivenPlan() {}

  /** Reads a plan, whatever it was made for. */
  static RankPlan read(Path file) {
    try {
      return RankPlan.read(file);
    } catch (IOException e) {
      throw new UncheckedIOException(file + " cannot be read", e);
    }
  }

  /**
   * Reads a plan for a run.
   *
   * @param base fingerprint of the run's model
   * @param tasks names of its tasks
   * @param modules its adapted layers
   * @throws RankPlanException naming the file and what it was made for
   */
  static RankPlan read(Path file, String base, int r, List<String> tasks, List<String> modules) {
    RankPlan plan = read(file);
    if (!plan.base().equals(base)) {
      throw misfit(file, "model " + start(plan.base()), start(base));
    }
    if (plan.r() != r) {
      throw misfit(file, "lora.r " + plan.r(), "" + r);
    }
    if (!plan.tasks().equals(tasks)) {
      throw misfit(file, "tasks " + plan.tasks(), "" + tasks);
    }
    for (String module : modules) {
      if (plan.module(module).isEmpty()) {
        throw new RankPlanException(
            file + ": has no ranks for " + module + "; add them or make the plan anew with analyze");
      }
    }
    return plan;
  }

  private static RankPlanException misfit(Path file, String made, String run) {
    return new RankPlanException(
        file + ": was made for " + made + ", the run has " + run + "; make it anew with analyze");
  }

  private static String start(String fingerprint) {
    return fingerprint.substring(0, Math.min(12, fingerprint.length()));
  }
}
