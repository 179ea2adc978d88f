package thanora.compare;

import java.util.Comparator;
import java.util.List;
import thanora.compare.ComparisonResult.Method;

/** Rows of a table: their order, and the words that all tables share. */
final class Rows {
  private Rows() {}

  /** The base, then by mean NLL, what diverged last. */
  static List<Method> ordered(ComparisonResult result, Findings findings) {
    return result.methods().stream()
        .sorted(
            Comparator.comparing((Method m) -> !m.isBase())
                .thenComparingDouble(m -> findings.method(m.name()).nll().value()))
        .toList();
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
