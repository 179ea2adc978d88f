package thanora.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import thanora.image.ImageSource;
import thanora.image.ImageSource.ImageBytes;
import thanora.image.ImageSource.ImageFile;
import thanora.text.ChatMessage;

/** Rows that name images, as TRL, LLaMA-Factory, axolotl, LLaVA and Hugging Face's data sets write them. */
class RowImagesTest {
  private static final Place PLACE = new Place(Path.of("d/f"), 3);
  private static final Map<String, Object> IMAGE = Map.of("type", "image");

  private static ObjectNode json(String row) throws IOException {
    return (ObjectNode) new ObjectMapper().readTree(row.replace('\'', '"'));
  }

  private static RowRules rules(Map<String, String> columns, Path folder) {
    return new RowRules(RowFormat.AUTO, columns, Optional.empty(), Optional.empty(), Optional.empty(), false,
        Optional.ofNullable(folder));
  }

  private static Row read(String row) throws IOException {
    return new RowReader(RowRules.none()).read(json(row), PLACE);
  }

  private static ImageSource file(String path) {
    return new ImageFile(Path.of(path), "");
  }

  private static Map<String, Object> text(String text) {
    return Map.of("type", "text", "text", text);
  }

  private static List<Object> contents(Row row) {
    return ((Row.Conversation) row).chat().messages().stream().map(message -> message.fields().get("content")).toList();
  }

  @Test
  void listsAndStringsNameFilesInTheFolderOfTheRows() throws IOException {
    Row row = read("{'prompt': '<image><image>?', 'completion': 'c', 'images': ['a.png', '/x/b.png']}");
    assertThat(row).isEqualTo(new Row.Pair("", "<image><image>?", "c", List.of(file("d/a.png"), file("/x/b.png"))));
    assertThat(row.images().get(0).name()).isEqualTo("d/f:3: image d/a.png");
    assertThat(read("{'instruction': '<image>', 'output': 'o', 'images': 'a.png'}").images())
        .containsExactly(file("d/a.png"));
    assertThat(read("{'text': '<image>', 'images': [{'path': 'a.png', 'bytes': null}]}").images())
        .containsExactly(file("d/a.png"));
    assertThat(read("{'prompt': 'p', 'completion': 'c', 'images': ''}").images()).isEmpty();
    assertThat(new RowReader(rules(Map.of("images", "pic"), Path.of("pics"))).read(
        json("{'prompt': '<image>', 'completion': 'c', 'pic': '../a.png'}"), PLACE).images())
        .containsExactly(file("a.png"));
  }

  @Test
  void bytesAreImagesToo() throws IOException {
    ObjectNode row = json("{'prompt': '<image>', 'completion': 'c', 'images': [{'path': 'a.png'}]}");
    ((ObjectNode) row.at("/images/0")).put("bytes", new byte[] {(byte) 0x89, 1});
    Row read = new RowReader(RowRules.none()).read(row, PLACE);
    assertThat(read.images()).containsExactly(new ImageBytes("", new byte[] {(byte) 0x89, 1}));
    assertThat(read.images().get(0).name()).isEqualTo("d/f:3: image a.png");
    assertThat(read("{'prompt': '<image>', 'completion': 'c', 'images': 'data:image/png;base64,iQE='}").images())
        .isEqualTo(read.images());
  }

  @Test
  void tablesHoldStructsOfBytesAndPath() throws IOException {
    Path golden = Path.of("src/test/resources/golden");
    ImageSource bytes = new ImageBytes("", Files.readAllBytes(golden.resolve("images/files/rgb.png")));
    List<Row> rows = RowFiles.rows(golden.resolve("rows/images.parquet"));
    assertThat(rows).extracting(Row::images).containsExactly(
        List.of(bytes), List.of(file(golden + "/images/files/rgb.png"), bytes), List.of());
    assertThat(rows.get(0).images().get(0).name()).endsWith("rows/images.parquet:1: image rgb.png");
    assertThat(contents(rows.get(1))).containsExactly(
        List.of(IMAGE, IMAGE, text("What is this?")), List.of(text("A drawing.")));
  }

