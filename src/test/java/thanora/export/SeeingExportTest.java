package thanora.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import thanora.Golden;
import thanora.Pico;
import thanora.Seeing;
import thanora.checkpoint.Checkpoint;
import thanora.checkpoint.CheckpointException;
import thanora.checkpoint.SafetensorsFile;
import thanora.checkpoint.SafetensorsWriter;
import thanora.data.Sample;
import thanora.lora.Adapter;
import thanora.lora.DoraAdapter;
import thanora.model.Decoder;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Threads;

/** What leaves a model that sees images: adapters of tower, connector and decoder, and the merged folder. */
class SeeingExportTest {
  private static final double TOLERANCE = 1e-4;

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

  private static Path peft(String name) {
    return Seeing.folder(name.replace("-legacy", "")).resolve("adapter");
  }

  /** PEFT's own file names layers of the tower that no logit depends on where the tower has such. */
  @ParameterizedTest
  @ValueSource(strings = {"llava-sharded", "llava-legacy", "llava-siglip", "smolvlm"})
  void peftsAdapterIsReadAndTheMergedFolderHasItsLogits(String name) throws IOException {
    Decoder model = Seeing.load(name, Optional.empty());
    Adapter adapter = PeftAdapter.read(peft(name), model);
    assertThat(adapter.modules()).isEqualTo(model.projectionNames());
    try (Checkpoint base = Checkpoint.open(Seeing.folder(name))) {
      MergedFolder.write(base, model, adapter, folder, Optional.empty(), written -> {});
      try (Checkpoint merged = Checkpoint.open(folder)) {
        for (String tensor : base.weights().names()) {
          assertThat(merged.storedName(tensor)).isEqualTo(base.storedName(tensor));
          if (!adapter.modules().contains(tensor.replaceFirst("\\.weight$", ""))) {
            Golden.assertClose(tensor, merged.weights().load(tensor, Placement.CPU_F32),
                base.weights().load(tensor, Placement.CPU_F32), 0);
          }
        }
        assertThat(merged.weights().names()).isEqualTo(base.weights().names());
      }
    }
    try (SafetensorsFile expected = Seeing.expected(name)) {
      Decoder merged = Seeing.load(folder, expected);
      List<Sample> rows = Seeing.samples(expected);
      LogitCheck logits = LogitCheck.of(merged, rows);
      logits.write(folder.resolve("logits.safetensors"));
      adapter.attach(model);
      assertThat(logits.difference(model)).isLessThan(1e-5);
      adapter.detach(model);
      assertThat(logits.difference(model)).isGreaterThan(1e-2);
      try (SafetensorsFile written = SafetensorsFile.open(folder.resolve("logits.safetensors"))) {
        assertThat(written.names()).hasSize(9).contains("pixels_1_0", "pixels_2_0", "pixels_2_1");
        for (String tensor : written.names()) {
          String there = tensor.startsWith("logits") ? "merged_" + tensor : tensor;
          Golden.assertClose(tensor, written.load(tensor, Placement.CPU_F32),
              expected.load(there, Placement.CPU_F32), TOLERANCE);
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llava", "smolvlm", "idefics3"})
  void onlyWhatIsAdaptedIsNamedInTheConfiguration(String name) throws IOException {
    Decoder model = Seeing.load(name, Optional.empty());
    List<String> decoders = model.projectionNames().stream().filter(module -> module.contains("q_proj"))
        .filter(module -> !module.contains("vision")).toList();
    Adapter adapter = new DoraAdapter.Form(2, 1).create(model, decoders, 1);
    PeftAdapter.write(folder, adapter, model, "base", Optional.empty());
    JsonNode config = new ObjectMapper().readTree(folder.resolve("adapter_config.json").toFile());
    assertThat(config.get("target_modules")).extracting(JsonNode::asText).containsExactlyElementsOf(decoders);
    assertThat(config.get("task_type").isNull()).isTrue();
    assertThat(config.at("/auto_mapping/parent_library").asText())
        .isEqualTo("transformers.models." + name + ".modeling_" + name);
    assertThat(PeftAdapter.read(folder, model).modules()).containsExactlyElementsOf(decoders);
  }

  /** As PEFT wrote it with transformers before release 5. */
  @Test
  void olderNamesAndUnreadLayersOfATowerAreKnown() throws IOException {
    Decoder model = Seeing.load("llava", Optional.empty());
    Files.copy(peft("llava").resolve("adapter_config.json"), folder.resolve("adapter_config.json"));
    Map<String, Tensor> tensors = new HashMap<>();
    try (SafetensorsFile file = SafetensorsFile.open(peft("llava").resolve("adapter_model.safetensors"))) {
      for (String tensor : file.names()) {
        Tensor value = file.load(tensor, Placement.CPU_F32);
        String older = tensor.replace("model.model.language_model.", "model.language_model.model.")
            .replace("model.model.vision_tower.", "model.vision_tower.vision_model.")
            .replace("model.model.multi_modal", "model.multi_modal");
        assertThat(older).isNotEqualTo(tensor);
        tensors.put(older, value);
        tensors.put(older.replace("vision_model.encoder.layers.1.", "vision_model.encoder.layers.2."), value);
      }
    }
    SafetensorsWriter.write(folder.resolve("adapter_model.safetensors"), tensors);
    assertThat(PeftAdapter.read(folder, model).modules()).isEqualTo(model.projectionNames());
    Path text = Pico.folder("llama").resolve("adapter");
    assertThatThrownBy(() -> PeftAdapter.read(text, model)).isInstanceOf(CheckpointException.class)
        .hasMessageContaining("belongs to no linear layer of this model");
  }
}
