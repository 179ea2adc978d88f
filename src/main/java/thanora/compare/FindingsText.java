package thanora.compare;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;
import thanora.compare.ComparisonResult.Method;
import thanora.compare.ComparisonResult.Task;
import thanora.page.Figures;

/** The findings in words. What is not significant is never called a difference. */
final class FindingsText {
  private final ComparisonResult result;
  private final Findings findings;
  private final String reference;
  private final List<Method> rivals;

  private FindingsText(ComparisonResult result, Findings findings) {
    this.result = result;
    this.findings = findings;
    reference = result.reference();
    rivals =
        Rows.ordered(result, findings).stream()
            .filter(m -> !m.isBase() && !m.name().equals(reference))
            .toList();
  }

  /** What the mean NLL says: the one thing to know. */
  static String headline(ComparisonResult result, Findings findings) {
    return String.join(" ", new FindingsText(result, findings).meanNll());
  }

  /** Everything after the headline; may be empty. */
  static List<String> details(ComparisonResult result, Findings findings) {
    FindingsText text = new FindingsText(result, findings);
    List<String> sentences = new ArrayList<>();
    text.meanScore(sentences);
    text.singleTasks(sentences);
    text.interference(sentences);
    text.merging(sentences);
    text.factors(sentences);
    text.caveats(sentences);
    return sentences;
  }

  private List<String> meanNll() {
    List<String> sentences = new ArrayList<>();
    Function<Method, Difference> difference =
        m -> findings.method(m.name()).nllDifference().orElseThrow();
    List<Method> better = where(m -> difference.apply(m).isLower());
    List<Method> worse = where(m -> difference.apply(m).isHigher());
    List<Method> same =
        where(m -> difference.apply(m).estimate().isKnown()
            && !difference.apply(m).isSignificant());
    if (!better.isEmpty()) {
      sentences.add(
          String.format(
              "%s %s better than %s, by %s nats a token.",
              names(better), be(better), reference, amounts(better, difference)));
    }
    if (!worse.isEmpty()) {
      sentences.add(
          String.format(
              "%s %s worse than %s, by %s.",
              names(worse), be(worse), reference, amounts(worse, difference)));
    }
    if (same.size() == 1) {
      sentences.add(names(same) + " and " + reference + " cannot be told apart.");
    } else if (!same.isEmpty()) {
      sentences.add(names(same) + " cannot be told apart from " + reference + ".");
    }
    if (!sentences.isEmpty()) {
      return sentences;
    }
    return List.of(
        findings.method(reference).nll().isKnown()
            ? "There is nothing to compare with " + reference + "."
            : "A run of " + reference + " diverged: nothing can be compared with it.");
  }

  private void meanScore(List<String> sentences) {
    List<Method> scored =
        where(m -> findings.method(m.name()).scoreDifference()
            .map(d -> d.estimate().isKnown()).orElse(false));
    if (scored.isEmpty()) {
      return;
    }
    Function<Method, Difference> difference =
        m -> findings.method(m.name()).scoreDifference().orElseThrow();
    List<String> parts = new ArrayList<>();
    List<Method> higher = scored.stream().filter(m -> difference.apply(m).isHigher()).toList();
    List<Method> lower = scored.stream().filter(m -> difference.apply(m).isLower()).toList();
    if (!higher.isEmpty()) {
      parts.add(
          names(higher) + " " + be(higher) + " above " + reference + " by "
              + amounts(higher, difference));
    }
    if (!lower.isEmpty()) {
      parts.add(
          names(lower) + " " + be(lower) + " below " + (higher.isEmpty() ? reference : "it")
              + " by " + amounts(lower, difference));
    }
    if (parts.isEmpty()) {
      sentences.add(
          scored.size() == 1
              ? "On mean score " + names(scored) + " and " + reference + " cannot be told apart."
              : "On mean score no method can be told apart from " + reference + ".");
      return;
    }
    boolean others = higher.size() + lower.size() < scored.size();
    sentences.add(
        "On mean score " + Figures.list(parts)
            + (others ? "; the others cannot be told apart from it." : "."));
  }

  private void singleTasks(List<String> sentences) {
    Map<String, List<Method>> alike = new LinkedHashMap<>();
    int tasks = result.tasks().size();
    for (Method method : rivals) {
      List<Difference> differences = findings.method(method.name()).taskNllDifferences();
      long wins = differences.stream().filter(Difference::isLower).count();
      long losses = differences.stream().filter(Difference::isHigher).count();
      if (wins + losses > 0 && tasks > 1) {
        String counts =
            (wins > 0 ? "# on " + wins + " of " + tasks : "")
                + (wins > 0 && losses > 0 ? " and " : "")
                + (losses > 0 ? "% on " + losses + " of " + tasks : "");
        alike.computeIfAbsent(counts, key -> new ArrayList<>()).add(method);
      }
    }
    List<String> parts = new ArrayList<>();
    alike.forEach((counts, methods) -> {
      boolean one = methods.size() == 1;
      parts.add(
          names(methods) + " "
              + counts.replace("#", one ? "wins" : "win").replace("%", one ? "loses" : "lose"));
    });
    if (!parts.isEmpty()) {
      sentences.add(
          "Task by task, against " + reference + ": " + String.join("; ", parts) + ".");
    }
  }

