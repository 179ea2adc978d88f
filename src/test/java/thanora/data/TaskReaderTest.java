package thanora.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import thanora.data.DataReport.SplitReport;
import thanora.text.Encoded;
import thanora.text.jinja.Template;

class TaskReaderTest {
  /** One token a character: 1 begins, then the prompt, 2 and the completion, then 3 ends. */
  private static final SampleEncoder CHARACTERS =
      row -> {
        String text = "\u0001" + row.prompt() + "\u0002" + row.completion() + "\u0003";
        return new Encoded(text.chars().toArray(), row.prompt().length() + 2);
      };

  @TempDir Path folder;

  private Path file(String name, String... promptsAndCompletions) throws IOException {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < promptsAndCompletions.length; i += 2) {
      text.append("{\"prompt\": \"").append(promptsAndCompletions[i]);
      text.append("\", \"completion\": \"").append(promptsAndCompletions[i + 1]).append("\"}\n");
    }
    return Files.writeString(folder.resolve(name), text);
  }

  private Path numbered(String name, int rows) throws IOException {
    return file(
        name,
        IntStream.range(0, rows)
            .boxed()
            .flatMap(i -> Stream.of("p" + i, "c" + i))
            .toArray(String[]::new));
  }

  private static TaskSource source(String name, Path train, Path test) {
    return new TaskSource(
        name, List.of(train), List.of(), Optional.ofNullable(test).stream().toList(), RowRules.none(),
        "exact_match", 1);
  }

  private static ReadOptions options(int maxLength, LongRows longRows) {
    return new ReadOptions(maxLength, longRows, OptionalInt.empty(), OptionalInt.empty(), 0, 1);
  }

  private static ReadOptions capped(int train, int test, int validation, long seed) {
    return new ReadOptions(
        99, LongRows.REFUSE, OptionalInt.of(train), OptionalInt.of(test), validation, seed);
  }

  private static void refused(List<TaskSource> sources, ReadOptions options, String... parts) {
    assertThatThrownBy(() -> TaskReader.read(sources, options, CHARACTERS))
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll(parts)
        .hasMessageNotContaining("\n");
  }

  @Test
  void samplesAreTheEncodedsAndKeepTheirText() throws IOException {
    Path train = file("train", "ab", "c", "", "de");
    TaskSet set =
        TaskReader.read(
            List.of(source("one", train, null), source("two", train, train)),
            ReadOptions.allRows(9, 1),
            CHARACTERS);

    TaskData two = set.tasks().get(1);
    assertThat(two.name()).isEqualTo("two");
    assertThat(two.metric()).isEqualTo("exact_match");
    assertThat(two.train().rows()).containsExactly(Row.of("ab", "c"), Row.of("", "de"));
    assertThat(two.train().samples()).extracting(Sample::task).containsExactly(1, 1);
    assertThat(two.train().samples()).extracting(Sample::row).containsExactly(0, 1);
    assertThat(two.train().samples().get(0).ids()).containsExactly(1, 'a', 'b', 2, 'c', 3);
    assertThat(two.train().samples().get(0).promptLength()).isEqualTo(4);
    assertThat(set.tasks().get(0).test().size()).isZero();
    assertThat(two.test().size()).isEqualTo(2);
    assertThat(two.train().labels()).isEqualTo(2 + 3);
    assertThat(set.trainSizes()).containsExactly(2, 2);
    assertThat(set.names()).containsExactly("one", "two");
    assertThat(set.weights()).containsExactly(1.0, 1.0);
  }

  @Test
  void longRowsAreRefusedWithCountLengthAndPlace() throws IOException {
    Path train = folder.resolve("train");
    Files.writeString(
        train,
        "\n{\"prompt\": \"p\", \"completion\": \"c\"}\n"
            + "{\"prompt\": \"pppp\", \"completion\": \"c\"}\n"
            + "{\"prompt\": \"p\", \"completion\": \"ccccccc\"}\n");

    refused(
        List.of(source("geo", train, null)),
        options(6, LongRows.REFUSE),
        "task geo, train: 2 of 3 rows are longer than 6 tokens, the longest 11",
        "the first at " + train + ":3;");
    assertThat(
            TaskReader.read(
                    List.of(source("geo", train, null)), options(11, LongRows.REFUSE), CHARACTERS)
                .trainSizes())
        .containsExactly(3);
  }

  @Test
  void longRowsAreDroppedAndCounted() throws IOException {
    Path train = file("train", "p", "c", "pppp", "c", "p", "ccccccc");

    TaskSet set =
        TaskReader.read(
            List.of(source("geo", train, null)), options(6, LongRows.DROP), CHARACTERS);

    assertThat(set.tasks().get(0).train().rows()).containsExactly(Row.of("p", "c"));
    assertThat(set.report().tasks().get(0).train())
        .isEqualTo(new SplitReport(1, 2, 0, 0, 5, 2, 11, 0, 0));
    assertThat(set.report().lines())
        .containsExactly(
            "task  train rows  test rows  train tokens  trained  longest",
            "geo            1          0             5        2       11",
            "geo train: 2 too long and dropped");
  }

  @Test
  void truncatingCutsTheCompletionAndDropsWhereThePromptFillsTheLimit() throws IOException {
    Path train = file("train", "pppp", "c", "p", "abcdefg", "p", "c");

    TaskSet set =
        TaskReader.read(
            List.of(source("geo", train, null)), options(6, LongRows.TRUNCATE), CHARACTERS);

    Split split = set.tasks().get(0).train();
    assertThat(split.samples().get(0).ids()).containsExactly(1, 'p', 2, 'a', 'b', 'c');
    assertThat(split.samples()).extracting(Sample::row).containsExactly(1, 2);
    assertThat(split.rows()).containsExactly(Row.of("p", "abcdefg"), Row.of("p", "c"));
    assertThat(set.report().tasks().get(0).train())
        .isEqualTo(new SplitReport(2, 1, 1, 0, 11, 3 + 2, 11, 0, 0));
  }

  @Test
  void aTaskThatLosesAllItsRowsIsRefused() throws IOException {
    Path train = file("train", "pppp", "c", "ppppp", "c");

    for (LongRows rule : List.of(LongRows.DROP, LongRows.TRUNCATE)) {
      refused(
          List.of(source("geo", train, null)),
          options(5, rule),
          "task geo, train: none of the 2 rows",
          "2 too long for 5 tokens");
    }
  }

  @Test
  void rowsWithoutATokenToTrainOnAreDroppedAndCounted() throws IOException {
    Path train = file("train", "p", "c", "p", "silent");
    SampleEncoder encoder =
        row -> new Encoded(new int[] {5, 6}, row.completion().equals("silent") ? 2 : 1);

    TaskSet set =
        TaskReader.read(List.of(source("geo", train, null)), ReadOptions.allRows(9, 1), encoder);

    assertThat(set.trainSizes()).containsExactly(1);
    assertThat(set.report().tasks().get(0).train().unlabelled()).isEqualTo(1);
    Path none = file("none", "p", "silent");
    assertThatThrownBy(
            () ->
                TaskReader.read(
                    List.of(source("geo", none, null)), ReadOptions.allRows(9, 1), encoder))
        .hasMessageContaining("1 without a token to train on");
  }

  @Test
  void ofManyFaultyRowsTheFirstIsNamed() throws IOException {
    Path train = numbered("train", 500);
    Template template = Template.parse("{% if prompt >= 'p3' %}{{ raise_exception('not ' ~ prompt) }}{% endif %}");
    SampleEncoder encoder = row -> {
      template.render(Map.of("prompt", row.prompt()), LocalDateTime.now());
      return CHARACTERS.encode(row);
    };

    assertThatThrownBy(
            () -> TaskReader.read(List.of(source("geo", train, null)), ReadOptions.allRows(9, 1), encoder))
        .isInstanceOf(DataException.class)
        .hasMessageStartingWith(train + ":4: ")
        .hasMessageEndingWith("not p3");
  }

  @Test
  void subsetsAreSeededWithoutReplacementInFileOrder() throws IOException {
    Path train = numbered("train", 50);
    Path test = numbered("test", 30);
    List<TaskSource> sources = List.of(source("a", train, test));

    TaskData data = TaskReader.read(sources, capped(20, 10, 0, 1), CHARACTERS).tasks().get(0);
    TaskData again = TaskReader.read(sources, capped(20, 10, 0, 1), CHARACTERS).tasks().get(0);
    TaskData other = TaskReader.read(sources, capped(20, 10, 0, 2), CHARACTERS).tasks().get(0);

    List<Integer> rows = data.train().samples().stream().map(Sample::row).toList();
    assertThat(rows).hasSize(20).isSorted().doesNotHaveDuplicates();
    assertThat(data.train().rows().get(7)).isEqualTo(Row.of("p" + rows.get(7), "c" + rows.get(7)));
    assertThat(data.test().rows()).hasSize(10);
    assertThat(again.train().rows()).isEqualTo(data.train().rows());
    assertThat(other.train().rows()).isNotEqualTo(data.train().rows());
  }

  @Test
  void oneTasksSubsetDoesNotDependOnTheOthers() throws IOException {
    TaskSource a = source("a", numbered("train", 50), null);
    TaskSource b = source("b", numbered("train2", 60), null);
    ReadOptions options = capped(20, 10, 5, 1);

    TaskData alone = TaskReader.read(List.of(a), options, CHARACTERS).tasks().get(0);
    TaskData second = TaskReader.read(List.of(b, a), options, CHARACTERS).tasks().get(1);

    assertThat(second.train().rows()).isEqualTo(alone.train().rows());
    assertThat(second.validation().rows()).isEqualTo(alone.validation().rows());
  }

  @Test
  void validationRowsAreCutFromTrainWhereThereIsNoFile() throws IOException {
    Path train = numbered("train", 50);
    ReadOptions options =
        new ReadOptions(99, LongRows.REFUSE, OptionalInt.empty(), OptionalInt.empty(), 8, 1);

    TaskData cut =
        TaskReader.read(List.of(source("a", train, null)), options, CHARACTERS).tasks().get(0);
    Set<Row> both = new HashSet<>(cut.train().rows());
    both.addAll(cut.validation().rows());
    assertThat(cut.train().size()).isEqualTo(42);
    assertThat(cut.validation().size()).isEqualTo(8);
    assertThat(both).hasSize(50);

    Path validation = numbered("validation", 3);
    TaskSource given =
        new TaskSource(
            "a", List.of(train), List.of(validation), List.of(), RowRules.none(), "chrf", 1);
    TaskData whole = TaskReader.read(List.of(given), options, CHARACTERS).tasks().get(0);
    assertThat(whole.train().size()).isEqualTo(50);
    assertThat(whole.validation().size()).isEqualTo(3);

    refused(
        List.of(source("a", numbered("few", 8), null)),
        options,
        "8 validation rows cannot be cut from the 8 training rows of task a");
  }

  @Test
  void duplicatesLeaksAndOtherFieldsAreReported() throws IOException {
    Path train = file("train", "a", "x", "a", "x", "b", "x", "a", "y");
    Path test = folder.resolve("test");
    Files.writeString(
        test,
        "{\"prompt\": \"a\", \"completion\": \"z\", \"id\": 1}\n"
            + "{\"prompt\": \"c\", \"completion\": \"z\"}\n");

    DataReport report =
        TaskReader.read(List.of(source("t", train, test)), ReadOptions.allRows(9, 1), CHARACTERS)
            .report();

    assertThat(report.tasks().get(0).train().duplicates()).isEqualTo(1);
    assertThat(report.tasks().get(0).test().inTrain()).isEqualTo(1);
    assertThat(report.lines())
        .containsExactly(
            "task  train rows  test rows  train tokens  trained  longest",
            "t              4          2            20        8        5",
            "t train: 1 equal to an earlier one",
            "t test: 1 with a prompt that is in train",
            "t: fields not used: id");
  }

  @Test
  void emptyTasksAndDuplicateNamesAreRefused() throws IOException {
    Path empty = Files.writeString(folder.resolve("empty"), "\n\n");
    Path train = numbered("train", 3);

    refused(
        List.of(source("geo", empty, null)),
        ReadOptions.allRows(9, 1),
        "task geo has no rows in " + empty);
    refused(
        List.of(source("geo", train, empty)),
        ReadOptions.allRows(9, 1),
        "task geo has no rows in " + empty);
    refused(
        List.of(source("geo", train, null), source("geo", train, null)),
        ReadOptions.allRows(9, 1),
        "two tasks are named geo");
    refused(List.of(), ReadOptions.allRows(9, 1), "no task");
  }

  @Test
  void wrongOptionsAreRefused() {
    assertThatThrownBy(() -> ReadOptions.allRows(1, 0)).hasMessageContaining("max length 1");
    assertThatThrownBy(() -> capped(0, 1, 0, 0)).hasMessageContaining("max rows 0");
    assertThatThrownBy(() -> capped(1, 1, -1, 0)).hasMessageContaining("validation rows -1");
    assertThatThrownBy(
            () ->
                new TaskSource(
                    "t", List.of(folder), List.of(), List.of(), RowRules.none(), "chrf", 0))
        .hasMessageContaining("weight 0.0");
  }
}
