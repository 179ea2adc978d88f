package thanora.demo;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Function;
import java.util.function.ToIntFunction;

/**
 * Six small tasks for the demo, generated from a seed.
 *
 * <ul>
 *   <li>{@code numbers}: a number to English words, {@code 4,207} to
 *       {@code four thousand two hundred seven};
 *   <li>{@code sums}: {@code 36+47} to {@code 83};
 *   <li>{@code calls}: a spoken command to a structured call,
 *       {@code light(room=kitchen, level=40)};
 *   <li>{@code dates}: a written date to ISO 8601;
 *   <li>{@code sounds}: an invented word to its sounds by fixed letter-to-sound rules;
 *   <li>{@code order}: words into alphabetical order.
 * </ul>
 *
 * <p>Train and test rows are disjoint for every pair of seeds: a hash of the prompt alone decides
 * on which side a row may occur. The random numbers come from {@link Random}, whose algorithm is
 * specified, so a seed gives the same rows on every machine.
 */
public final class DemoTasks {

  /** One row of a task: the prompt of the user and the answer that is expected. */
  public record Row(String prompt, String completion) {}

  /** One prompt in this many belongs to the test side. */
  private static final int TEST_SHARE = 5;

  /** Draws in a row without a new prompt after which a task counts as exhausted. */
  private static final int FUTILE_DRAWS = 20_000;

  private static final Map<String, Function<Random, Row>> TASKS = tasks();

  private DemoTasks() {}

  private static Map<String, Function<Random, Row>> tasks() {
    Map<String, Function<Random, Row>> tasks = new LinkedHashMap<>();
    tasks.put("numbers", NumberWords::draw);
    tasks.put("sums", Sums::draw);
    tasks.put("calls", SpokenCalls::draw);
    tasks.put("dates", WrittenDates::draw);
    tasks.put("sounds", LetterSounds::draw);
    tasks.put("order", WordOrder::draw);
    return tasks;
  }

  /** The names of the tasks, in a fixed order. */
  public static List<String> names() {
    return List.copyOf(TASKS.keySet());
  }

  /**
   * Training rows with distinct prompts.
   *
   * @throws IllegalArgumentException for an unknown task, or more rows than the task has prompts
   */
  public static List<Row> train(String task, int rows, long seed) {
    return rows(task, rows, seed, false);
  }

  /**
   * Test rows with distinct prompts, none of which any training set contains.
   *
   * @throws IllegalArgumentException for an unknown task, or more rows than the task has prompts
   */
  public static List<Row> test(String task, int rows, long seed) {
    return rows(task, rows, seed, true);
  }

  /**
   * Writes {@code <task>/train.jsonl} and {@code <task>/test.jsonl} for every task, a JSON object
   * with {@code prompt} and {@code completion} on each line, in UTF-8.
   *
   * @throws IllegalArgumentException as {@link #train} and {@link #test}
   * @throws IOException if a file cannot be written
   */
  public static void writeTo(Path dir, int trainRows, int testRows, long seed) throws IOException {
    for (String task : names()) {
      writeTask(dir, task, trainRows, testRows, seed);
    }
  }

  static void writeTask(Path dir, String task, int trainRows, int testRows, long seed) throws IOException {
    Path folder = Files.createDirectories(dir.resolve(task));
    Files.writeString(folder.resolve("train.jsonl"), jsonLines(train(task, trainRows, seed)));
    Files.writeString(folder.resolve("test.jsonl"), jsonLines(test(task, testRows, seed)));
  }

  private static List<Row> rows(String task, int count, long seed, boolean test) {
    Function<Random, Row> draw = TASKS.get(task);
    if (draw == null) {
      throw new IllegalArgumentException(
          "unknown demo task \"" + task + "\"; choose one of " + String.join(", ", names()));
    }
    return draw(task, draw, row -> key(row.prompt(), new byte[0]), count, seed, test);
  }

  /**
   * Rows of one side, each with a key of its own.
   *
   * @param key of a row, which alone decides on its side
   */
  static <R> List<R> draw(
      String task, Function<Random, R> draw, ToIntFunction<R> key, int count, long seed, boolean test) {
    // Tasks must not share a stream: each mixes its name into the seed.
    Random random = new Random(seed * 1_000_003L + key(task, new byte[0]));
    List<R> rows = new ArrayList<>(count);
    Set<Integer> seen = new HashSet<>();
    int futile = 0;
    while (rows.size() < count) {
      R row = draw.apply(random);
      int drawn = key.applyAsInt(row);
      if (isTest(drawn) == test && seen.add(drawn)) {
        rows.add(row);
        futile = 0;
      } else if (++futile == FUTILE_DRAWS) {
        throw new IllegalArgumentException(count + " rows are more than demo task \"" + task
            + "\" has distinct prompts (about " + rows.size() + "); ask for fewer");
      }
    }
    return List.copyOf(rows);
  }

  static boolean isTest(String prompt) {
    return isTest(key(prompt, new byte[0]));
  }

  private static boolean isTest(int key) {
    return Integer.remainderUnsigned(key, TEST_SHARE) == 0;
  }

  /** FNV-1a of the UTF-8 bytes and those after them, with a final mix, for its low bits alone are too regular. */
  static int key(String text, byte[] more) {
    int hash = fnv1a(fnv1a(0x811c9dc5, text.getBytes(StandardCharsets.UTF_8)), more);
    hash ^= hash >>> 16;
    hash *= 0x7feb352d;
    return hash ^ (hash >>> 15);
  }

  private static int fnv1a(int start, byte[] bytes) {
    int hash = start;
    for (byte b : bytes) {
      hash = (hash ^ (b & 0xff)) * 0x01000193;
    }
    return hash;
  }

  private static String jsonLines(List<Row> rows) {
    StringBuilder out = new StringBuilder();
    for (Row row : rows) {
      out.append("{\"prompt\": ").append(quote(row.prompt()))
          .append(", \"completion\": ").append(quote(row.completion())).append("}\n");
    }
    return out.toString();
  }

  /** A JSON string (RFC 8259, section 7). */
  static String quote(String text) {
    StringBuilder out = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c == '"' || c == '\\') {
        out.append('\\').append(c);
      } else if (c < 0x20) {
        out.append(String.format("\\u%04x", (int) c));
      } else {
        out.append(c);
      }
    }
    return out.append('"').toString();
  }

  /** One of the options, each equally likely. */
  static String pick(Random random, String... options) {
    return options[random.nextInt(options.length)];
  }
}
