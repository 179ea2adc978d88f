package thanora.demo;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.awt.image.BufferedImage;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.CRC32;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import thanora.demo.DemoImages.Row;

class DemoImagesTest {
  /** The same on every Java and machine: the demo's numbers are those of these pictures. */
  @Test
  void picturesAreTheSameToTheBitEverywhere() {
    CRC32 sum = new CRC32();
    for (String task : DemoImages.names()) {
      for (Row row : DemoImages.rows(task, 25, 0, false)) {
        sum.update((row.prompt() + row.completion()).getBytes(StandardCharsets.UTF_8));
        sum.update(row.picture().bytes());
      }
    }
    assertThat(Long.toHexString(sum.getValue())).isEqualTo("4f52205a");
  }

  @Test
  void testRowsNeverOccurInTrainWhateverTheSeeds() {
    for (String task : DemoImages.names()) {
      Set<Integer> train = new HashSet<>();
      for (long seed = 0; seed < 2; seed++) {
        train.addAll(keys(DemoImages.rows(task, 40, seed, false)));
      }
      assertThat(train).hasSize(80);
      assertThat(train).doesNotContainAnyElementsOf(keys(DemoImages.rows(task, 10, 1, true)));
    }
  }

  @Test
  void everyThingAndGlyphLooksDifferent() {
    Set<Integer> seen = new HashSet<>();
    for (String name : Pictograms.names()) {
      Picture picture = new Picture(0xffffff);
      Pictograms.draw(picture, name, Picture.Place.upright(32, 32, 30), 0xd22d2d);
      assertThat(seen.add(DemoTasks.key("", picture.bytes()))).isTrue();
    }
    for (char glyph : "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789".toCharArray()) {
      Picture picture = new Picture(0xffffff);
      picture.fill(PixelFont.text(String.valueOf(glyph), false, 0), Picture.Place.upright(32, 32, 30), 0);
      assertThat(seen.add(DemoTasks.key("", picture.bytes()))).isTrue();
    }
    assertThat(seen).hasSize(21 + 36);
  }

  /** Read back from the pixels: the colour of the uppermost pixel that is no grey, or how high a colour goes. */
  @Test
  void chartsShowWhatIsAnswered() {
    for (Row row : DemoImages.rows("charts", 40, 3, false)) {
      String asked = row.question().equals("highest bar?")
          ? row.completion() : row.question().substring("value of ".length(), row.question().length() - 1);
      int top = top(row.picture().bytes(), asked);
      if (asked.equals(row.completion())) {
        for (String other : Palette.COLOURS.keySet()) {
          assertThat(top).isLessThanOrEqualTo(top(row.picture().bytes(), other));
        }
      } else {
        assertThat((60 - top) / 6).isEqualTo(Integer.parseInt(row.completion()));
      }
    }
  }

  /** The first row of pixels with a pixel near the colour. */
  private static int top(byte[] rgb, String name) {
    int colour = Palette.COLOURS.get(name);
    for (int i = 0; i < rgb.length / 3; i++) {
      int far = 0;
      for (int channel = 0; channel < 3; channel++) {
        far = Math.max(far, Math.abs((rgb[3 * i + channel] & 255) - (colour >> (16 - 8 * channel) & 255)));
      }
      if (far <= 14) {
        return i / Picture.SIDE;
      }
    }
    return Picture.SIDE;
  }

  @Test
  void answersAreOfTheirKindsAndSpread() {
    Map<String, Integer> most = Map.of("things", 21, "shapes", 10, "charts", 15, "scenes", 2);
    most.forEach((task, count) -> {
      Set<String> answers = new HashSet<>();
      DemoImages.rows(task, 120, 5, false).forEach(row -> answers.add(row.completion()));
      assertThat(answers).hasSizeBetween(count * 2 / 3, count);
    });
    for (Row row : DemoImages.rows("print", 30, 5, false)) {
      assertThat(row.completion()).matches("[a-z]{2,5}|[0-9]{1,4}");
    }
  }

  @Test
  void writtenFilesHoldTheSameRowsAndPictures(@TempDir Path dir) throws Exception {
    DemoImages.writeTo(dir, 12, 4, 2);
    ObjectMapper mapper = new ObjectMapper();
    for (String task : DemoImages.names()) {
      List<String> lines = Files.readAllLines(dir.resolve(task).resolve("test.jsonl"));
      List<Row> rows = DemoImages.rows(task, 4, 2, true);
      assertThat(Files.readAllLines(dir.resolve(task).resolve("train.jsonl"))).hasSize(12);
      assertThat(lines).hasSize(4);
      for (int i = 0; i < 4; i++) {
        JsonNode node = mapper.readTree(lines.get(i));
        assertThat(node.get("prompt").asText()).isEqualTo(rows.get(i).prompt()).startsWith("<image>\n");
        assertThat(node.get("completion").asText()).isEqualTo(rows.get(i).completion());
        Path image = dir.resolve(task).resolve(node.get("images").get(0).asText());
        assertThat(pixels(ImageIO.read(image.toFile()))).isEqualTo(rows.get(i).picture().bytes());
      }
    }
    assertThat(Files.readAllLines(dir.resolve("dates").resolve("train.jsonl"))).hasSize(12);
    assertThat(dir.resolve("calls").resolve("test.jsonl")).exists();
  }

  private static byte[] pixels(BufferedImage image) {
    byte[] bytes = new byte[3 * image.getWidth() * image.getHeight()];
    for (int i = 0; i < bytes.length / 3; i++) {
      int rgb = image.getRGB(i % image.getWidth(), i / image.getWidth());
      bytes[3 * i] = (byte) (rgb >> 16);
      bytes[3 * i + 1] = (byte) (rgb >> 8);
      bytes[3 * i + 2] = (byte) rgb;
    }
    return bytes;
  }

  private static Set<Integer> keys(List<Row> rows) {
    Set<Integer> keys = new HashSet<>();
    rows.forEach(row -> keys.add(DemoTasks.key(row.question(), row.picture().bytes())));
    return keys;
  }
}
