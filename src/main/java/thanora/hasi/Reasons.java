package thanora.hasi;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import thanora.lora.Blocks;

/** Says in a sentence why a module's rows are divided as they are. */
record Reasons(HasiConfig.RankRule rule, int r, Blocks blocks) {
  String sentence(List<ModulePlan.TaskRank> tasks, boolean given) {
    StringBuilder why =
        new StringBuilder(
            blocks.taskRows() + " of " + r + " rows for tasks, " + blocks.coopRank()
            + " for all of them; ");
    if (given) {
      return why.append("ranks as the plan gives them").toString();
    }
    if (rule.ranks() == HasiConfig.Ranks.UNIFORM || tasks.size() == 1) {
      return why.append(tasks.size() == 1 ? "one task gets them all" : "equal ranks").toString();
    }
    Comparator<ModulePlan.TaskRank> byEntropy =
        Comparator.comparingDouble(ModulePlan.TaskRank::share);
    why.append("shares by ").append(formula()).append(": ");
    why.append("highest ").append(part(tasks.stream().max(byEntropy).orElseThrow()));
    why.append(", lowest ").append(part(tasks.stream().min(byEntropy).orElseThrow()));
    List<String> capped = new ArrayList<>();
    for (ModulePlan.TaskRank task : tasks) {
      if (task.rank() >= task.numericalRank()) {
        capped.add(task.task());
      }
    }
    if (!capped.isEmpty()) {
      why.append("; no more directions in ").append(String.join(", ", capped));
    }
    return why.toString();
  }

  private String formula() {
    String tau = Double.isInfinite(rule.tau()) ? "infinity" : trimmed(rule.tau());
    return switch (rule.allocation()) {
      case SOFTMAX -> "softmax(H / " + tau + ")";
      case LINEAR -> "H^(1 / " + tau + ")";
    };
  }

  private static String trimmed(double value) {
    return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
  }

  private static String part(ModulePlan.TaskRank task) {
    return String.format(
        Locale.ROOT, "%s (H %.3f, %.1f %%, rank %d)", task.task(), task.entropy(),
        100 * task.share(),
        task.rank());
  }
}
