package thanora.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

class CheckpointTest {
  @TempDir Path temporary;
  private Path model;

  @BeforeEach
  void writeModel() throws IOException {
    model = Files.createDirectory(temporary.resolve("model"));
    Files.writeString(model.resolve("config.json"), "{\"model_type\":\"llama\"}");
    Files.writeString(model.resolve("tokenizer.json"), "{\"version\":\"1.0\"}");
    try (TensorScope scope = TensorScope.open()) {
      SafetensorsWriter.write(model.resolve("model.safetensors"),
          Map.of("a", Tensors.of(new float[] {1, 2}), "b", Tensors.of(new float[] {3})));
    }
  }

  @Test
  void opensAFolder() {
    try (TensorScope scope = TensorScope.open(); Checkpoint checkpoint = Checkpoint.open(model)) {
      assertThat(checkpoint.config().get("model_type").textValue()).isEqualTo("llama");
      assertThat(checkpoint.tokenizerJson()).isEqualTo("{\"version\":\"1.0\"}");
      assertThat(checkpoint.tokenizerConfigJson()).isEmpty();
      assertThat(checkpoint.chatTemplate()).isEmpty();
      assertThat(checkpoint.source()).isEqualTo(model);
      assertThat(Tensors.floats(checkpoint.weights().load("a", Placement.CPU_F32)))
          .containsExactly(1, 2);
    }
  }

  @Test
  void opensShardsThatTransformersWrote() {
    Path folder = Golden.path("models/llama-tied-sharded/config.json").getParent();
    try (TensorScope scope = TensorScope.open(); Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThat(checkpoint.weights().names()).hasSize(20)
          .contains("model.layers.1.self_attn.q_proj.weight").doesNotContain("lm_head.weight");
      assertThat(checkpoint.weights().shape("model.embed_tokens.weight")).containsExactly(96, 32);
      assertThatThrownBy(checkpoint::tokenizerJson)
          .hasMessageContaining("tokenizer.json: is missing");
    }
  }

  @Test
  void opensAGgufFileAndTheFolderAroundIt() throws IOException {
    Path gguf = Golden.path("gguf/tiny-llama.gguf");
    Path folder = Files.createDirectory(temporary.resolve("gguf"));
    Path copy = Files.copy(gguf, folder.resolve("tiny.gguf"));
    try (Checkpoint file = Checkpoint.open(gguf); Checkpoint around = Checkpoint.open(folder)) {
      assertThat(around.source()).isEqualTo(copy);
      assertThat(around.config()).hasToString(file.config().toString());
      assertThat(around.fingerprint()).isEqualTo(file.fingerprint());
    }
    Files.copy(gguf, folder.resolve("other.gguf"));
    refuses(folder, "holds 2 GGUF files");
  }

  @Test
  void theTemplateFileWinsOverTheConfiguredOne() throws IOException {
    Files.writeString(model.resolve("tokenizer_config.json"), """
        {"chat_template":[
          {"name":"tool_use","template":"T"},{"name":"default","template":"D"}]}""");
    assertThat(chatTemplate()).contains("D");
    Files.writeString(model.resolve("tokenizer_config.json"), "{\"chat_template\":\"S\"}");
    assertThat(chatTemplate()).contains("S");
    Files.writeString(model.resolve("chat_template.jinja"), "J\n");
    assertThat(chatTemplate()).contains("J\n");
  }

