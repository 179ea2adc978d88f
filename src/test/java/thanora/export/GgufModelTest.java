package thanora.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
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
import thanora.Pico;
import thanora.checkpoint.Checkpoint;
import thanora.checkpoint.CheckpointException;
import thanora.checkpoint.GgufFile;
import thanora.checkpoint.OutType;
import thanora.hasi.HasiConfig;
import thanora.lora.Adapter;
import thanora.lora.LoraAdapter;
import thanora.lora.Starts;
import thanora.model.Decoder;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

/** GGUF files of merged models, read back by our own reader; llama.cpp reads them in LlamaCppTest. */
class GgufModelTest {
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

  private Path withTokenizer(String name) throws IOException {
    return Pico.withTokenizer(name, folder.resolve(name));
  }

  private Path write(Path base, Decoder model, Adapter adapter, OutType type, String name) {
    Path file = folder.resolve(name);
    try (Checkpoint checkpoint = Checkpoint.open(base)) {
      new GgufModel(checkpoint, model, Optional.empty(), adapter).write(file, type, count -> {});
    }
    return file;
  }

  /** Also that an adapter that was not trained leaves every weight as it is, though its B is not zero. */
  @ParameterizedTest
  @ValueSource(strings = {"llama", "llama-bias", "llama-linear-rope", "llama-tied-sharded", "llama3-rope", "mistral",
      "qwen2", "qwen3", "smollm"})
  void anUntouchedAdapterGivesTheBaseAndTheSameLogits(String name) throws IOException {
    Decoder model = Pico.load(name);
    LoraAdapter untouched = Starts.hasi(model, HasiConfig.thanora());
    Path file = write(withTokenizer(name), model, untouched, OutType.F32, "m.gguf");
    try (Checkpoint base = Checkpoint.open(Pico.folder(name)); Checkpoint read = Checkpoint.open(file)) {
      assertThat(read.weights().names()).isEqualTo(model.tensorNames());
      for (String tensor : model.tensorNames()) {
        assertThat(Tensors.floats(read.weights().load(tensor, Placement.CPU_F32))).as(tensor)
            .isEqualTo(Tensors.floats(base.weights().load(tensor, Placement.CPU_F32)));
      }
    }
    if (!name.equals("mistral")) { // its window of 4 tokens has no place in llama.cpp's Mistral
      Decoder read = Pico.load(file, Placement.CPU_F32);
      Golden.assertClose("logits", Pico.logits(read, Pico.batch(name)), Pico.logits(model, Pico.batch(name)), 1e-5);
    }
  }

  @Test
  void aTrainedAdapterIsInTheWeightsAndTheBytesAreTheSameEachTime() throws IOException {
    Decoder model = Pico.load("llama");
    LoraAdapter adapter = Starts.hasi(model, HasiConfig.thanora());
    Starts.disturb(adapter, 0.05, 1);
    Path base = withTokenizer("llama");
    Path file = write(base, model, adapter, OutType.F32, "m.gguf");
    assertThat(write(base, model, adapter, OutType.F32, "again.gguf")).hasSameBinaryContentAs(file);
    Decoder read = Pico.load(file, Placement.CPU_F32);
    adapter.attach(model);
    Golden.assertClose("logits", Pico.logits(read, Pico.batch("llama")), Pico.logits(model, Pico.batch("llama")), 1e-5);
    for (OutType type : List.of(OutType.F16, OutType.BF16, OutType.Q8_0)) {
      Path rounded = write(base, model, adapter, type, type + ".gguf");
      assertThat(Files.size(rounded)).isLessThan(Files.size(file));
      Golden.assertClose(type + " logits", Pico.logits(Pico.load(rounded, Placement.CPU_F32), Pico.batch("llama")),
          Pico.logits(model, Pico.batch("llama")), 0.05);
    }
  }

  /** Also those that are not written from a Hugging Face folder: Gemma's norms get their 1 back. */
  @ParameterizedTest
  @ValueSource(strings = {"tiny-gemma2", "tiny-gemma3", "tiny-llama", "tiny-phi3", "tiny-qwen3", "tiny-smollm3"})
  void aGgufBaseOfEveryFamilyIsWrittenBackAsItWas(String name) {
    Path base = Golden.path("gguf/" + name + ".gguf");
    Decoder model = Pico.load(base, Placement.CPU_F32);
    Path file = write(base, model, Starts.hasi(model, HasiConfig.thanora()), OutType.F32, "m.gguf");
    try (Checkpoint before = Checkpoint.open(base); Checkpoint after = Checkpoint.open(file)) {
      assertThat(after.weights().names()).isEqualTo(before.weights().names());
      for (String tensor : before.weights().names()) {
        Golden.assertClose(tensor, after.weights().load(tensor, Placement.CPU_F32),
            before.weights().load(tensor, Placement.CPU_F32), 1e-6);
      }
      assertThat(after.config()).isEqualTo(before.config());
    }
    Golden.assertClose("logits", Pico.logits(Pico.load(file, Placement.CPU_F32), Pico.batch("llama")),
        Pico.logits(model, Pico.batch("llama")), 1e-6);
  }

  @ParameterizedTest
  @ValueSource(strings = {"tiny-llama", "tiny-llama3", "tiny-qwen2"})
  void aGgufBaseKeepsItsOwnMetadata(String name) {
    Path base = Golden.path("gguf/" + name + ".gguf");
    Decoder model = Pico.load(base, Placement.CPU_F32);
    Path file = write(base, model, Starts.hasi(model, HasiConfig.thanora()), OutType.F32, "m.gguf");
    try (GgufFile before = GgufFile.open(base); GgufFile after = GgufFile.open(file)) {
      Map<String, Object> expected = new HashMap<>(before.metadata());
      expected.put("general.file_type", 0L);
      assertThat(after.metadata()).isEqualTo(expected);
      assertThat(after.config()).isEqualTo(before.config());
      assertThat(after.tokenizerJson()).isEqualTo(before.tokenizerJson());
    }
    Golden.assertClose("logits", Pico.logits(Pico.load(file, Placement.CPU_F32), Pico.batch("llama")),
        Pico.logits(model, Pico.batch("llama")), 1e-6);
  }

  @Test
  void aModelThatLlamaCppDoesNotKnowIsRefusedAndNothingIsLeft() throws IOException {
    Path base = withTokenizer("llama");
    Path config = base.resolve("config.json");
    Files.writeString(config, Files.readString(config).replace("\"model_type\": \"llama\"", "\"model_type\": \"own\""));
    Decoder model = Pico.load("llama");
    assertThatThrownBy(() -> write(base, model, Starts.hasi(model, HasiConfig.thanora()), OutType.F32, "m.gguf"))
        .isInstanceOf(CheckpointException.class)
        .hasMessage("model_type own cannot be written as a GGUF file from a Hugging Face folder; those that can are"
            + " llama, mistral, qwen2, qwen3; of others begin with the base's GGUF file");
    assertThat(folder.resolve("m.gguf")).doesNotExist();
  }
}
