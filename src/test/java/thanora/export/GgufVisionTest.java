package thanora.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import thanora.Golden;
import thanora.LoadedModel;
import thanora.Recipe;
import thanora.Seeing;
import thanora.checkpoint.Checkpoint;
import thanora.checkpoint.CheckpointException;
import thanora.checkpoint.Headers;
import thanora.checkpoint.OutType;
import thanora.checkpoint.SafetensorsFile;
import thanora.checkpoint.Weights;
import thanora.image.ModelImages;
import thanora.lora.Adapter;
import thanora.lora.LoraAdapter;
import thanora.model.Decoder;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

/**
 * GGUF files of models that see images, read back by our own reader; llama.cpp reads such in scripts/interop/run.sh.
 */
class GgufVisionTest {
  @TempDir Path folder;

  private final TensorScope scope = TensorScope.open();

  @BeforeAll
  static void threads() {
    Threads.use(1);
  }

  @AfterEach
  void close() {
    scope.close();
  }

  private Path decoder() {
    return folder.resolve("m.gguf");
  }

  private Path eyes() {
    return folder.resolve("mmproj-m.gguf");
  }

  /** A loaded model with an adapter of all its parts. */
  private record Adapted(LoadedModel model, Adapter adapter) implements AutoCloseable {
    GgufModel files() {
      return new GgufModel(model.checkpoint(), model.decoder(), model.images().map(ModelImages::processor), adapter);
    }

    @Override
    public void close() {
      model.close();
    }
  }

  private Adapted open(String name) throws IOException {
    LoadedModel model = LoadedModel.load(
        Seeing.whole(name, folder.resolve(name)).toString(), "cpu", Recipe.Dtype.FLOAT32, 1);
    return new Adapted(model, PeftAdapter.read(Seeing.folder(name).resolve("adapter"), model.decoder()));
  }

  private Weights read(LoadedModel model) {
    return GgufModel.read(
        model.checkpoint(), model.decoder(), model.images().orElseThrow().processor(), decoder(), eyes());
  }

  private void write(GgufModel files, OutType type) {
    files.write(decoder(), type, written -> {});
    files.writeVision(eyes(), type, written -> {});
  }

  @ParameterizedTest
  @ValueSource(strings = {"llava", "llava-sharded", "llava-siglip", "smolvlm", "idefics3"})
  void bothFilesHaveTheLogitsOfPeftsMergedModel(String name) throws IOException {
    try (Adapted made = open(name)) {
      write(made.files(), OutType.F32);
      try (Weights read = read(made.model); SafetensorsFile expected = Seeing.expected(name)) {
        assertThat(read.names()).isEqualTo(made.model.decoder().tensorNames());
        Decoder merged = Decoder.load(made.model.decoder().config(), read, Placement.CPU_F32);
        merged.vision().orElseThrow().use(Seeing.reader(expected));
        LogitCheck logits = LogitCheck.of(merged, Seeing.samples(expected));
        logits.write(folder.resolve("logits.safetensors"));
        try (SafetensorsFile written = SafetensorsFile.open(folder.resolve("logits.safetensors"))) {
          for (String tensor : List.of("logits_0", "logits_1", "logits_2")) {
            Golden.assertClose(tensor, written.load(tensor, Placement.CPU_F32),
                expected.load("merged_" + tensor, Placement.CPU_F32), 1e-4);
          }
        }
      }
    }
  }

  /** Names, types and values that libmtmd asks for. */
  @Test
  void theMetadataOfLlavaIsThatOfItsConfiguration() throws IOException {
    try (Adapted made = open("llava")) {
      write(made.files(), OutType.F16);
      assertThat(made.files().differences()).singleElement().asString().contains("class token", "25814");
    }
    assertThat(Headers.metadata(eyes())).containsAllEntriesOf(Map.ofEntries(
        Map.entry("general.architecture", "clip"), Map.entry("general.type", "mmproj"),
        Map.entry("clip.has_vision_encoder", true), Map.entry("clip.projector_type", "mlp"),
        Map.entry("clip.vision.projection_dim", 32L), Map.entry("clip.vision.image_size", 18L),
        Map.entry("clip.vision.patch_size", 6L), Map.entry("clip.vision.embedding_length", 24L),
        Map.entry("clip.vision.feed_forward_length", 40L), Map.entry("clip.vision.block_count", 2L),
        Map.entry("clip.vision.attention.head_count", 2L), Map.entry("clip.vision.feature_layer", List.of(2L)),
        Map.entry("clip.vision.attention.layer_norm_epsilon", 1e-5f),
        Map.entry("clip.vision.image_mean", List.of(0.5f, 0.5f, 0.5f)),
        Map.entry("clip.vision.image_std", List.of(0.2f, 0.2f, 0.2f)), Map.entry("general.file_type", 1L)))
        .doesNotContainKey("clip.use_gelu");
    assertThat(Headers.metadata(decoder())).containsEntry("general.architecture", "llama").containsEntry("llama.block_count", 2L)
        .containsEntry("llama.vocab_size", 96L).containsEntry("llama.embedding_length", 32L);
  }

