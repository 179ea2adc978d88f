package thanora.data;

import java.nio.file.Path;
import java.util.List;

/**
 * Where a task's rows lie and how it is judged.
 *
 * @param name the task's name, not blank
 * @param train files of training rows, at least one
 * @param validation files of validation rows; where empty they are cut from the training rows
 * @param test files of test rows, if there are any
 * @param rules what the fields of a row mean
 * @param metric name of the task's metric
 * @param weight the task's weight where the mixing is by weights, above 0
 */
public record TaskSource(
    String name,
    List<Path> train,
    List<Path> validation,
    List<Path> test,
    RowRules rules,
    String metric,
    double weight) {
  public TaskSource {
    if (name.isBlank()) {
      throw new DataException("a task's name is blank; name every task");
    }
    if (!(weight > 0) || Double.isInfinite(weight)) {
      throw new DataException(
          "task " + name + " has weight " + weight + "; it must be above 0, or leave the task out");
    }
  }
}
