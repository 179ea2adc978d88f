package thanora.hasi;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The file {@code plan.json}: how many rows of each module's adapter each task gets, and why. It is
 * made without training, can be edited and given back: ranks count, the rest is explanation.
 *
 * @param method preset or method that made it
 * @param seed of the run
 * @param r rows of every module's adapter
 * @param alpha the adapter's scale is alpha / r
 * @param tau temperature of the shares; may be infinite
 * @param rMin the least rank of a task
 * @param previewRows rows of each task that were looked at, at most
 * @param base fingerprint of the base model
 * @param tasks in the order of blocks
 * @param modules in the order of the model
 */
public record RankPlan(
    String method,
    long seed,
    int r,
    double alpha,
    double tau,
    int rMin,
    int previewRows,
    String base,
    List<String> tasks,
    List<ModulePlan> modules) {

  /**
   * Checks that every module's ranks sum to r.
   *
   * @throws RankPlanException naming the module and the rule
   */
  public RankPlan {
    tasks = List.copyOf(tasks);
    modules = List.copyOf(modules);
    if (tasks.isEmpty() || new HashSet<>(tasks).size() != tasks.size()) {
      throw new RankPlanException("plan: tasks " + tasks + " must be one or more, each named once");
    }
    Set<String> names = new HashSet<>();
    for (ModulePlan module : modules) {
      if (!names.add(module.name())) {
        throw new RankPlanException("plan: module " + module.name() + " appears twice; keep one");
      }
      check(module, tasks, r, rMin);
    }
  }

  private static void check(ModulePlan module, List<String> tasks, int r, int rMin) {
    List<String> own = module.tasks().stream().map(ModulePlan.TaskRank::task).toList();
    if (!own.equals(tasks)) {
      throw new RankPlanException(
          "plan: module " + module.name() + " lists tasks " + own + ", the plan " + tasks
              + "; use the same tasks in the same order");
    }
    int sum = module.coopRank();
    for (ModulePlan.TaskRank task : module.tasks()) {
      int least = task.numericalRank() == 0 ? 0 : rMin; // it sends nothing through the module
      if (task.rank() < least) {
        throw new RankPlanException(
            "plan: module " + module.name() + ": rank " + task.rank() + " of task " + task.task()
                + " is smaller than " + least + "; give every task at least " + least);
      }
      sum += task.rank();
    }
    if (module.coopRank() < 0) {
      throw new RankPlanException(
          "plan: module " + module.name() + ": coop_rank " + module.coopRank()
              + " is negative; use 0 or more");
    }
    if (sum != r) {
      throw new RankPlanException(
          "plan: module " + module.name() + ": ranks and coop_rank sum to " + sum + ", not to r = "
          + r
              + "; change them so that they do");
    }
  }

  /** A module's part, by name. */
  public Optional<ModulePlan> module(String name) {
    return modules.stream().filter(module -> module.name().equals(name)).findFirst();
  }

  /** The file's text; equal plans give equal bytes. */
  public String toJson() {
    return RankPlanJson.write(this);
  }

  /**
   * From the file's text.
   *
   * @throws RankPlanException one line, where it is no plan
   */
  public static RankPlan fromJson(String json) {
    return RankPlanJson.read(json);
  }

  /** Writes the file whole or not at all. */
  public void write(Path file) throws IOException {
    Path part = file.resolveSibling(file.getFileName() + ".part");
    Files.writeString(part, toJson(), StandardCharsets.UTF_8);
    Files.move(part, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
  }

  /** Reads a file. */
  public static RankPlan read(Path file) throws IOException {
    try {
      return fromJson(Files.readString(file, StandardCharsets.UTF_8));
    } catch (CharacterCodingException e) {
      throw new RankPlanException(file + ": not UTF-8 text; write the plan anew with analyze");
    } catch (RankPlanException e) {
      throw new RankPlanException(file + ": " + e.getMessage());
    }
  }
}
