package thanora.compare;

import java.util.List;
import java.util.Optional;
import thanora.page.Estimate;

/**
 * What one method came to.
 *
 * @param name of the method
 * @param nll mean over the tasks of nats a label token
 * @param taskNll by task
 * @param nllDifference to the reference; empty for the reference and the base
 * @param taskNllDifferences by task; empty likewise; p corrected over this method's tasks
 * @param score mean over the scored tasks, unknown where nothing was generated
 * @param taskScore by task, unknown where nothing was generated
 * @param scoreDifference to the reference; empty likewise, or without scores
 * @param taskScoreDifferences by scored task, in the order of {@link Findings#scoredTasks}; empty
 *     likewise; p corrected over this method's tasks
 * @param excess by task: NLL minus that of one LoRA a task; empty where that did not take part
 */
public record MethodFindings(
    String name,
    Estimate nll,
    List<Estimate> taskNll,
    Optional<Difference> nllDifference,
    List<Difference> taskNllDifferences,
    Estimate score,
    List<Estimate> taskScore,
    Optional<Difference> scoreDifference,
    List<Difference> taskScoreDifferences,
    List<Double> excess) {

  /** The task with the largest {@link #excess}; empty without one or where a run diverged. */
  public Optional<Worst> worst(List<ComparisonResult.Task> tasks) {
    if (excess.isEmpty() || excess.stream().anyMatch(x -> Double.isNaN(x))) {
      return Optional.empty();
    }
    int worst = 0;
    for (int t = 1; t < excess.size(); t++) {
      worst = excess.get(t) > excess.get(worst) ? t : worst;
    }
    return Optional.of(new Worst(tasks.get(worst).name(), excess.get(worst)));
  }

  /** A task and how much worse than its own LoRA a method is there, nats a token. */
  public record Worst(String task, double excess) {}
}
