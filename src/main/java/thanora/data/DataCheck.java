package thanora.data;

import java.text.Normalizer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * What is odd about the rows of several tasks taken together. Two texts are alike where they differ
 * in case and blanks alone; two prompts ask about the same images besides.
 *
 * @param repeated rows by split that are like an earlier row of it, prompt and completion; more than
 *     0
 * @param overlaps prompts that two splits share
 * @param collisions prompts that one split answers in several ways
 */
public record DataCheck(
    Map<String, Integer> repeated, List<Overlap> overlaps, List<Collision> collisions) {

  /**
   * Prompts of one split that are in another one too.
   *
   * @param split task and name of the split, such as {@code words test}
   * @param other task and name of the other one, such as {@code words train}
   * @param exact rows of the split whose very prompt is in the other
   * @param alike rows of the split with a prompt that is alike, the exact ones among them
   * @param example one of these prompts
   */
  public record Overlap(String split, String other, int exact, int alike, String example) {}

  /**
   * Prompts with several completions.
   *
   * @param prompts how many there are
   * @param example one of them
   * @param completions its completions
   */
  public record Collision(String split, int prompts, String example, List<String> completions) {}

  /** Looks at every split of the tasks, and at every two. */
  public static DataCheck of(TaskSet tasks) {
    Map<String, Split> splits = new LinkedHashMap<>();
    for (TaskData task : tasks.tasks()) {
      splits.put(task.name() + " train", task.train());
      splits.put(task.name() + " validation", task.validation());
      splits.put(task.name() + " test", task.test());
    }
    splits.values().removeIf(split -> split.size() == 0);
    Map<String, Integer> repeated = new LinkedHashMap<>();
    List<Collision> collisions = new ArrayList<>();
    splits.forEach((name, split) -> {
      repeated(split, name, repeated);
      collisions(split, name, collisions);
    });
    return new DataCheck(repeated, overlaps(splits), collisions);
  }

  private static void repeated(Split split, String name, Map<String, Integer> into) {
    Set<List<Object>> distinct = new HashSet<>();
    split.rows().forEach(row -> distinct.add(List.of(alike(row), alike(row.completion()))));
    if (distinct.size() < split.size()) {
      into.put(name, split.size() - distinct.size());
    }
  }

  private static void collisions(Split split, String name, List<Collision> into) {
    Map<Row.Asked, Set<String>> answers = new LinkedHashMap<>();
    for (Row row : split.rows()) {
      answers.computeIfAbsent(row.asked(), asked -> new TreeSet<>()).add(row.completion().strip());
    }
    answers.values().removeIf(set -> set.size() == 1);
    answers.entrySet().stream().findFirst().ifPresent(first -> into.add(new Collision(
        name, answers.size(), first.getKey().prompt(), List.copyOf(first.getValue()))));
  }

  private static List<Overlap> overlaps(Map<String, Split> splits) {
    Map<String, Set<Row.Asked>> exact = new HashMap<>();
    Map<String, Set<Row.Asked>> alike = new HashMap<>();
    splits.forEach((name, split) -> {
      exact.put(name, new HashSet<>());
      alike.put(name, new HashSet<>());
      for (Row row : split.rows()) {
        exact.get(name).add(row.asked());
        alike.get(name).add(alike(row));
      }
    });
    List<Overlap> overlaps = new ArrayList<>();
    List<String> before = new ArrayList<>();
    splits.forEach((name, split) -> {
      for (String other : before) {
        List<Row> shared = split.rows().stream()
            .filter(row -> alike.get(other).contains(alike(row))).toList();
        if (!shared.isEmpty()) {
          int same = (int) shared.stream()
              .filter(row -> exact.get(other).contains(row.asked())).count();
          overlaps.add(new Overlap(name, other, same, shared.size(), shared.get(0).prompt()));
        }
      }
      before.add(name);
    });
    return overlaps;
  }

  private static Row.Asked alike(Row row) {
    return new Row.Asked(alike(row.prompt()), row.images());
  }

  private static String alike(String text) {
    return Normalizer.normalize(text, Normalizer.Form.NFKC).toLowerCase(Locale.ROOT).strip()
        .replaceAll("\\s+", " ");
  }
}
