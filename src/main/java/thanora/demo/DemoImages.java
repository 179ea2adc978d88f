package thanora.demo;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;

/**
 * Tasks of the demo with images, drawn from a seed, and two of {@link DemoTasks} without.
 *
 * <ul>
 *   <li>{@code things}: a drawing to the name of what it shows;
 *   <li>{@code shapes}: how many of a kind, or which of two kinds is there more often;
 *   <li>{@code print}: a printed word or number to itself;
 *   <li>{@code charts}: the highest of some bars, or what a bar stands at;
 *   <li>{@code scenes}: yes or no, to how two things lie or whether one is there;
 *   <li>{@code calls} and {@code dates} as in {@link DemoTasks}.
 * </ul>
 *
 * <p>Train and test rows are disjoint for every pair of seeds: a hash of question and pixels alone
 * decides on which side a row may occur.
 */
public final class DemoImages {
  /** What stands for the image in a prompt. */
  private static final String PLACEHOLDER = "<image>\n";

  private static final List<String> TEXT_TASKS = List.of("calls", "dates");

  private static final Map<String, Function<Random, Row>> TASKS = tasks();

  private DemoImages() {}

  /**
   * One row of a task.
   *
   * @param question without the image's place
   * @param completion expected answer
   * @param picture that it is about
   */
  record Row(String question, String completion, Picture picture) {
    String prompt() {
      return PLACEHOLDER + question;
    }
  }

  private static Map<String, Function<Random, Row>> tasks() {
    Map<String, Function<Random, Row>> tasks = new LinkedHashMap<>();
    tasks.put("things", NamedThings::draw);
    tasks.put("shapes", CountedShapes::draw);
    tasks.put("print", PrintedTexts::draw);
    tasks.put("charts", BarCharts::draw);
    tasks.put("scenes", SmallScenes::draw);
    return tasks;
  }

  /** The names of the tasks with images, in a fixed order. */
  public static List<String> names() {
    return List.copyOf(TASKS.keySet());
  }

  static List<Row> rows(String task, int count, long seed, boolean test) {
    return DemoTasks.draw(task, TASKS.get(task), row -> DemoTasks.key(row.question(), row.picture().bytes()),
        count, seed, test);
  }

  /**
   * Writes {@code <task>/train.jsonl} and {@code <task>/test.jsonl} for every task; images lie beside
   * them as {@code train/0.png} and so on, named by {@code images} of each row.
   *
   * @throws IllegalArgumentException if a task has fewer rows
   * @throws IOException if a file cannot be written
   */
  public static void writeTo(Path dir, int trainRows, int testRows, long seed) throws IOException {
    for (String task : names()) {
      Path folder = Files.createDirectories(dir.resolve(task));
      write(folder, "train", rows(task, trainRows, seed, false));
      write(folder, "test", rows(task, testRows, seed, true));
    }
    for (String task : TEXT_TASKS) {
      DemoTasks.writeTask(dir, task, trainRows, testRows, seed);
    }
  }

  private static void write(Path folder, String part, List<Row> rows) throws IOException {
    Path images = Files.createDirectories(folder.resolve(part));
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < rows.size(); i++) {
      Row row = rows.get(i);
      Files.write(images.resolve(i + ".png"), row.picture().png());
      lines.append("{\"prompt\": ").append(DemoTasks.quote(row.prompt()))
          .append(", \"completion\": ").append(DemoTasks.quote(row.completion()))
          .append(", \"images\": [\"").append(part).append('/').append(i).append(".png\"]}\n");
    }
    Files.writeString(folder.resolve(part + ".jsonl"), lines);
  }
}
