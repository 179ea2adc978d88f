package thanora.hasi;

import java.util.List;
import thanora.lora.Blocks;

/**
 * What the preview decided for one module, and why.
 *
 * @param name the module's name in the checkpoint, without {@code .weight}
 * @param dIn input width
 * @param dOut output width
 * @param tasks in the plan's order
 * @param coopRank rows that belong to no task
 * @param overlapBefore ‖P_iᵀP_j‖_F² / min(r_i, r_j) of the tasks' leading subspaces (T x T), or
 *     empty where there are none
 * @param overlapAfter the same of the subspaces that are used
 * @param why one readable sentence
 * @param warnings what was made up, in sentences; normally empty
 */
public record ModulePlan(
    String name,
    int dIn,
    int dOut,
    List<TaskRank> tasks,
    int coopRank,
    List<List<Double>> overlapBefore,
    List<List<Double>> overlapAfter,
    String why,
    List<String> warnings) {
  public ModulePlan {
    tasks = List.copyOf(tasks);
    overlapBefore = overlapBefore.stream().map(List::copyOf).toList();
    overlapAfter = overlapAfter.stream().map(List::copyOf).toList();
    warnings = List.copyOf(warnings);
  }

  /**
   * One task's part.
   *
   * @param entropy H of the task's spectrum in this module, 0 to 1
   * @param share of the task rows, before rounding; shares sum to 1
   * @param rank rows
   * @param numericalRank singular values that are not zero to working precision
   */
  public record TaskRank(String task, double entropy, double share, int rank, int numericalRank) {}

  /** The block layout. */
  public Blocks blocks() {
    return new Blocks(tasks.stream().mapToInt(TaskRank::rank).toArray(), coopRank);
  }
}
