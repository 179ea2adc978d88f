package thanora.compare;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import thanora.compare.ComparisonResult.Method;
import thanora.page.Figures;

/** Rows of a table: their order, and the words that all tables share. */
final class Rows {
  /** How far numbers of trainable parameters may be apart and count as equal. */
  private static final double EQUAL = 0.03;

  private Rows() {}

  /** The base, then by mean NLL, what diverged last. */
  static List<Method> ordered(ComparisonResult result, Findings findings) {
    return result.methods().stream()
        .sorted(
            Comparator.comparing((Method m) -> !m.isBase())
                .thenComparingDouble(m -> findings.method(m.name()).nll().value()))
        .toList();
  }

  /** Whether a method trains noticeably more or fewer numbers than the reference. */
  static boolean isOffBudget(ComparisonResult result, Method method) {
    long budget = budget(result);
    return !method.isBase() && budget > 0 && Math.abs(method.parameters() - budget) > EQUAL * budget;
  }

  /** The methods that {@link #isOffBudget} and by how much, for the foot of a table. */
  static Optional<String> offBudget(ComparisonResult result, Findings findings) {
    long budget = budget(result);
    List<String> off =
        ordered(result, findings).stream()
            .filter(m -> isOffBudget(result, m))
            .map(m -> String.format(
                Locale.ROOT, "%s %+.1f %%", m.name(), 100.0 * (m.parameters() - budget) / budget))
            .toList();
    return off.isEmpty()
        ? Optional.empty()
        : Optional.of(String.format(
            Locale.ROOT, "More than %.0f %% off the trainable parameters of %s: %s.",
            100 * EQUAL, result.reference(), String.join(", ", off)));
  }

  private static long budget(ComparisonResult result) {
    return result.method(result.reference()).orElseThrow().parameters();
  }

  /** Whether a method becomes one adapter, and if not, why. */
  static String merges(Method method) {
    if (method.isBase()) {
      return "";
    }
    if (method.merges()) {
      return "yes";
    }
    return method.needsTaskId() ? "no, needs the task" : "no, router";
  }

  /** The learning rate with a star where the sweep should be wider. */
  static String rate(Method method) {
    if (method.isBase()) {
      return "";
    }
    return Figures.rate(method.learningRate()) + (method.isAtEdgeOfSweep() ? "*" : "");
  }

  /** Whether any rate has a star. */
  static boolean hasEdge(ComparisonResult result) {
    return result.methods().stream().anyMatch(Method::isAtEdgeOfSweep);
  }
}
