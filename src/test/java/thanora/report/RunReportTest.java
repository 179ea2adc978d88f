package thanora.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.TextNode;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import thanora.Seeing;
import thanora.checkpoint.CheckpointException;
import thanora.page.Markup;

/** Runs that are not finished; FineTuneTest looks at the page of one that is. */
class RunReportTest {
  private static final String STEP = "{\"step\":%d,\"loss\":2.5,\"task_loss\":{\"a<b\":2.5},\"spr\":0.0,"
      + "\"lr\":1e-3,\"grad_norm\":null,\"tokens\":20,\"seconds\":0.5}\n";

  @TempDir Path folder;

  @BeforeEach
  void recipe() throws IOException {
    Files.writeString(folder.resolve("recipe.yaml"), """
        model: demo
        method: lora
        seed: 0
        tasks:
        - {name: "a<b"}
        - {name: two}
        lora: {r: 4}
        train: {max_steps: 9, batch_size: 2, learning_rate: 1.0E-3}
        """);
  }

  private String page() {
    String page = RunReport.of(folder);
    Markup.isWellFormed(page);
    assertThat(Markup.withoutCode(page)).doesNotContain("NaN", "Infinity", "null");
    return page;
  }

  @Test
  void aRunThatHasOnlyARecipe() {
    assertThat(page()).contains("2 tasks, one adapter; not finished: training has not begun.", "id=\"recipe\"")
        .doesNotContain("id=\"training\"", "id=\"scores\"", "id=\"answers\"");
  }

  @Test
  void aRunInTrainingWithATornLastLine() throws IOException {
    Files.writeString(folder.resolve("log.jsonl"), STEP.formatted(1) + STEP.formatted(2)
        + "{\"step\":2,\"event\":\"evaluation\",\"nll\":{\"a<b\":null,\"two\":1.25}}\n" + "{\"step\":3,\"lo");
    assertThat(page()).contains("not finished: step 2 of 9.", "id=\"training\"", "a&lt;b", "40 tokens a second",
        "validation 1.250", "validation n/a");
  }

  @Test
  void answersBeforeTrainingAreShownAlone() throws IOException {
    Files.writeString(folder.resolve("answers.jsonl"),
        "{\"task\":\"two\",\"row\":0,\"prompt\":\"1+1 & <x>\",\"expected\":\"2\",\"tokens\":1,"
            + "\"before\":{\"answer\":\"3\",\"score\":0.0,\"nll\":4.5},\"after\":null}\n");
    assertThat(page()).contains("1+1 &amp; &lt;x&gt;", "after: not yet known", "\u2717 wrong", "id=\"scores\"");
  }

  @Test
  void imagesAreSmallPicturesOrTheirNames() throws IOException {
    Path image = Files.write(folder.resolve("big \"1\".png"), Seeing.png(400, 200, 0xff2010));
    Files.writeString(folder.resolve("answers.jsonl"), Stream.of(image, folder.resolve("gone.png")).map(file ->
        "{\"task\":\"two\",\"row\":0,\"prompt\":\"<image>what?\",\"expected\":\"2\",\"tokens\":1,\"images\":["
            + TextNode.valueOf(file.toString()) + "],\"before\":{\"answer\":\"3\",\"score\":0.0,\"nll\":4.5},"
            + "\"after\":null}\n").collect(Collectors.joining()));
    Matcher picture = Pattern.compile("<img src=\"data:image/png;base64,([^\"]*)\" alt=\"big &quot;1&quot;.png\"")
        .matcher(page());
    assertThat(picture.find()).isTrue();
    BufferedImage small = ImageIO.read(new ByteArrayInputStream(Base64.getDecoder().decode(picture.group(1))));
    assertThat(small.getWidth()).isEqualTo(96);
    assertThat(small.getHeight()).isEqualTo(48);
    assertThat(small.getRGB(90, 24) & 0xffffff).isEqualTo(0xff2010);
    assertThat(picture.find()).isFalse();
    assertThat(page()).contains("<small>gone.png</small>", "&lt;image&gt;what?");
  }

  @Test
  void aDamagedFileIsNamed() throws IOException {
    Path summary = Files.writeString(folder.resolve("summary.json"), "{");
    assertThatThrownBy(() -> RunReport.of(folder)).isInstanceOf(CheckpointException.class)
        .hasMessageStartingWith(summary + ": is not the JSON that a run wrote");
  }
}
