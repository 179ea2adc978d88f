package thanora.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class DataCheckTest {
  private static Split split(String... promptsAndCompletions) {
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < promptsAndCompletions.length; i += 2) {
      rows.add(Row.of(promptsAndCompletions[i], promptsAndCompletions[i + 1]));
    }
    return new Split(rows.stream().map(row -> new Sample(0, 0, new int[] {1, 2}, 1)).toList(), rows);
  }

  private static TaskSet tasks(TaskData... tasks) {
    return new TaskSet(Arrays.asList(tasks), new DataReport(List.of()));
  }

  private static TaskData task(String name, Split train, Split test) {
    return new TaskData(name, "chrf", 1, train, Split.empty(), test);
  }

  @Test
  void findsWhatIsTwiceSharedAndAnsweredInSeveralWays() {
    DataCheck check = DataCheck.of(tasks(
        task("a", split("One  more", "x", "one more ", "X", "two", "x", "two", "y"),
            split("two", "x", "ONE more", "x", "three", "x")),
        task("b", split("four", "x"), split("Three", "x", "two", "x"))));

    assertThat(check.repeated()).isEqualTo(Map.of("a train", 1));
    assertThat(check.overlaps()).containsExactly(
        new DataCheck.Overlap("a test", "a train", 1, 2, "two"),
        new DataCheck.Overlap("b test", "a train", 1, 1, "two"),
        new DataCheck.Overlap("b test", "a test", 1, 2, "Three"));
    assertThat(check.collisions())
        .containsExactly(new DataCheck.Collision("a train", 1, "two", List.of("x", "y")));
  }

  @Test
  void cleanDataHaveNothing() {
    DataCheck check = DataCheck.of(tasks(task("a", split("1", "x", "2", "x"), split("3", "x"))));
    assertThat(check).isEqualTo(new DataCheck(Map.of(), List.of(), List.of()));
  }
}
