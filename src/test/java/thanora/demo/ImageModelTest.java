package thanora.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import thanora.checkpoint.CheckpointException;
import thanora.checkpoint.SafetensorsFile;
import thanora.tensor.DType;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

class ImageModelTest {
  private static final Path DEMO = Path.of("demo");
  private static final String ROWS = "language_model.model.embed_tokens.weight";

  @Test
  void wholeModelHoldsBothPartsToTheBit(@TempDir Path dir) {
    Path folder = dir.resolve("llava");
    ImageModel.assemble(DEMO, folder);
    try (TensorScope scope = TensorScope.open();
        SafetensorsFile whole = SafetensorsFile.open(folder.resolve("model.safetensors"));
        SafetensorsFile decoder = SafetensorsFile.open(DEMO.resolve("model/model.safetensors"));
        SafetensorsFile vision = SafetensorsFile.open(DEMO.resolve("images/vision.safetensors"))) {
      Set<String> expected = new TreeSet<>(vision.names());
      expected.remove("language_model.model.embed_tokens.added");
      for (String name : expected) {
        assertThat(values(whole, name)).as(name).isEqualTo(values(vision, name));
      }
      for (String name : decoder.names()) {
        expected.add("language_model." + name);
        float[] all = values(whole, "language_model." + name);
        float[] own = values(decoder, name);
        assertThat(all).as(name).startsWith(own);
        assertThat(all.length - own.length).as(name).isEqualTo(name.contains("embed_tokens") ? 256 : 0);
      }
      assertThat(new TreeSet<>(whole.names())).isEqualTo(expected);
      assertThat(whole.shape(ROWS)).containsExactly(3073, 256);
      assertThat(whole.dtype(ROWS)).isEqualTo(DType.BF16);
    }
  }

  private static float[] values(SafetensorsFile file, String name) {
    Tensor tensor = file.load(name, new Placement("cpu", DType.F32));
    return Tensors.floats(tensor);
  }

  @Test
  void configurationsFitTheDecoderAndTheImageToken() throws Exception {
    ObjectMapper mapper = new ObjectMapper();
    JsonNode config = mapper.readTree(DEMO.resolve("images/config.json").toFile());
    JsonNode decoder = mapper.readTree(DEMO.resolve("model/config.json").toFile());
    int image = config.get("image_token_index").asInt();
    assertThat(image).isEqualTo(decoder.get("vocab_size").asInt());
    assertThat(config.get("text_config").get("vocab_size").asInt()).isEqualTo(image + 1);
    JsonNode tokens = mapper.readTree(DEMO.resolve("images/tokenizer.json").toFile()).get("added_tokens");
    assertThat(tokens.get(tokens.size() - 1).get("id").asInt()).isEqualTo(image);
    assertThat(tokens.get(tokens.size() - 1).get("content").asText()).isEqualTo("<image>");
    for (String key : new String[] {"hidden_size", "num_hidden_layers", "intermediate_size"}) {
      assertThat(config.get("text_config").get(key)).isEqualTo(decoder.get(key));
    }
  }

  @Test
  void allOfItIsSmall() throws Exception {
    try (Stream<Path> files = Files.list(DEMO.resolve("images"))) {
      assertThat(files.mapToLong(file -> file.toFile().length()).sum()).isLessThan(5_000_000);
    }
  }

  @Test
  void aFolderThatIsThereAndAPartThatIsMissingAreErrorsThatLeaveNothing(@TempDir Path dir) throws Exception {
    Path taken = Files.createDirectory(dir.resolve("taken"));
    assertThatThrownBy(() -> ImageModel.assemble(DEMO, taken))
        .isInstanceOf(CheckpointException.class).hasMessageContaining("exists already");
    Path partial = Files.createDirectories(dir.resolve("partial"));
    Files.createDirectories(partial.resolve("images"));
    Files.createSymbolicLink(partial.resolve("model"), DEMO.resolve("model").toAbsolutePath());
    assertThatThrownBy(() -> ImageModel.assemble(partial, dir.resolve("llava")))
        .isInstanceOf(CheckpointException.class).hasMessageContaining("vision.safetensors");
    assertThat(dir.resolve("llava")).doesNotExist();
    try (Stream<Path> left = Files.list(dir)) {
      assertThat(left).containsExactlyInAnyOrder(taken, partial);
    }
  }
}
