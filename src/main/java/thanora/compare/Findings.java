package thanora.compare;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import thanora.compare.ComparisonResult.Method;
import thanora.page.Estimate;

/**
 * The statistics of a comparison: means, 95 % intervals, differences and what is significant.
 *
 * <p>NLL of a task = Σ row NLL / Σ label tokens, score of a task = mean over rows, both averaged over
 * seeds; the mean gives every task the same weight. Intervals and p from {@link Resamples} and
 * {@link Sample}. {@link Holm} corrects the p of the means over all methods, for NLL and score
 * apart, and the p of single tasks over the tasks of one method. The same result gives the same numbers.
 *
 * @param methods in the result's order
 * @param scoredTasks indices of the tasks whose answers the reference generated; scores are means
 *     over these
 * @param perTask name of the method that trains one LoRA a task, where it took part
 * @param resamples drawn
 */
public record Findings(
    List<MethodFindings> methods,
    List<Integer> scoredTasks,
    Optional<String> perTask,
    int resamples) {

  /** Name of the method that trains one LoRA a task. */
  public static final String PER_TASK = "lora-per-task";

  private static final int RESAMPLES = 2000;

  /** With {@link #PER_TASK} as the measure of interference, if it took part. */
  public static Findings of(ComparisonResult result) {
    return of(result, PER_TASK);
  }

  /**
   * With another method as the measure of interference.
   *
   * @param perTask name of a method that may be absent
   */
  public static Findings of(ComparisonResult result, String perTask) {
    int reference = index(result, result.reference());
    List<Integer> scored =
        IntStream.range(0, result.tasks().size())
            .filter(t -> hasScores(result.methods().get(reference), t))
            .boxed()
            .toList();
    List<Integer> all = IntStream.range(0, result.tasks().size()).boxed().toList();
    Measured nll = Measured.of(result, all, reference, true, RESAMPLES);
    Measured score = Measured.of(result, scored, reference, false, RESAMPLES);
    Optional<Method> single = result.method(perTask);
    List<MethodFindings> methods = new ArrayList<>();
    for (int m = 0; m < result.methods().size(); m++) {
      methods.add(
          new MethodFindings(
              result.methods().get(m).name(),
              nll.means().get(m),
              nll.tasks().get(m),
              nll.differences().get(m),
              nll.taskDifferences().get(m),
              score.means().get(m),
              spread(score.tasks().get(m), scored, all.size()),
              score.differences().get(m),
              score.taskDifferences().get(m),
              single.isEmpty()
                  ? List.of()
                  : excess(nll.tasks().get(m), nll.tasks().get(index(result, perTask)))));
    }
    return new Findings(List.copyOf(methods), scored, single.map(Method::name), RESAMPLES);
  }

  /** What was found of a method. */
  public MethodFindings method(String name) {
    return methods.stream()
        .filter(m -> m.name().equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException(
            "method " + name + " was not compared; name one of "
                + methods.stream().map(MethodFindings::name).toList()));
  }

  /** Whether any answers were generated. */
  public boolean hasScores() {
    return !scoredTasks.isEmpty();
  }

  private static int index(ComparisonResult result, String name) {
    return result.methods().stream().map(Method::name).toList().indexOf(name);
  }

  private static boolean hasScores(Method method, int task) {
    return method.runs().stream().allMatch(run -> run.score(task).length > 0);
  }

  private static List<Estimate> spread(List<Estimate> scores, List<Integer> scored, int tasks) {
    List<Estimate> all = new ArrayList<>(Collections.nCopies(tasks, Estimate.NONE));
    for (int i = 0; i < scores.size(); i++) {
      all.set(scored.get(i), scores.get(i));
    }
    return List.copyOf(all);
  }

  private static List<Double> excess(List<Estimate> method, List<Estimate> single) {
    return IntStream.range(0, method.size())
        .mapToObj(t -> method.get(t).value() - single.get(t).value())
        .toList();
  }
}
