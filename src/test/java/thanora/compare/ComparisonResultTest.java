package thanora.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
}
