package thanora;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import thanora.RecipeValues.Range;
import thanora.data.RowFormat;
import thanora.data.RowRules;
import thanora.data.TextPattern;
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
    RowFormat format = format(task);
    if ((task.has("prompt") || task.has("completion"))
        && format != RowFormat.AUTO && format != RowFormat.PROMPT_COMPLETION) {
      task.problem("format", RecipeKeys.word(format) + " does not go with a pattern for prompt or"
          + " completion; leave one out");
    }
    return new Recipe.Task(
        name,
        dataset,
        task.text("config"),
        task.texts("train", List.of(dataset.isPresent() ? "train" : name + "/train.jsonl")),
        task.texts("test", List.of(dataset.isPresent() ? "test" : name + "/test.jsonl")),
        task.texts("validation", List.of()),
        format,
        columns(task),
        pattern(task, "prompt"),
        pattern(task, "completion"),
        pattern(task, "system"),
        task.choice("train_on", Recipe.TrainOn.ALL),
        task.choice("metric", Recipe.Metric.EXACT_MATCH),
        task.number("weight", 1, Range.POSITIVE),
        task.integer("max_train_rows", 0, 0),
        task.integer("max_test_rows", 0, 0),
        task.integer("max_new_tokens", 0, 0),
        task.text("image_dir"));
  }

  /** The same task with another name of its data set. */
  static Recipe.Task withDataset(Recipe.Task task, String other) {
    return new Recipe.Task(task.name(), Optional.of(other), task.config(), task.train(), task.test(),
        task.validation(), task.format(), task.columns(), task.prompt(), task.completion(), task.system(),
        task.trainOn(), task.metric(), task.weight(), task.maxTrainRows(), task.maxTestRows(), task.maxNewTokens(),
        task.imageDir());
  }

  /** A format, by LLaMA-Factory's names as well. */
  private static RowFormat format(RecipeValues task) {
    String word = task.word("format");
    return switch (word) {
      case "alpaca" -> RowFormat.INSTRUCTION;
      case "sharegpt" -> RowFormat.CONVERSATIONS;
      default -> task.choice("format", RowFormat.AUTO);
    };
  }

  private static Map<String, String> columns(RecipeValues task) {
    Map<String, String> columns = new LinkedHashMap<>();
    task.fields("columns").forEach((field, column) -> {
      if (!RowRules.FIELDS.contains(field)) {
        task.problem("columns." + field, "is not a field of a row; there are "
            + String.join(", ", RowRules.FIELDS));
      } else if (!(column instanceof RecipeNode.Scalar scalar) || scalar.text().isEmpty()) {
        task.problem("columns." + field, column.shown() + " is not a column; name one of the files");
      } else {
        columns.put(field, scalar.text());
      }
    });
    return columns;
  }

  private static Optional<String> pattern(RecipeValues task, String key) {
    if (task.isFields(key)) {
      task.problem(key, "is a mapping, since it begins with a brace; put the pattern in quotes");
      return Optional.empty();
    }
    Optional<String> pattern = task.text(key);
    try {
      pattern.ifPresent(TextPattern::new);
    } catch (IllegalArgumentException e) {
      task.problem(key, e.getMessage());
    }
    return pattern;
  }
}
