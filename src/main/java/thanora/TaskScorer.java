package thanora;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import thanora.data.Sample;
import thanora.data.Split;
import thanora.data.TaskData;
import thanora.data.TaskSet;
import thanora.eval.Evaluator;
import thanora.eval.Metric;
import thanora.eval.ScoredTask;
import thanora.eval.TaskScore;

/** Scores all tasks of a recipe with the model as it stands. */
final class TaskScorer {
  private final Recipe recipe;
  private final TaskSet tasks;
  private final Evaluator evaluator;

  TaskScorer(Recipe recipe, LoadedModel model, TaskSet tasks) {
    this.recipe = recipe;
    this.tasks = tasks;
    this.evaluator = new Evaluator(
        model.decoder(), model.generator(), model::decode, recipe.eval().batchSize(), 1);
  }

  /** Every task on its test rows. */
  Map<String, TaskScore> score(String stage, RunListener listener) {
    return ScoredTask.totals(rows(stage, listener));
  }

  /** Every task's test rows, one by one. */
  Map<String, ScoredTask> rows(String stage, RunListener listener) {
    int passes = recipe.eval().generate() ? 2 : 1; // likelihood, and answers
    int total = passes * tasks.tasks().stream().mapToInt(task -> task.test().size()).sum();
    listener.stage(("scores " + stage).strip(), total);
    Map<String, ScoredTask> scores = new LinkedHashMap<>();
    int done = 0;
    for (TaskData task : tasks.tasks()) {
      int from = done;
      scores.put(task.name(), evaluator.score(
          task.test(), Metric.parse(task.metric()), tasks.tasks().size(), recipe.eval().generate(),
          maxNewTokens(task), answered -> listener.advanced(from + answered)));
      done += passes * task.test().size();
      listener.advanced(done);
    }
    return scores;
  }

  /** Mean −log p of each task's validation rows; its test rows where it has none. */
  double[] validationNll() {
    return tasks.tasks().stream().mapToDouble(task -> {
      Split split = task.validation().size() > 0 ? task.validation() : task.test();
      return evaluator.nll(split.samples(), tasks.tasks().size())[0];
    }).toArray();
  }

  /** Answers to prompts of a task. */
  List<String> answers(TaskData task, List<Sample> rows) {
    return evaluator.answers(rows, maxNewTokens(task), done -> {}).get(0);
  }

  int maxNewTokens(TaskData task) {
    return maxNewTokens(recipe, task);
  }

  /** Most tokens of an answer to a task. */
  static int maxNewTokens(Recipe recipe, TaskData task) {
    int own = recipe.tasks().stream()
        .filter(t -> t.name().equals(task.name())).mapToInt(Recipe.Task::maxNewTokens).sum();
    if (own > 0 || recipe.eval().maxNewTokens() > 0) {
      return own > 0 ? own : recipe.eval().maxNewTokens();
    }
    return task.train().samples().stream().mapToInt(Sample::labels).max().orElse(1);
  }
}
