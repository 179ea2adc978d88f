package thanora;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import thanora.data.Row;
import thanora.image.ImageSource;
import thanora.image.ModelImages;
import thanora.text.ChatMessage;
import thanora.text.Conversation;
import thanora.text.Encoded;
import thanora.text.PromptFormat;
import thanora.text.Tokenizer;

/** Ids of conversations with images, as the processors of transformers make them; see make_image_prompts.py. */
class ImagePromptsGoldenTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path temp;

  @TestFactory
  List<DynamicTest> idsAreThoseOfTransformers() throws IOException {
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode model : JSON.readTree(Path.of("src/test/resources/golden/images/prompts.json").toFile())) {
      String name = model.get("name").textValue();
      RowEncoder encoder = encoder(model, Files.createDirectories(temp.resolve(name)));
      for (JsonNode one : model.get("cases")) {
        tests.add(DynamicTest.dynamicTest(name + " " + one.get("sizes"), () -> check(encoder, one)));
      }
    }
    return tests;
  }

  private static RowEncoder encoder(JsonNode model, Path folder) throws IOException {
    for (Map.Entry<String, JsonNode> file : model.get("files").properties()) {
      Files.writeString(folder.resolve(file.getKey()), file.getValue().toString());
    }
    Files.writeString(folder.resolve("chat_template.jinja"), model.get("template").textValue());
    Tokenizer tokenizer = Tokenizer.of(folder);
    Optional<ModelImages> images = ModelImages.read(folder, model.at("/files/config.json"), tokenizer);
    return new RowEncoder(tokenizer, PromptFormat.of(tokenizer, Map.of(), LocalDateTime.now(),
        images.map(own -> own.tokens().placeholder())), images);
  }

  private void check(RowEncoder encoder, JsonNode one) throws IOException {
    List<ImageSource> images = new ArrayList<>();
    for (JsonNode size : one.get("sizes")) {
      Path file = temp.resolve(images.size() + ".png");
      ImageIO.write(new BufferedImage(size.get(0).intValue(), size.get(1).intValue(), BufferedImage.TYPE_INT_RGB),
          "png", file.toFile());
      images.add(new ImageSource.ImageFile(file, ""));
    }
    List<ChatMessage> messages = new ArrayList<>();
    for (JsonNode message : one.get("messages")) {
      messages.add(new ChatMessage(JSON.convertValue(message,
          JSON.getTypeFactory().constructMapType(Map.class, String.class, Object.class))));
    }
    int[] wanted = JSON.convertValue(one.get("ids"), int[].class);
    Encoded all = encoder.encode(new Row.Conversation(new Conversation(messages, List.of(), 0), images));
    assertThat(all.ids()).startsWith(encoder.tokenizer().bos().getAsInt());
    assertSame(encoder, all.ids(), wanted);
    if (messages.size() == 2) {
      String question = text(one.at("/messages/0/content"));
      Encoded pair = encoder.encode(new Row.Pair("", question, text(one.at("/messages/1/content")), images));
      assertSame(encoder, pair.ids(), wanted);
      assertThat(pair.trained()).isEqualTo(all.trained());
    }
  }

  private static String text(JsonNode parts) {
    StringBuilder text = new StringBuilder();
    parts.forEach(part -> text.append(part.has("text") ? part.get("text").textValue() : "<image>\n"));
    return text.toString();
  }

  /** Up to the end of the last answer, which here is an end id even where the template writes none. */
  private static void assertSame(RowEncoder encoder, int[] ids, int[] wanted) {
    int last = ids.length - 1;
    assertThat(Arrays.copyOf(ids, last)).isEqualTo(Arrays.copyOf(wanted, last));
    assertThat(encoder.tokenizer().endIds()).contains(ids[last]);
    assertThat(encoder.tokenizer().decode(IntStream.of(wanted).skip(last).toArray(), true)).isBlank();
  }
}