  private void interference(List<String> sentences) {
    if (findings.perTask().isEmpty()) {
      return;
    }
    List<String> parts = new ArrayList<>();
    List<Method> shown = new ArrayList<>();
    result.method(reference).ifPresent(shown::add);
    rivals.stream()
        .filter(m -> m.merges() && !m.name().equals(findings.perTask().get()))
        .findFirst()
        .ifPresent(shown::add);
    for (Method method : shown) {
      findings.method(method.name()).worst(result.tasks()).ifPresent(worst ->
          parts.add(
              method.name() + " has its worst task in " + worst.task() + " ("
                  + Figures.signed(worst.excess()) + " nats a token)"));
    }
    if (!parts.isEmpty()) {
      sentences.add(
          "Measured against one LoRA for each task, " + Figures.list(parts) + ".");
    }
  }

  private void merging(List<String> sentences) {
    List<Method> told = where(Method::needsTaskId);
    List<Method> routed = where(m -> !m.merges() && !m.needsTaskId());
    if (!told.isEmpty()) {
      sentences.add(
          names(told) + (told.size() == 1 ? " needs" : " need") + " to be told the task of a row.");
    }
    if (!routed.isEmpty()) {
      sentences.add(
          names(routed) + (routed.size() == 1 ? " keeps" : " keep")
              + " a router and cannot be merged into the weights.");
    }
  }

  /** The factors of merged changes, seed by seed. */
  private void factors(List<String> sentences) {
    List<String> parts = new ArrayList<>();
    for (Method method : where(m -> m.runs().stream().anyMatch(run -> !Double.isNaN(run.mergeFactor())))) {
      parts.add(method.name() + " "
          + Figures.list(method.runs().stream().map(run -> Figures.plain(run.mergeFactor())).toList()));
    }
    if (!parts.isEmpty()) {
      sentences.add("Merged changes are added with the factor that is best on the validation rows"
          + (result.seeds().size() > 1 ? ", seed by seed" : "") + ": " + String.join("; ", parts) + ".");
    }
  }

  private void caveats(List<String> sentences) {
    List<Method> diverged = where(m -> !findings.method(m.name()).nll().isKnown());
    if (!diverged.isEmpty()) {
      sentences.add("A run of " + names(diverged) + " diverged.");
    }
    List<Method> edge =
        result.methods().stream().filter(Method::isAtEdgeOfSweep).toList();
    if (!edge.isEmpty()) {
      sentences.add(
          "The best rate of " + names(edge)
              + " is at the edge of the sweep: widen the sweep before judging "
              + (edge.size() == 1 ? "it." : "them."));
    }
    int seeds = result.seeds().size();
    if (seeds == 1) {
      sentences.add(
          "With one seed the intervals know the spread over test rows only: another seed may turn"
              + " the order around.");
    } else if (seeds == 2) {
      sentences.add("Two seeds say little about the spread between seeds; intervals are wide.");
    }
  }

  private List<Method> where(Predicate<Method> condition) {
    return rivals.stream().filter(condition).toList();
  }

  private static String names(List<Method> methods) {
    return Figures.list(methods.stream().map(Method::name).toList());
  }

  private static String be(List<Method> methods) {
    return methods.size() == 1 ? "is" : "are";
  }

  private static String amounts(List<Method> methods, Function<Method, Difference> difference) {
    List<String> amounts =
        methods.stream()
            .map(m -> Figures.number(Math.abs(difference.apply(m).estimate().value())))
            .toList();
    return methods.size() <= 3
        ? Figures.list(amounts)
        : amounts.stream().min(String::compareTo).orElseThrow() + " to "
            + amounts.stream().max(String::compareTo).orElseThrow();
  }

  /** What intervals, marks and p mean, for the foot of a table. */
  static String method(ComparisonResult result, Findings findings) {
    boolean one = result.seeds().size() == 1;
    int rows = result.tasks().stream().mapToInt(Task::rows).sum();
    long compared = findings.methods().stream().filter(m -> m.nllDifference().isPresent()).count();
    return String.format(
        "NLL is in nats a label token, lower is better; means give every task the same weight."
            + " Brackets are 95 %% intervals of a bootstrap over %s (%s resamples, %s rows in"
            + " all), paired between methods%s. A difference counts as significant where p%s is"
            + " below 0.05.",
        one ? "test rows" : "seeds and test rows",
        Figures.count(findings.resamples()),
        Figures.count(rows),
        one
            ? "; one seed, so the spread between seeds is not in them"
            : ", and widened by Student's t for the few seeds",
        compared > 1
            ? ", after Holm's correction over the " + compared + " methods compared,"
            : "");
  }
}
