package thanora.data;

import java.util.List;

/** The tasks of a run in their order, and what was found in reading them. */
public record TaskSet(List<TaskData> tasks, DataReport report) {
  public TaskSet {
    tasks = List.copyOf(tasks);
  }

  /** How many training rows each task has. */
  public int[] trainSizes() {
    return tasks.stream().mapToInt(task -> task.train().size()).toArray();
  }

  /** The names of the tasks. */
  public List<String> names() {
    return tasks.stream().map(TaskData::name).toList();
  }

  /** The weights of the tasks, for {@link Mixing.Weights}. */
  public List<Double> weights() {
    return tasks.stream().map(TaskData::weight).toList();
  }
}