  /** A processor that doubles values and takes 1 away is one that takes a half away and divides by a half. */
  @Test
  void theMetadataOfSmolVlmHasItsTilesAndItsPixelsAsLlamaCppScalesThem() throws IOException {
    try (Adapted made = open("smolvlm")) {
      write(made.files(), OutType.Q8_0);
      assertThat(made.files().differences()).isEmpty();
    }
    assertThat(Headers.metadata(eyes())).containsEntry("clip.projector_type", "idefics3").containsEntry("clip.use_gelu", true)
        .containsEntry("clip.vision.projector.scale_factor", 2L).containsEntry("clip.vision.preproc_image_size", 48L)
        .containsEntry("clip.vision.block_count", 3L)
        .containsEntry("clip.vision.image_mean", List.of(0.5f, 0.5f, 0.5f))
        .containsEntry("clip.vision.image_std", List.of(0.4f, 0.5f, 0.5f)).doesNotContainKey("clip.vision.feature_layer");
  }

  @Test
  void aProjectorWithoutBiasGetsZeros() throws IOException {
    Path base = Seeing.whole(folder.resolve("base"));
    edit(base, config -> config.put("multimodal_projector_bias", false));
    try (LoadedModel model = LoadedModel.load(base.toString(), "cpu", Recipe.Dtype.FLOAT32, 1)) {
      GgufModel files = new GgufModel(model.checkpoint(), model.decoder(), model.images().map(ModelImages::processor),
          LoraAdapter.create(model.decoder(), List.copyOf(model.decoder().projectionNames()), 1, 0, 1));
      write(files, OutType.F32);
      try (Weights read = read(model)) {
        for (String bias : List.of("mm.0.bias", "mm.2.bias")) {
          assertThat(Tensors.floats(read.load(bias, Placement.CPU_F32))).hasSize(32).containsOnly(0f);
        }
      }
    }
  }

  @Test
  void whatLlamaCppDoesNotComputeIsRefusedInOneLine() throws IOException {
    assertRefused("class", config -> config.put("vision_feature_select_strategy", "full"), "a vision tower whose class"
        + " token the decoder sees (vision_feature_select_strategy full)");
    assertRefused("gelu", config -> config.put("projector_hidden_act", "quick_gelu"),
        "a vision tower with a projector_hidden_act other than gelu");
  }

  private void assertRefused(String name, Change change, String what) throws IOException {
    Path base = Seeing.whole(folder.resolve(name));
    edit(base, change);
    try (LoadedModel model = LoadedModel.load(base.toString(), "cpu", Recipe.Dtype.FLOAT32, 1)) {
      assertThatThrownBy(() -> new GgufModel(model.checkpoint(), model.decoder(),
          model.images().map(ModelImages::processor), LoraAdapter.create(model.decoder(), List.of(), 1, 0, 1)))
          .isInstanceOf(CheckpointException.class)
          .hasMessage(what + " cannot be written as a GGUF file for llama.cpp; write a Hugging Face folder");
    }
  }

  private interface Change {
    void of(ObjectNode config);
  }

  private static void edit(Path base, Change change) throws IOException {
    ObjectMapper json = new ObjectMapper();
    ObjectNode config = (ObjectNode) json.readTree(base.resolve("config.json").toFile());
    change.of(config);
    json.writeValue(base.resolve("config.json").toFile(), config);
  }

  /** llama.cpp puts an adapter on the decoder alone. */
  @Test
  void anAdapterOfTheDecoderIsWrittenAndReadOneOfTheTowerIsRefused() throws IOException {
    Path base = Seeing.whole(folder.resolve("base"));
    Decoder model = Seeing.load("llava", Optional.empty());
    try (Checkpoint checkpoint = Checkpoint.open(base)) {
      List<String> decoders = model.projectionNames().stream().filter(name -> name.contains("language_model")).toList();
      LoraAdapter adapter = LoraAdapter.create(model, decoders, 2, 0, 2);
      GgufAdapter.write(decoder(), adapter, checkpoint, OutType.F32);
      assertThat(GgufAdapter.read(decoder(), model, checkpoint).modules()).containsExactlyElementsOf(decoders);
      Adapter whole = PeftAdapter.read(Seeing.folder("llava").resolve("adapter"), model);
      assertThatThrownBy(() -> GgufAdapter.write(eyes(), whole, checkpoint, OutType.F32))
          .isInstanceOf(UnsupportedOperationException.class)
          .hasMessage("a GGUF adapter changes the decoder alone, this one the part that sees images too;"
              + " write the merged model: thanora merge RUN --format gguf");
    }
    assertThat(eyes()).doesNotExist();
  }
}
