package thanora.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ComparisonResultTest {
  @TempDir Path folder;

  @Test
  void whatIsWrittenIsReadBackEqualNaNIncluded() throws IOException {
    Path file = folder.resolve("compare.json");
    for (ComparisonResult result :
        new ComparisonResult[] {Synthetic.page(14, 8, 3, 5), Synthetic.page(2, 2, 1, 3)}) {
      result.write(file);
      assertThat(ComparisonResult.read(file)).isEqualTo(result).hasSameHashCodeAs(result);
    }
    assertThat(folder).isDirectoryContaining(file::equals).isDirectoryNotContaining("glob:*.part");
  }

  @Test
  void keysAreInSnakeCaseAndNaNIsNull() throws IOException {
    Path file = folder.resolve("compare.json");
    Synthetic.page(14, 2, 1, 3).write(file);
    assertThat(Files.readString(file))
        .contains("\"batch_size\" : 32", "\"needs_task_id\" : false", "\"learning_rate\" : null")
        .contains("\"row_nll\"", "\"by_pair\"", "\"step_time\"", "\"memory\" : null")
        .contains("\"merge_factor\" : 0.6", "\"merge_factor\" : null")
        .doesNotContain("NaN", "at_edge_of_sweep", "is_base", "\"base\" :");
  }

  @Test
  void aFileFromBeforeMergeFactorsWereKeptIsRead() throws IOException {
    Path file = folder.resolve("compare.json");
    ComparisonResult result = Synthetic.page(3, 2, 1, 3);
    result.write(file);
    Files.writeString(file, Files.readString(file).replaceAll(",\\s*\"merge_factor\" : null", ""));
    assertThat(file).content().doesNotContain("merge_factor");
    assertThat(ComparisonResult.read(file)).isEqualTo(result);
  }

  private void refuses(String old, String replacement, String... words) throws IOException {
    Path file = folder.resolve("compare.json");
    Synthetic.page(3, 2, 1, 3).write(file);
    String text = Files.readString(file);
    assertThat(text).contains(old);
    Files.writeString(file, text.replace(old, replacement));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ComparisonResult.read(file))
        .withMessageStartingWith(file + ": ")
        .satisfies(e -> assertThat(e.getMessage()).contains(words).doesNotContain("\n"));
  }

  @Test
  void badFilesAreRefusedInOneLineThatNamesPlaceAndValue() throws IOException {
    refuses("\"steps\" : 600", "\"steps\" : \"many\"", "steps is \"many\"", "a whole number");
    refuses("\"steps\" : 600", "\"stepz\" : 600", "stepz is not a known key; take it out");
    refuses("\"steps\" : 600,", "", "steps is missing");
    refuses("\"rank\" : 32", "\"rank\" : -1", "methods[1].rank is -1");
    refuses("\"rank\" : 32", "\"rank\" : 1e99", "methods[1].rank is");
    refuses("\"reference\" : \"lora\"", "\"reference\" : \"x\"", "reference x is not among");
    refuses("\"batch_size\" : 32,", "\"batch_size\" : 32", "is not valid JSON at line");
    refuses("\"steps\" : 600", "\"steps\" : 600, \"steps\" : 600", "is not valid JSON");
    refuses("\"name\" : \"lora\"", "\"name\" : \"thanora\"", "method thanora appears twice");
    refuses("\"seeds\" : [ 0 ]", "\"seeds\" : [ 0, 1 ]", "method lora has runs of seeds [0]");
    refuses("\"seeds\" : [ 0 ]", "\"seeds\" : null", "seeds is null; it must be an array");
    refuses("\"validation_nll\" : [ ", "\"validation_nll\" : [ 1.0, ", "3 validation_nll");
    refuses("\"row_tokens\" : [ ", "\"row_tokens\" : [ 0, ", "a test row of 0 label tokens");
    refuses("\"row_tokens\" : [ ", "\"row_tokens\" : [ 1, ", "3 rows instead of 4");
    refuses("\"by_pair\" : [ [", "\"by_pair\" : [ [ 1 ], [", "conflicts.by_pair is not 2 by 2");
  }

  @Test
  void aFileThatIsNoObjectIsRefused() throws IOException {
    Path file = folder.resolve("compare.json");
    for (String text : new String[] {"[]", "", "3", "{} {}"}) {
      Files.writeString(file, text);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> ComparisonResult.read(file))
          .withMessageStartingWith(file + ": ");
    }
  }

  /** Part of a comparison: some methods, some seeds. */
  private static ComparisonResult part(ComparisonResult all, List<String> methods, Long... seeds) {
    List<Long> kept = List.of(seeds);
    List<ComparisonResult.Method> own = methods.stream().map(name -> all.method(name).orElseThrow()).map(m ->
        new ComparisonResult.Method(m.name(), m.merges(), m.needsTaskId(), m.rank(), m.parameters(),
            m.learningRate(), m.sweep().stream().filter(point -> kept.contains(point.seed())).toList(),
            m.isBase() ? m.runs() : m.runs().stream().filter(run -> kept.contains(run.seed())).toList(),
            m.cost())).toList();
    return new ComparisonResult(all.version(), "thanora compare " + kept, all.model(), all.device(), all.steps(),
        all.batchSize(), kept, all.tasks(), all.reference(), own, all.conflicts());
  }

  private static final ComparisonResult ALL = Synthetic.page(4, 2, 3, 5);
  private static final List<String> NAMES = List.of("base", "lora", "thanora", "dora");

  @Test
  void seedsAndMethodsAreJoinedFromAnyParts() {
    ComparisonResult joined = ComparisonResult.joined(List.of(
        part(ALL, List.of("base", "lora", "dora"), 2L),
        part(ALL, NAMES, 0L, 1L),
        part(ALL, List.of("base", "lora", "thanora"), 1L, 2L)), "lora");
    assertThat(joined.seeds()).isEqualTo(ALL.seeds());
    for (String name : NAMES) {
      ComparisonResult.Method method = joined.method(name).orElseThrow();
      assertThat(method.runs()).as(name).isEqualTo(ALL.method(name).orElseThrow().runs());
      assertThat(method.sweep()).as(name)
          .containsExactlyInAnyOrderElementsOf(ALL.method(name).orElseThrow().sweep());
    }
    assertThat(MarkdownTable.of(joined, Findings.of(joined)))
        .contains("\n    thanora compare [2]\n    thanora compare [0, 1]\n    thanora compare [1, 2]\n\n");
    Findings whole = Findings.of(ALL);
    for (String name : NAMES) {
      assertThat(Findings.of(joined).method(name).nll()).as(name).isEqualTo(whole.method(name).nll());
    }
  }

  private static void refusesToJoin(ComparisonResult one, ComparisonResult other, String message) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ComparisonResult.joined(List.of(one, other), "lora"))
        .withMessage(message);
  }

  @Test
  void whatCannotBeJoinedIsRefusedInOneLine() {
    ComparisonResult zero = part(ALL, NAMES, 0L);
    String pair = "comparisons \"thanora compare [0]\" and \"thanora compare [1]\" differ in ";
    refusesToJoin(zero, part(ALL, List.of("base", "lora"), 1L),
        "method thanora has runs of seeds [0] only, all together there are [0, 1]; join a comparison that has"
            + " the others");
    ComparisonResult one = part(ALL, NAMES, 1L);
    refusesToJoin(zero, Synthetic.withParameters(one, "dora", 7),
        "method dora is not the same in all comparisons (rank 32, 4884480 parameters; rank 32, 7 parameters);"
            + " give one another name, as in --methods b=dora");
    refusesToJoin(zero, withSteps(one, 99), pair + "steps (600, 99); join only like ones");
    refusesToJoin(zero, part(Synthetic.page(4, 2, 3, 6), NAMES, 1L),
        pair + "tasks or their rows; join only like ones");
    refusesToJoin(zero, withRate(one, "lora", 8e-4),
        "method lora is scored at learning rate 4.0E-4 of [5.0E-5, 1.0E-4, 2.0E-4, 4.0E-4, 8.0E-4, 0.0016] with"
            + " seeds [0], at 8.0E-4 of [5.0E-5, 1.0E-4, 2.0E-4, 4.0E-4, 8.0E-4, 0.0016] with seeds [1];"
            + " compare all seeds with the same sweep of one rate, as in --sweep lr=4.0E-4");
  }

  /** Rows of as many tokens with other losses of the untouched model are other rows. */
  @Test
  void rowsOfOtherLossesOfTheBaseAreNotJoined() {
    double[][][][] own = {{{{1, 2, 3}}}, {{{1, 2, 3}}}};
    double[][][][] near = {{{{1.04, 2, 3}}}, {{{1, 2, 3}}}};
    double[][][][] swapped = {{{{3, 2, 1}}}, {{{1, 2, 3}}}};
    ComparisonResult one = Synthetic.of(List.of("base", "lora"), own);
    List<String> names = List.of("base", "lora");
    assertThat(ComparisonResult.joined(List.of(one, Synthetic.of(names, near)), "lora").methods())
        .isEqualTo(one.methods());
    refusesToJoin(one, Synthetic.of(names, swapped), "comparisons \"c\" and \"c\" differ in losses of the"
        + " untouched model, so in model or rows; join only like ones");
  }

  private static ComparisonResult withSteps(ComparisonResult r, long steps) {
    return new ComparisonResult(r.version(), r.command(), r.model(), r.device(), steps, r.batchSize(), r.seeds(),
        r.tasks(), r.reference(), r.methods(), r.conflicts());
  }

  private static ComparisonResult withRate(ComparisonResult r, String name, double rate) {
    return new ComparisonResult(r.version(), r.command(), r.model(), r.device(), r.steps(), r.batchSize(), r.seeds(),
        r.tasks(), r.reference(), r.methods().stream().map(m -> !m.name().equals(name) ? m
            : new ComparisonResult.Method(m.name(), m.merges(), m.needsTaskId(), m.rank(), m.parameters(), rate,
                m.sweep(), m.runs(), m.cost())).toList(), r.conflicts());
  }
}