  @Test
  void llavasOwnRows() throws IOException {
    String talk = "'conversations': [{'from': 'human', 'value': '<image>\\nWhat?'}, {'from': 'gpt', 'value': 'A cat.'},"
        + " {'from': 'human', 'value': 'Why?'}, {'from': 'gpt', 'value': 'So.'}]}";
    Row row = read("{'id': 1, 'image': 'coco/a.jpg', " + talk);
    assertThat(row.images()).containsExactly(file("d/coco/a.jpg"));
    assertThat(contents(row)).containsExactly("<image>\nWhat?", "A cat.", "Why?", "So.");
    assertThat(read("{'id': 1, " + talk.replace("<image>\\n", "")).images()).isEmpty();
    RowReader reader = new RowReader(RowRules.none());
    assertThat(reader.read(json("{'prompt': 'p', 'completion': 'c', 'image': 'http://x'}"), PLACE).images())
        .as("a table of texts that has such a column").isEmpty();
    assertThat(reader.ignoredFields()).containsExactly("image");
  }

  @Test
  void partsTakeImagesInTheirOrder() throws IOException {
    Row row = read("{'messages': [{'role': 'user', 'content': [{'type': 'image', 'path': 'own.png', 'text': null},"
        + " {'type': 'text', 'text': 'and'}, {'type': 'image'}]}, {'role': 'assistant', 'content': 'a'},"
        + " {'role': 'user', 'content': [{'type': 'image_url', 'image_url': {'url': 'file:///u.png'}}]},"
        + " {'role': 'assistant', 'content': [{'type': 'text', 'text': 'b'}]},"
        + " {'role': 'user', 'content': '<image> teaches nothing'}], 'images': ['1.png', '2.png']}");
    assertThat(row.images()).containsExactly(file("d/own.png"), file("d/1.png"), file("/u.png"));
    assertThat(contents(row)).containsExactly(
        List.of(IMAGE, text("and"), IMAGE), "a", List.of(IMAGE), List.of(text("b")));
    assertThat(row.answerOnly().images()).isEqualTo(row.images());
  }

  @Test
  void aPlaceTakesTheLineBreakBesideIt() {
    assertThat(new ChatMessage("user", "<image>\n<image>\nWhat\nis <image> this?\n<image>").withImageParts().fields())
        .containsEntry("content",
            List.of(IMAGE, IMAGE, text("What\nis "), IMAGE, text(" this?"), IMAGE));
  }

  @Test
  void whatAnImageCannotBe() {
    for (String[] one : new String[][] {
        {"'http://x.org/a.png'", "image http://x.org/a.png is on the web; download it and give its path"},
        {"[3]", "an image must be a path, or an object with path or bytes"},
        {"[{'bytes': null, 'path': null}]", "an image must be a path, or an object with path or bytes"},
        {"[{'base64': 'a'}]", "an image is not base64"}}) {
      assertThatThrownBy(() -> read("{'prompt': '<image>', 'completion': 'c', 'images': " + one[0] + "}"))
          .isInstanceOf(DataException.class).hasMessageStartingWith("d/f:3: " + one[1]);
    }
  }

  @Test
  void rowsWithOtherImagesAreOtherRows(@TempDir Path folder) throws IOException {
    StringBuilder rows = new StringBuilder();
    for (String image : List.of("a", "b", "./a")) {
      rows.append("{\"prompt\": \"<image>?\", \"completion\": \"").append(image.length())
          .append("\", \"images\": \"").append(image).append(".png\"}\n");
    }
    Path file = Files.writeString(folder.resolve("f.jsonl"), rows);
    List<Row> read = RowFiles.rows(file);
    assertThat(read.get(0).asked()).isEqualTo(read.get(2).asked()).isNotEqualTo(read.get(1).asked());
    TaskSource source = new TaskSource("t", List.of(file), List.of(), List.of(), RowRules.none(), "exact_match", 1);
    TaskSet set = TaskReader.read(List.of(source), ReadOptions.allRows(9, 1),
        row -> new thanora.text.Encoded(new int[] {1, 2}, 1));
    DataCheck check = DataCheck.of(set);
    assertThat(check.repeated()).isEmpty();
    assertThat(check.collisions()).containsExactly(
        new DataCheck.Collision("t train", 1, "<image>?", List.of("1", "3")));
    assertThat(set.tasks().get(0).train().samples().get(1).images()).containsExactly(file(folder + "/b.png"));
  }
}
