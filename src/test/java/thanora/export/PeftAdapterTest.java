package thanora.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
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
import org.junit.jupiter.params.provider.CsvSource;
import thanora.Golden;
import thanora.Pico;
import thanora.checkpoint.CheckpointException;
import thanora.checkpoint.SafetensorsFile;
import thanora.checkpoint.SafetensorsWriter;
import thanora.data.Batch;
import thanora.hasi.HasiConfig;
import thanora.hasi.RankPlan;
import thanora.lora.LoraAdapter;
import thanora.lora.SprConfig;
import thanora.lora.Starts;
import thanora.method.AdapterMethod;
import thanora.method.Thanora;
import thanora.model.Decoder;
import thanora.tensor.DType;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

class PeftAdapterTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String Q = "model.layers.0.self_attn.q_proj";

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

  private static Started start(Decoder model, List<String> modules) {
    Thanora method = new Thanora("thanora", HasiConfig.thanora(), SprConfig.thanora());
    AdapterMethod.Setting setting = Starts.setting(model, modules);
    LoraAdapter adapter = (LoraAdapter) method.empty(setting);
    Optional<RankPlan> plan = method.start(setting, adapter, 0);
    Starts.disturb(adapter, 0.05, 1);
    return new Started(adapter, plan);
  }

  /** An adapter away from its start, and its plan. */
  private record Started(LoraAdapter adapter, Optional<RankPlan> plan) {}

  private static void write(Path to, Started start, Decoder model) throws IOException {
    Files.createDirectories(to);
    PeftAdapter.write(to, start.adapter(), model, "base/model", start.plan());
  }

  @Test
  void whatIsWrittenIsReadBackWithTheSameFunction() throws IOException {
    Decoder model = Pico.load("llama", DType.F64);
    Started start = start(model, List.copyOf(model.projectionNames()));
    write(folder, start, model);
    LoraAdapter read = (LoraAdapter) PeftAdapter.read(folder, model);
    assertThat(read.modules()).isEqualTo(start.adapter().modules());
    assertThat(read.rank()).isEqualTo(start.adapter().exportRank());
    assertThat(read.scaling()).isEqualTo(start.adapter().scaling());
    Batch batch = Pico.batch("llama");
    start.adapter().attach(model);
    double[] expected = Tensors.doubles(Pico.logits(model, batch));
    start.adapter().detach(model);
    read.attach(model);
    Golden.assertClose("logits", Tensors.doubles(Pico.logits(model, batch)), expected, 2e-6);
    for (String module : read.modules()) {
      assertThat(Tensors.doubles(read.delta(module)))
          .isEqualTo(Tensors.doubles(start.adapter().delta(module)));
    }
    assertThat(RankPlan.read(folder.resolve(PeftAdapter.PLAN))).isEqualTo(start.plan().get());
  }

  @Test
  void theConfigurationIsPefts() throws IOException {
    Decoder model = Pico.load("llama");
    Started start = start(model, List.copyOf(model.projectionNames()));
    write(folder, start, model);
    JsonNode config = JSON.readTree(folder.resolve("adapter_config.json").toFile());
    // r 8 of which 2 cooperative: 8 + 6 rows, and the scale stays 16 / 8
    assertThat(config.get("r").asInt()).isEqualTo(14);
    assertThat(config.get("lora_alpha").asInt()).isEqualTo(28);
    assertThat(config.get("peft_type").asText()).isEqualTo("LORA");
    assertThat(config.get("task_type").asText()).isEqualTo("CAUSAL_LM");
    assertThat(config.get("target_modules")).extracting(JsonNode::asText).containsExactly(
        "down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj");
    assertThat(config.get("base_model_name_or_path").asText()).isEqualTo("base/model");
    try (SafetensorsFile file =
        SafetensorsFile.open(folder.resolve("adapter_model.safetensors"))) {
      assertThat(file.names()).hasSize(28)
          .contains("base_model.model." + Q + ".lora_A.weight",
              "base_model.model." + Q + ".lora_B.weight");
      assertThat(file.shape("base_model.model." + Q + ".lora_A.weight")).containsExactly(14, 32);
      assertThat(file.shape("base_model.model." + Q + ".lora_B.weight")).containsExactly(32, 14);
    }
  }

  @Test
  void modulesThatAreNotAllOfAKindAreNamedInFull() throws IOException {
    Decoder model = Pico.load("llama");
    write(folder, start(model, List.of(Q, "model.layers.1.mlp.up_proj")), model);
    JsonNode config = JSON.readTree(folder.resolve("adapter_config.json").toFile());
    assertThat(config.get("target_modules")).extracting(JsonNode::asText)
        .containsExactly(Q, "model.layers.1.mlp.up_proj");
    assertThat(PeftAdapter.read(folder, model).modules())
        .containsExactly(Q, "model.layers.1.mlp.up_proj");
  }

  @Test
  void theSameAdapterGivesTheSameBytes() throws IOException {
    Decoder model = Pico.load("llama");
    for (String run : List.of("one", "two")) {
      write(folder.resolve(run), start(model, List.copyOf(model.projectionNames())), model);
    }
    try (var files = Files.list(folder.resolve("one"))) {
      List<Path> written = files.toList();
      assertThat(written).hasSize(4);
      for (Path file : written) {
        assertThat(folder.resolve("two").resolve(file.getFileName())).hasSameBinaryContentAs(file);
      }
    }
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "rank_pattern      | {\"q_proj\": 2}      | an empty rank_pattern",
    "alpha_pattern     | {\"q_proj\": 2}      | an empty alpha_pattern",
    "peft_type         | \"IA3\"              | peft_type LORA",
    "bias              | \"all\"              | bias none",
    "modules_to_save   | [\"lm_head\"]        | no modules_to_save",
    "r                 | 0                    | r of 1 or more",
    "init_lora_weights | \"pissa_niter_4\"    | init_lora_weights that leave the base as it is",
    "init_lora_weights | \"olora\"            | init_lora_weights that leave the base as it is",
    "alora_invocation_tokens | [1, 2]         | no invocation tokens"})
  void kindsThatItCannotReadAreRefusedInOneLine(String key, String value, String rule)
      throws IOException {
    copyOfLlamas();
    change(key, JSON.readTree(value));
    Path config = folder.resolve("adapter_config.json");
    assertThatThrownBy(() -> PeftAdapter.read(folder, Pico.load("llama")))
        .isInstanceOf(CheckpointException.class)
        .hasMessage(config + ": only adapters with " + rule
            + " can be read; export it as plain LoRA");
  }

  private void copyOfLlamas() throws IOException {
    try (var files = Files.list(Pico.folder("llama").resolve("adapter"))) {
      for (Path file : files.toList()) {
        Files.copy(file, folder.resolve(file.getFileName()));
      }
    }
  }

  private void change(String key, JsonNode value) throws IOException {
    Path config = folder.resolve("adapter_config.json");
    ObjectNode json = (ObjectNode) JSON.readTree(config.toFile());
    json.set(key, value);
    JSON.writeValue(config.toFile(), json);
  }

  @Test
  void rslorasScaleIsAlphaOverTheRootOfR() throws IOException {
    copyOfLlamas();
    change("use_rslora", JSON.readTree("true"));
    assertThat(((LoraAdapter) PeftAdapter.read(folder, Pico.load("llama"))).scaling()).isEqualTo(8 / 2.0);
  }

  @Test
  void anAdapterOfAnotherModelIsRefused() throws IOException {
    Path llama = Pico.folder("llama").resolve("adapter");
    assertThatThrownBy(() -> PeftAdapter.read(llama, Pico.load("smollm")))
        .isInstanceOf(CheckpointException.class)
        .hasMessage(llama.resolve("adapter_model.safetensors") + ": tensor base_model.model."
            + Q + ".lora_A.weight has shape [4, 32], this model and r want [4, 48]; it is an adapter of another model");
    Path smollm = Pico.folder("smollm").resolve("adapter");
    assertThatThrownBy(() -> PeftAdapter.read(smollm, Pico.load("llama")))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("belongs to no linear layer of this model")
        .hasMessageNotContaining("\n");
  }

  @Test
  void missingAndBrokenFilesAreNamed() throws IOException {
    Decoder model = Pico.load("llama");
    Path config = folder.resolve("adapter_config.json");
    refused(model, config + ": not an adapter's configuration");
    Files.writeString(config, "");
    refused(model, config.toString());
    Files.writeString(config, "{\"r\": 4");
    refused(model, config + ": not an adapter's configuration");
    Files.delete(config);
    copyOfLlamas();
    Files.delete(folder.resolve("adapter_model.safetensors"));
    refused(model, folder.resolve("adapter_model.safetensors").toString());
    Map<String, Tensor> half = new HashMap<>();
    half.put("base_model.model." + Q + ".lora_A.weight", Tensors.zeros(Placement.CPU_F32, 4, 32));
    SafetensorsWriter.write(folder.resolve("adapter_model.safetensors"), half);
    refused(model, folder.resolve("adapter_model.safetensors") + ": tensor base_model.model."
        + Q + ".lora_B.weight is missing");
  }

  private void refused(Decoder model, String beginning) {
    assertThatThrownBy(() -> PeftAdapter.read(folder, model))
        .isInstanceOf(CheckpointException.class)
        .hasMessageStartingWith(beginning)
        .hasMessageNotContaining("\n");
  }

  @Test
  void aPlainAdapterHasNoPlanBesideIt() throws IOException {
    Decoder model = Pico.load("llama");
    LoraAdapter adapter = (LoraAdapter) PeftAdapter.read(Pico.folder("llama").resolve("adapter"), model);
    PeftAdapter.write(folder, adapter, model, "x", Optional.empty());
    assertThat(folder.resolve(PeftAdapter.PLAN)).doesNotExist();
    JsonNode config = JSON.readTree(folder.resolve("adapter_config.json").toFile());
    assertThat(config.get("r").asInt()).isEqualTo(4);
    assertThat(config.get("lora_alpha").asInt()).isEqualTo(8);
  }
}