  @Test
  void theFingerprintSeesConfigTokenizerShapesAndValuesButNotThePlace() throws IOException {
    String before = fingerprint(model);
    Path moved = Files.createDirectory(temporary.resolve("moved"));
    for (String name : List.of("config.json", "tokenizer.json", "model.safetensors")) {
      Files.copy(model.resolve(name), moved.resolve(name));
    }
    assertThat(fingerprint(moved)).isEqualTo(before).matches("[0-9a-f]{64}");
    Files.writeString(model.resolve("tokenizer.json"), "{\"version\":\"1.1\"}");
    assertThat(fingerprint(model)).isNotEqualTo(before);
    Files.writeString(moved.resolve("config.json"), "{\"model_type\":\"qwen2\"}");
    assertThat(fingerprint(moved)).isNotEqualTo(before);
    Files.copy(model.resolve("config.json"), moved.resolve("config.json"),
        java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    try (TensorScope scope = TensorScope.open()) {
      SafetensorsWriter.write(moved.resolve("model.safetensors"),
          Map.of("a", Tensors.of(new float[] {1, 2}), "b", Tensors.of(new float[] {4})));
    }
    assertThat(fingerprint(moved)).isNotEqualTo(before);
  }

  @Test
  void companionsOfAFolderAreCopiedWithoutWeights() throws IOException {
    Files.writeString(model.resolve("LICENSE.txt"), "free");
    Files.writeString(model.resolve("merges.txt"), "a b");
    Files.writeString(model.resolve("training_args.bin"), "x");
    Path target = Files.createDirectory(temporary.resolve("target"));
    try (Checkpoint checkpoint = Checkpoint.open(model)) {
      checkpoint.copyCompanions(target);
      assertThatThrownBy(() -> checkpoint.copyCompanions(model))
          .hasMessageContaining("is the model itself");
    }
    assertThat(names(target))
        .containsExactly("LICENSE.txt", "config.json", "merges.txt", "tokenizer.json");
    assertThat(target.resolve("tokenizer.json"))
        .hasSameBinaryContentAs(model.resolve("tokenizer.json"));
  }

  @Test
  void companionsAndWeightsOfAGgufFileMakeAHuggingFaceFolder() throws IOException {
    Path target = Files.createDirectory(temporary.resolve("target"));
    try (TensorScope scope = TensorScope.open();
        Checkpoint gguf = Checkpoint.open(Golden.path("gguf/tiny-qwen2.gguf"))) {
      gguf.copyCompanions(target);
      Weights weights = gguf.weights();
      ShardedWriter.write(target, weights.names().stream().map(name -> new SafetensorsWriter.Entry(
          name, thanora.tensor.DType.F32, weights.shape(name))).toList(),
          name -> weights.load(name, Placement.CPU_F32), 20_000);
      try (Checkpoint folder = Checkpoint.open(target)) {
        assertThat(folder.config()).hasToString(gguf.config().toString());
        assertThat(folder.tokenizerJson()).isEqualTo(gguf.tokenizerJson());
        assertThat(folder.weights().names()).containsExactlyInAnyOrderElementsOf(weights.names());
        for (String name : weights.names()) {
          assertThat(Tensors.floats(folder.weights().load(name, Placement.CPU_F32))).as(name)
              .isEqualTo(Tensors.floats(weights.load(name, Placement.CPU_F32)));
        }
      }
    }
    assertThat(names(target)).contains("generation_config.json", "tokenizer_config.json",
        "model.safetensors.index.json");
  }

  @Test
  void refusesWhatIsNoModelInOneLine() throws IOException {
    refuses(temporary.resolve("nowhere"), "no such file or folder");
    refuses(temporary, "has no config.json and no .gguf file");
    refuses(model.resolve("model.safetensors"), "is only the weights; give the folder");
    refuses(model.resolve("config.json"), "is not a GGUF file");
    Files.delete(model.resolve("model.safetensors"));
    refuses(model, "has neither model.safetensors nor model.safetensors.index.json");
    Files.writeString(model.resolve("pytorch_model.bin"), "PK\u0003\u0004");
    refuses(model, "pytorch_model.bin: is a PyTorch pickle");
    refuses(model.resolve("pytorch_model.bin"), "safe_serialization=True");
  }

  @Test
  void refusesConfigurationsItCannotBelieve() throws IOException {
    Files.writeString(model.resolve("config.json"), "{\"a\":1,\"a\":2}");
    refuses(model, "Duplicate field 'a'");
    Files.writeString(model.resolve("config.json"), "[]");
    refuses(model, "is not a JSON object");
    Files.writeString(model.resolve("config.json"), "{");
    refuses(model, "is not valid JSON");
    Files.writeString(
        model.resolve("config.json"), "{\"quantization_config\":{\"quant_method\":\"gptq\"}}");
    refuses(model, "is quantised (gptq)");
  }

  @Test
  void missingTensorsAreListedAndExtraOnesReturned() {
    try (Checkpoint checkpoint = Checkpoint.open(model)) {
      Weights weights = checkpoint.weights();
      assertThat(ExpectedTensors.check("m", weights, List.of("a", "b"))).isEmpty();
      assertThat(ExpectedTensors.check("m", weights, List.of("a"))).containsExactly("b");
      assertThatThrownBy(() -> ExpectedTensors.check("m", weights,
          List.of("a", "c1", "c2", "c3", "c4", "c5", "c6")))
          .hasMessageContaining("m: lacks 6 tensors: c1, c2, c3, c4, c5, ...");
    }
  }

  @Test
  void oldBuffersAreNotExtra() {
    try (TensorScope scope = TensorScope.open()) {
      SafetensorsWriter.write(
          model.resolve("model.safetensors"), Map.of("a", Tensors.of(new float[] {1}),
          "model.layers.0.self_attn.rotary_emb.inv_freq", Tensors.of(new float[] {1})));
    }
    try (Checkpoint checkpoint = Checkpoint.open(model)) {
      assertThat(ExpectedTensors.check("m", checkpoint.weights(), List.of("a"))).isEmpty();
    }
  }

  private java.util.Optional<String> chatTemplate() {
    try (Checkpoint checkpoint = Checkpoint.open(model)) {
      return checkpoint.chatTemplate();
    }
  }

  private static String fingerprint(Path path) {
    try (Checkpoint checkpoint = Checkpoint.open(path)) {
      return checkpoint.fingerprint();
    }
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  private static void refuses(Path path, String reason) {
    assertThatThrownBy(() -> Checkpoint.open(path))
        .isInstanceOf(CheckpointException.class).hasMessageContaining(reason)
        .message().doesNotContain("\n");
  }
}
