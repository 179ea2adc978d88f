package thanora.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Rows from files of every kind; the Parquet files are pyarrow's, see scripts/golden/make_rows.py. */
class RowFilesTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden/rows");

  @TempDir Path folder;

  private Path file(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text);
  }

  private static List<RowFiles.Line> lines(Path... files) {
    return RowFiles.read(List.of(files), RowRules.none()).lines();
  }

  private static List<Row> rows(Path... files) {
    return lines(files).stream().map(RowFiles.Line::row).toList();
  }

  private static void refused(Path file, String said) {
    assertThatThrownBy(() -> lines(file)).isInstanceOf(DataException.class)
        .hasMessageStartingWith(file.toString()).hasMessageContaining(said)
        .hasMessageNotContaining("\n");
  }

  @Test
  void severalFilesAreReadInTheirOrder() throws IOException {
    Path lines = file("a.jsonl", "{\"prompt\": \"1\", \"completion\": \"x\"}\n");
    Path list = file("b.json", "\uFEFF[{\"prompt\": \"2\", \"completion\": \"x\"},\n"
        + "{\"prompt\": \"3\", \"completion\": \"x\"}]");
    Path data = file("c.json", "{\"version\": 1, \"data\": [{\"prompt\": \"4\", \"completion\": \"x\"}]}");
    Path after = file("d.json", "{\"prompt\": \"5\", \"completion\": \"x\"}\n\n"
        + "{\"prompt\": \"6\", \"completion\": \"x\"}\n");
    Path table = file("e.CSV", "prompt,completion\n7,x\n");

    assertThat(rows(lines, list, data, after, table)).extracting(Row::prompt)
        .containsExactly("1", "2", "3", "4", "5", "6", "7");
    assertThat(lines(list).get(1).place()).hasToString(list + ":2");
    assertThat(lines(after).get(1).place()).hasToString(after + ":3");
  }

  @Test
  void textFilesMayBePacked() throws IOException {
    Path packed = folder.resolve("a.csv.gz");
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(packed))) {
      out.write("prompt,completion\np,c\n".getBytes(StandardCharsets.UTF_8));
    }
    assertThat(rows(packed)).containsExactly(Row.of("p", "c"));
    byte[] bytes = Files.readAllBytes(packed);
    refused(Files.write(folder.resolve("cut.csv.gz"), Arrays.copyOf(bytes, bytes.length - 12)),
        "is not a whole gzip file");
    refused(file("no.jsonl.gz", "{}"), "is not a whole gzip file");
  }

  @Test
  void tablesOfTextHaveQuotesNewlinesAndTheirOwnSeparator() throws IOException {
    Path csv = file("a.csv", "\uFEFFcompletion, prompt \r\n\"a \"\"b\"\",\nc\",p1\r\n\r\n,p2\r\n x ,p3\r\n");
    assertThatThrownBy(() -> lines(csv)).hasMessage(
        csv + ":5: completion is empty; every row needs an answer to train on");
    Path good = file("b.csv", "completion,prompt\r\n\"a \"\"b\"\",\nc\",p1\r\n\r\n x ,\"\"\r\n");
    assertThat(rows(good)).containsExactly(Row.of("p1", "a \"b\",\nc"), Row.of("", " x "));
    assertThat(lines(good).get(1).place()).hasToString(good + ":5");
    assertThat(rows(file("c.tsv", "prompt\tcompletion\na, b\tc\n"))).containsExactly(Row.of("a, b", "c"));
    assertThat(rows(file("d.csv", ""))).isEmpty();
    assertThat(rows(file("e.csv", "prompt,completion\n"))).isEmpty();
  }

  @Test
  void brokenTablesAreRefused() throws IOException {
    refused(file("a.csv", "prompt,completion\na,b\nc\n"),
        ":3: the row has 1 values, the first row names 2 columns");
    refused(file("b.csv", "prompt,prompt\n"), ":1: the first row names the columns, but two are prompt");
    refused(file("c.csv", "prompt,,x\n"), ":1: the first row names the columns, but one is empty");
    refused(file("d.csv", "prompt,completion\na,\"b\n"), ":2: is not a table");
    refused(file("f.csv", "question,answer\na,b\n"), ":2: prompt is missing; the row has [question, answer]");
    refused(Files.write(folder.resolve("e.csv"), new byte[] {'a', ',', 'b', '\n', (byte) 0xFF, ','}),
        "is not UTF-8");
  }

  @Test
  void brokenJsonIsRefused() throws IOException {
    refused(file("a.json", "[{\"prompt\": 1,]"), ":1:15: not JSON");
    refused(file("b.json", "[1]"), ":1: a row must be an object, not a number");
    refused(file("c.json", "[{\"prompt\": \"a\", \"completion\": \"b\"}"), "not JSON: Unexpected end");
    refused(file("d.json", "{\"data\": [{}]}"), ":1: prompt is missing; the row has no field");
    assertThat(rows(file("e.json", ""))).isEmpty();
  }

  private static List<JsonNode> table(Path file) throws IOException {
    List<JsonNode> rows = new ArrayList<>();
    ParquetFile.read(file, (place, row) -> rows.add(row));
    return rows;
  }

  @ParameterizedTest
  @ValueSource(strings = {
    "snappy", "zstd", "gzip", "lz4", "plain", "v2", "v2_dictionary", "delta"})
  void parquetHoldsWhatPyarrowWrote(String name) throws IOException {
    List<JsonNode> wanted = new ArrayList<>();
    new ObjectMapper().readTree(GOLDEN.resolve("rows.json").toFile()).forEach(wanted::add);
    List<JsonNode> rows = table(GOLDEN.resolve(name + ".parquet"));
    // numbers by what they print as: the two sides have ints and longs for the same
    assertThat(rows).hasSameSizeAs(wanted);
    for (int i = 0; i < rows.size(); i++) {
      assertThat(rows.get(i)).as("row " + i).hasToString(wanted.get(i).toString());
    }
  }

  @Test
  void parquetThatCannotBeReadIsRefused() throws IOException {
    refused(GOLDEN.resolve("brotli.parquet"), "is compressed with brotli; write it with snappy");
    byte[] bytes = Files.readAllBytes(GOLDEN.resolve("snappy.parquet"));
    refused(Files.write(folder.resolve("cut.parquet"), Arrays.copyOf(bytes, bytes.length / 2)),
        "is not a whole Parquet file: it does not end in PAR1");
    refused(file("text.parquet", "x"), "it has 1 bytes");
    byte[] length = bytes.clone();
    length[bytes.length - 6] = 127;
    refused(Files.write(folder.resolve("length.parquet"), length), "is not a whole Parquet file: it names");
    for (int at = 4; at < bytes.length - 8; at += 499) { // any byte may be wrong: a line, or other rows
      byte[] wrong = bytes.clone();
      wrong[at] ^= 0x55;
      Path file = Files.write(folder.resolve("wrong.parquet"), wrong);
      try {
        table(file);
      } catch (DataException | IOException e) {
        assertThat(e).hasMessageNotContaining("\n");
      }
    }
  }

  @Test
  void rowsOfParquetAreNamedByNumber() {
    Path file = GOLDEN.resolve("plain.parquet");
    refused(file, ":12: completion must be a string, not null");
  }

  @Test
  void whatIsNoFileIsRefused() throws IOException {
    refused(folder.resolve("none.parquet"), "no such file");
    refused(folder, "not a regular file");
    refused(file("a.parquet", "version https://git-lfs.github.com/spec/v1\n"), "Git LFS pointer");
  }
}
