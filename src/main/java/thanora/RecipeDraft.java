package thanora;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import thanora.checkpoint.AtomicFiles;
import thanora.checkpoint.AtomicFolders;
import thanora.data.Row;
import thanora.eval.Metric;
import thanora.tensor.Seeds;

/**
 * A first recipe for the rows of a folder: every choice with a comment that says why, values that fit
 * what was found. Nothing that is there is overwritten.
 */
public final class RecipeDraft {
  /** Rows of a task that the tokenizer measures. */
  private static final int MEASURED_ROWS = 2000;

  private static final int FEW_ANSWERS = 20;
  private static final int LONG_ANSWER = 40;
  private static final int HELD_OUT = 200;
  private static final int MICRO_BATCH_TOKENS = 4096;

  private final Path data;
  private final String model;
  private final Path file;
  private final Consumer<String> notes;
  private final StringBuilder yaml = new StringBuilder();
  private int longest;

  private RecipeDraft(Path data, String model, Path file, Consumer<String> notes) {
    this.data = data;
    this.model = model;
    this.file = file;
    this.notes = notes;
  }

  /**
   * Writes a recipe.
   *
   * @param data folder of rows
   * @param model what its key model says
   * @param file the recipe, which must not be there
   * @param notes gets a line for what was left out or made
   * @return names of the tasks
   * @throws IllegalArgumentException if there is nothing to train on, or something is there already
   */
  public static List<String> write(Path data, String model, Path file, Consumer<String> notes) {
    requireFree(file);
    if (!Files.isDirectory(data)) {
      throw new IllegalArgumentException(data + ": is not a folder; give the folder that holds the tasks' rows");
    }
    RecipeDraft draft = new RecipeDraft(data, model, file, notes);
    List<FoundTask> tasks = FoundTask.in(data, notes);
    if (tasks.isEmpty()) {
      throw new IllegalArgumentException(data + ": holds no file of rows, JSON lines, JSON, CSV or Parquet;"
          + " put TASK/train.jsonl or TASK.csv there");
    }
    try (ModelText files = ModelText.open(model)) {
      draft.write(draft.withTests(tasks), files);
    }
    return tasks.stream().map(FoundTask::name).toList();
  }

