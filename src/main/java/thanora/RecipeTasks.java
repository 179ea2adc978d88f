package thanora;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import thanora.RecipeValues.Range;
import thanora.hub.HubException;
import thanora.hub.Repo;

/** The tasks of a recipe. */
final class RecipeTasks {
  private final List<String> problems;
  private final Set<String> names = new HashSet<>();

  private RecipeTasks(List<String> problems) {
    this.problems = problems;
  }

  /**
   * The tasks that a recipe lists; empty if it lists none.
   *
   * @param node value of the key tasks, or null
   * @param problems gets a line for each mistake
   */
  static List<Recipe.Task> read(RecipeNode node, List<String> problems) {
    if (!(node instanceof RecipeNode.Items items) || items.values().isEmpty()) {
      String given = node == null ? "is " : node.shown() + " is ";
      problems.add("tasks: " + given + "not a list of one task or more; give each a name");
      return List.of();
    }
    RecipeTasks reader = new RecipeTasks(problems);
    List<Recipe.Task> tasks = new ArrayList<>();
    for (int i = 0; i < items.values().size(); i++) {
      RecipeNode item = items.values().get(i);
      if (item instanceof RecipeNode.Fields fields) {
        tasks.add(reader.task(i, fields));
      } else {
        problems.add("tasks." + i + ": " + item.shown() + " is not a task; give name: and files");
      }
    }
    return tasks;
  }

  /** The names of those that are tasks. */
  static List<String> names(List<RecipeNode> tasks) {
    return tasks.stream()
        .filter(RecipeNode.Fields.class::isInstance)
        .map(task -> nameOf((RecipeNode.Fields) task))
        .toList();
  }

  static String nameOf(RecipeNode.Fields task) {
    return task.values().containsKey("name") ? task.values().get("name").shown() : "";
  }

  private Recipe.Task task(int index, RecipeNode.Fields fields) {
    RecipeValues task = new RecipeValues("tasks." + index + ".", fields.values(), problems);
    List<String> known = RecipeKeys.of(Recipe.Task.class);
    for (String key : fields.values().keySet()) {
      if (!known.contains(key)) {
        String near = RecipeKeys.nearest(key, known).map(k -> "did you mean " + k + "?")
            .orElse("a task has " + String.join(", ", known));
        task.problem(key, "unknown key; " + near);
      }
    }
    String name = task.text("name", "");
    if (!task.has("name")) {
      task.problem("name", "is missing; give the task a name");
    } else if (!name.matches("[\\p{L}\\p{N}_-]+")) {
      task.problem("name", name + " is not letters, digits, _ and - alone; rename the task");
    } else if (!names.add(name)) {
      task.problem("name", name + " is the name of another task; rename one");
    }
    Optional<String> dataset = task.text("dataset");
    try {
      dataset.ifPresent(Repo::dataset);
    } catch (HubException e) {
      task.problem("dataset", e.getMessage());
    }
    if (task.has("config") && dataset.isEmpty()) {
      task.problem("config", "is of a data set on the hub; give its name as dataset, or leave it out");
    }
    return new Recipe.Task(
        name,
        dataset,
        task.text("config"),
        task.text("train", dataset.isPresent() ? "train" : name + "/train.jsonl"),
        task.text("test", dataset.isPresent() ? "test" : name + "/test.jsonl"),
        task.text("validation"),
        task.choice("metric", Recipe.Metric.EXACT_MATCH),
        task.number("weight", 1, Range.POSITIVE),
        task.integer("max_train_rows", 0, 0),
        task.integer("max_test_rows", 0, 0),
        task.integer("max_new_tokens", 0, 0));
  }
}
