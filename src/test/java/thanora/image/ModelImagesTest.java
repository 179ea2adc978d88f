package thanora.image;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import thanora.Golden;
import thanora.text.Encoded;
import thanora.text.Tokenizer;

/** Processors and tokens as transformers has them; see make_images.py. */
class ModelImagesTest {
  @TempDir Path folder;

  private static Stream<JsonNode> stream(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false);
  }

  private SquareTiles processor(JsonNode fields) throws IOException {
    Files.writeString(folder.resolve("preprocessor_config.json"), fields.toString());
    return Processors.read(folder, Optional.empty());
  }

  private static String sha256(float[] values) throws Exception {
    ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes.array()));
  }

  @TestFactory
  Stream<DynamicTest> pixelValuesAreThoseOfTransformers() throws IOException {
    GoldenImages golden = new GoldenImages();
    return stream(GoldenImages.cases().get("processors")).map(one -> {
      String name = one.get("name").textValue();
      return DynamicTest.dynamicTest(name, () -> {
        SquareTiles processor = processor(one.get("fields"));
        for (JsonNode image : one.get("images")) {
          String file = image.get("file").textValue();
          ImageSource source = GoldenImages.source(file);
          Layout layout = new Layout(image.get("rows").intValue(), image.get("columns").intValue());
          assertThat(processor.layout(source)).as(file).isEqualTo(layout);
          Pixels pixels = processor.pixels(source);
          assertThat(pixels.layout()).as(file).isEqualTo(layout);
          if (golden.has(name + "/" + file)) {
            assertThat(pixels.values()).as(file).isEqualTo(golden.floats(name + "/" + file));
          }
          assertThat(sha256(pixels.values())).as(file).isEqualTo(image.get("sha256").textValue());
        }
      });
    });
  }

  private ModelImages read(JsonNode one) throws IOException {
    Files.copy(Golden.path("images/tokenizer_" + one.get("tokenizer").textValue() + ".json"),
        folder.resolve("tokenizer.json"), StandardCopyOption.REPLACE_EXISTING);
    Files.writeString(folder.resolve("preprocessor_config.json"), one.get("processor").toString());
    Files.writeString(folder.resolve("processor_config.json"), one.get("processor_config").toString());
    return ModelImages.read(folder, one.get("config"), Tokenizer.of(folder)).orElseThrow();
  }

  @TestFactory
  Stream<DynamicTest> tokensAreThoseOfTransformers() throws IOException {
    return stream(GoldenImages.cases().get("texts")).map(one ->
        DynamicTest.dynamicTest(one.get("config").get("model_type").textValue(), () -> {
          ModelImages images = read(one);
          List<Layout> layouts = new ArrayList<>();
          one.get("images").forEach(file -> layouts.add(images.processor().layout(GoldenImages.source(file.textValue()))));
          Encoded text = new Encoded(Tokenizer.of(folder).encode(one.get("text").textValue()), 0);
          assertThat(images.tokens().expand(text, layouts).ids())
              .isEqualTo(stream(one.get("ids")).mapToInt(JsonNode::intValue).toArray());
        }));
  }
}