  private static void requireFree(Path path) {
    if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      throw new IllegalArgumentException(path + ": exists already; give another --out, or remove it");
    }
    Path parent = path.toAbsolutePath().getParent();
    if (!Files.isDirectory(parent)) {
      throw new IllegalArgumentException(parent + ": is not a folder; make it, or give another --out");
    }
  }

  /** Tasks without rows to judge them by have some of their rows held out, in copies of their files. */
  private List<FoundTask> withTests(List<FoundTask> tasks) {
    if (tasks.stream().allMatch(task -> task.test().isPresent())) {
      return tasks;
    }
    Path folder = file.resolveSibling(file.getFileName().toString().replaceFirst("\\.ya?ml$", "") + "-data");
    requireFree(folder);
    List<FoundTask> split = new ArrayList<>();
    AtomicFolders.publish(folder, target -> {
      for (FoundTask task : tasks) {
        split.add(task.test().isPresent() ? task : split(task, target, folder));
      }
    });
    return split;
  }

  private FoundTask split(FoundTask task, Path target, Path folder) throws IOException {
    if (task.rows().size() < 2) {
      throw new IllegalArgumentException("task " + task.name() + ": one row cannot be both trained and tested on;"
          + " add rows or remove " + task.train());
    }
    if (!task.rows().stream().allMatch(row -> row instanceof Row.Pair && row.images().isEmpty())) {
      throw new IllegalArgumentException("task " + task.name() + ": conversations, texts and images are not split here;"
          + " put test rows beside " + task.train());
    }
    List<Row> rows = new ArrayList<>(task.rows());
    Collections.shuffle(rows, Seeds.stream(0, "init " + task.name()));
    int held = Math.min(HELD_OUT, Math.max(1, rows.size() / 10));
    Path own = Files.createDirectories(target.resolve(task.name()));
    write(own.resolve("train.jsonl"), rows.subList(held, rows.size()));
    write(own.resolve("test.jsonl"), rows.subList(0, held));
    notes.accept("task " + task.name() + ": " + held + " of " + rows.size() + " rows are held out as test rows in "
        + folder.resolve(task.name()));
    Path made = folder.resolve(task.name());
    return task.with(made.resolve("train.jsonl"), rows.subList(held, rows.size()),
        made.resolve("test.jsonl"), rows.subList(0, held));
  }

  private static void write(Path target, List<Row> rows) throws IOException {
    ObjectMapper json = new ObjectMapper();
    List<String> lines = new ArrayList<>();
    for (Row row : rows) {
      Map<String, String> fields = new LinkedHashMap<>();
      fields.put("system", ((Row.Pair) row).system());
      fields.values().removeIf(String::isEmpty);
      fields.put("prompt", row.prompt());
      fields.put("completion", row.completion());
      lines.add(json.writeValueAsString(fields));
    }
    Files.write(target, lines);
  }

  private void write(List<FoundTask> tasks, ModelText files) {
    line("# Written by thanora init. It runs as it is: thanora train " + file);
    line("# What a run takes: thanora plan " + file + ". All keys: docs/recipe.md.");
    line("");
    line("# A Hugging Face folder, a .gguf file, or demo: the small model that is shipped here.");
    line("model: " + quoted(model));
    line("# Files of the tasks are in this folder.");
    line("data: " + quoted(data.toString()));
    line("# One adapter, in which each task has a subspace of its own rank; docs/methods.md lists others.");
    line("method: thanora");
    line("");
    line("tasks:");
    tasks.forEach(this::task);
    line("");
    longest = tasks.stream().mapToInt(task -> longest(task, files)).max().orElse(0);
    lora(tasks.size());
    train(tasks, files.config().hidden(), files.config().maxPositions());
    line("eval:");
    line("  # Test rows a task that scores are made from; 0 = all.");
    line("  max_rows: " + HELD_OUT);
    AtomicFiles.write(file, yaml.toString());
  }

  private void task(FoundTask task) {
    List<String> answers = Stream.concat(task.rows().stream(), task.testRows().stream())
        .map(row -> row.completion().strip()).toList();
    Guess guess = metric(answers);
    line("# " + String.format(Locale.ROOT, "%,d", task.rows().size()) + " training rows, "
        + String.format(Locale.ROOT, "%,d", task.testRows().size()) + " test rows. " + guess.why + ".");
    line("- name: " + quoted(task.name()));
    line("  train: " + quoted(within(task.train())));
    line("  test: " + quoted(within(task.test().orElseThrow())));
    task.validation().ifPresent(rows -> line("  validation: " + quoted(within(rows))));
    line("  metric: " + guess.metric.id());
  }

  /** A metric, and the reason for it. */
  private record Guess(Metric metric, String why) {}

  private static Guess metric(List<String> answers) {
    long distinct = answers.stream().distinct().count();
    double length = answers.stream().mapToInt(String::length).average().orElse(0);
    boolean numbers = answers.stream().allMatch(answer -> Metric.ANSWER.objection(answer).isEmpty());
    boolean lines = answers.stream().allMatch(answer -> answer.lines().count() == 1);
    if (distinct <= FEW_ANSWERS && distinct * 5 <= answers.size() && lines && length <= LONG_ANSWER) {
      return new Guess(Metric.ACCURACY, distinct + " different answers, so labels: accuracy");
    }
    if (numbers) {
      return new Guess(Metric.ANSWER, "Every answer has a number: answer compares the last one");
    }
    return length > LONG_ANSWER
        ? new Guess(Metric.CHRF,
            "Answers are texts of " + Math.round(length) + " characters: chrf compares their letters")
        : new Guess(Metric.EXACT_MATCH, "Answers are short and differ: exact_match");
  }

  private String within(Path path) {
    return data.toAbsolutePath().normalize().relativize(path.toAbsolutePath().normalize()).toString();
  }

  private static int longest(FoundTask task, ModelText files) {
    return Stream.concat(task.rows().stream().limit(MEASURED_ROWS), task.testRows().stream().limit(MEASURED_ROWS))
        .mapToInt(row -> files.rows().encode(row).ids().length).max().orElse(0);
  }

  private void lora(int tasks) {
    int r = Math.max(16, Integer.highestOneBit(Math.max(1, 4 * tasks - 1)) * 2);
    line("lora:");
    line("  # The rank of every layer, shared out between the tasks and what they have in common: at least "
        + (tasks + 1) + " = tasks + 1.");
    line("  r: " + r);
    line("  # The adapter's scale is alpha / r.");
    line("  alpha: " + 2 * r);
    line("  target_modules: all-linear");
    line("");
  }

  private void train(List<FoundTask> tasks, int width, int context) {
    long rows = tasks.stream().mapToLong(task -> task.rows().size()).sum();
    long most = tasks.stream().mapToLong(task -> task.rows().size()).max().orElse(1);
    long least = tasks.stream().mapToLong(task -> task.rows().size()).min().orElse(1);
    int batch = rows < 640 ? 8 : 32;
    int epochs = rows < 5000 ? 3 : 1;
    line("train:");
    line("  # The highest rate, " + (width < 2048 ? "as small models bear it" : "as models of this size bear it")
        + "; thanora compare " + file + " --methods thanora --sweep lr=A,B,C looks for the best.");
    line("  learning_rate: " + (width < 2048 ? "1e-3" : "2e-4"));
    line(String.format(Locale.ROOT, "  # %,d rows, so %,d steps.", rows, (epochs * rows + batch - 1) / batch));
    line("  num_train_epochs: " + epochs);
    line("  # Rows of a step.");
    line("  batch_size: " + batch);
    line("  # A step is computed in parts of so many tokens: it changes memory, not results. thanora plan says how many"
        + " fit.");
    line("  micro_batch_tokens: " + MICRO_BATCH_TOKENS);
    length(context);
    if (most > 5 * least) {
      line(String.format(Locale.ROOT, "  # The largest task has %,d rows, the smallest %,d: small ones are seen more"
          + " often than their share.", most, least));
      line("  mixing: temperature");
    }
    line("");
  }

  private void length(int context) {
    int needed = Math.min(context, Math.max(64, (longest + 63) / 64 * 64));
    line("  # The longest row looked at has " + longest + " tokens; the model takes " + context + ".");
    line("  max_length: " + needed);
    if (longest > context) {
      line("  # Longer rows are left out; truncate would cut the end of their answers off.");
      line("  long_rows: drop");
    } else {
      line("  # A longer row ends the run before it begins; drop would leave it out.");
      line("  long_rows: refuse");
    }
  }

  private void line(String line) {
    yaml.append(line).append('\n');
  }

  /** As YAML takes it: plain where no letter of it means something there. */
  private static String quoted(String text) {
    return text.matches("[\\p{L}\\p{N}_./][\\p{L}\\p{N}_./-]*") ? text
        : text.chars().mapToObj(c -> c == '"' || c == '\\' ? "\\" + (char) c : String.valueOf((char) c))
            .collect(Collectors.joining("", "\"", "\""));
  }
}
