package thanora.data;

import static java.nio.charset.StandardCharsets.UTF_16;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JsonlReaderTest {
  private static final String GOOD = "{\"prompt\": \"p\", \"completion\": \"c\"}";

  @TempDir Path folder;

  private static List<Row> read(Path file) {
    return readLines(file).lines().stream().map(RowFiles.Line::row).toList();
  }

  private static RowFiles.Contents readLines(Path file) {
    return RowFiles.read(List.of(file), RowRules.none());
  }

  private Path file(byte[] bytes) throws IOException {
    return Files.write(folder.resolve("rows.jsonl"), bytes);
  }

  private Path file(String text) throws IOException {
    return file(text.getBytes(UTF_8));
  }

  private void refused(String text, String... parts) throws IOException {
    refused(file(text), parts);
  }

  private void refused(Path file, String... parts) {
    assertThatThrownBy(() -> read(file))
        .isInstanceOf(DataException.class)
        .hasMessageStartingWith(file.toString())
        .hasMessageContainingAll(parts)
        .hasMessageNotContaining("\n");
  }

  @Test
  void readsRowsInOrderWithAllOfUnicode() throws IOException {
    Path file =
        file(
            "{\"prompt\": \"Straße 😀\", \"completion\": \"\\ud83d\\ude00\\n x \"}\n"
                + "{\"completion\":\"2\",\"prompt\":\"\"}");

    assertThat(read(file))
        .containsExactly(Row.of("Straße 😀", "😀\n x "), Row.of("", "2"));
  }

  @Test
  void acceptsByteOrderMarkCrlfAndBlankLines() throws IOException {
    Path file = file("\uFEFF" + GOOD + "\r\n\r\n  \t\n" + GOOD + "\r\n\n");

    assertThat(readLines(file).lines())
        .containsExactly(
            new RowFiles.Line(new Place(file, 1), Row.of("p", "c")), new RowFiles.Line(new Place(file, 4), Row.of("p", "c")));
  }

  @Test
  void linesLongerThanTheBufferSurvive() throws IOException {
    String prompt = "ä".repeat(100_000);
    Path file = file("{\"prompt\": \"" + prompt + "\", \"completion\": \"c\"}\n" + GOOD + "\n");

    assertThat(read(file)).containsExactly(Row.of(prompt, "c"), Row.of("p", "c"));
  }

  @Test
  void skipsOtherFieldsAndKeepsTheirNames() throws IOException {
    Path file =
        file("{\"id\": 7, \"prompt\": \"p\", \"meta\": {\"a\": [1, {}]}, \"completion\": \"c\"}");

    RowFiles.Contents contents = readLines(file);

    assertThat(contents.lines())
        .extracting(RowFiles.Line::row)
        .containsExactly(Row.of("p", "c"));
    assertThat(contents.ignoredFields()).containsExactly("id", "meta");
  }

  @Test
  void emptyFilesHaveNoRows() throws IOException {
    assertThat(read(file(""))).isEmpty();
    assertThat(read(file("\n \r\n"))).isEmpty();
  }

  @Test
  void invalidUtf8IsNamedByLineAndByte() throws IOException {
    byte[] bytes = (GOOD + "\n{\"prompt\": \"pXq\", \"completion\": \"c\"}\n").getBytes(UTF_8);
    int at = GOOD.length() + 1 + 13;
    assertThat(bytes[at]).isEqualTo((byte) 'X');
    bytes[at] = (byte) 0xFF;

    refused(file(bytes), ":2:14:", "0xFF", "UTF-8");
  }

  @Test
  void truncatedUtf8AtTheEndIsRefused() throws IOException {
    refused(file(new byte[] {'"', (byte) 0xC3}), ":1:2:", "0xC3");
  }

  @Test
  void utf16IsRefused() throws IOException {
    refused(file(GOOD.getBytes(UTF_16)), ":1:1:", "0xFE");
  }

  @Test
  void encodedSurrogatesAreNotUtf8() throws IOException {
    refused(file(new byte[] {'"', (byte) 0xED, (byte) 0xA0, (byte) 0x80, '"'}), ":1:2:", "0xED");
  }

  @Test
  void brokenJsonIsNamedByLineAndColumn() throws IOException {
    refused(GOOD + "\n{\"prompt\": \"p\", completion\": \"c\"}\n", ":2:", "not JSON");
    refused("{\"prompt\": \"p\"", ":1:", "not JSON");
    refused(GOOD + GOOD, ":1:", "more than one JSON value");
    refused(GOOD + " x", ":1:", "not JSON");
    refused("[" + GOOD + "]", ":1:", "not a list", "one {\"prompt\"");
  }

  @Test
  void missingFieldsShowTheNamesFound() throws IOException {
    refused(
        "{\"input\": \"p\", \"completion\": \"c\"}",
        ":1: prompt is missing",
        "[input, completion]");
    refused(GOOD + "\n\n{\"prompt\": \"p\"}", ":3: completion is missing", "[prompt]");
    refused("{}", "no field");
  }

  @Test
  void wrongTypesAreRefused() throws IOException {
    refused("{\"prompt\": 1, \"completion\": \"c\"}", ":1: prompt must be a string, not a number");
    refused("{\"prompt\": \"p\", \"completion\": null}", "completion must be a string, not null");
    refused("{\"prompt\": [], \"completion\": \"c\"}", "prompt must be a string, not a list");
  }

  @Test
  void duplicateFieldsAreRefusedAtAnyDepth() throws IOException {
    refused("{\"prompt\": \"p\", \"prompt\": \"q\", \"completion\": \"c\"}", "Duplicate", "prompt");
    refused("{\"prompt\": \"p\", \"completion\": \"c\", \"m\": {\"a\": 1, \"a\": 2}}", "Duplicate");
  }

  @Test
  void depthBombsAreRefused() throws IOException {
    refused("{\"m\": " + "[".repeat(1_000_000) + "}", ":1:", "depth");
  }

  @Test
  void emptyCompletionsAreRefused() throws IOException {
    refused(GOOD + "\n{\"prompt\": \"p\", \"completion\": \"\"}", ":2: completion is empty");
    refused("{\"prompt\": \"p\", \"completion\": \" \\n\"}", ":1: completion is empty");
  }

  @Test
  void loneSurrogatesAndNulAreRefused() throws IOException {
    refused("{\"prompt\": \"a\\ud83d\", \"completion\": \"c\"}", "U+D83D at character 2");
    refused("{\"prompt\": \"p\", \"completion\": \"\\ude00\\ud83d\"}", "U+DE00 at character 1");
    refused("{\"prompt\": \"p\\u0000\", \"completion\": \"c\"}", "U+0000 at character 2");
    refused("{\"prompt\": \"p\u0000\", \"completion\": \"c\"}", ":1:", "not JSON");
  }

  @Test
  void aLineOverTheLimitIsRefusedWithoutReadingItAll() throws IOException {
    Path file = folder.resolve("huge.jsonl");
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.wrap(new byte[] {'x'}), 5L << 30);
    }

    refused(file, ":1: line is longer than 16777216 bytes");
    Files.delete(file);
  }

  @Test
  void aLineOfExactlyTheLimitIsRead() throws IOException {
    byte[] frame = "{\"prompt\": \"\", \"completion\": \"c\"}".getBytes(UTF_8);
    String prompt = "x".repeat(JsonlReader.MAX_LINE_BYTES - frame.length);

    assertThat(read(file("{\"prompt\": \"" + prompt + "\", \"completion\": \"c\"}\n")))
        .containsExactly(Row.of(prompt, "c"));
  }

  @Test
  void missingFilesFoldersAndPointersAreRefused() throws IOException {
    refused(folder.resolve("none.jsonl"), "no such file");
    refused(folder, "not a regular file");
    refused("version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer");
  }
}
