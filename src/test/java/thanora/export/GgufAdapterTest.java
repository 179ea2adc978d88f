package thanora.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
import thanora.checkpoint.GgufAdapterFile;
import thanora.checkpoint.OutType;
import thanora.hasi.HasiConfig;
import thanora.lora.DoraAdapter;
import thanora.lora.LoraAdapter;
import thanora.lora.Starts;
import thanora.model.Decoder;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

class GgufAdapterTest {
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

  /** Factors that start away from zero, so that the update is a difference of products. */
  private static LoraAdapter trained(Decoder model) {
    LoraAdapter adapter = Starts.hasi(model, HasiConfig.thanora());
    Starts.disturb(adapter, 0.05, 1);
    return adapter;
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama", "qwen2", "qwen3"})
  void theProductReadBackIsThatOfThePeftExport(String name) throws IOException {
    Decoder model = Pico.load(name);
    LoraAdapter adapter = trained(model);
    Path file = folder.resolve("adapter.gguf");
    try (Checkpoint base = Checkpoint.open(Pico.folder(name))) {
      GgufAdapter.write(file, adapter, base, OutType.F32);
      Path peft = Files.createDirectories(folder.resolve("peft"));
      PeftAdapter.write(peft, adapter, model, "base", Optional.empty());
      LoraAdapter fromGguf = (LoraAdapter) GgufAdapter.read(file, model, base);
      LoraAdapter fromPeft = (LoraAdapter) PeftAdapter.read(peft, model);
      assertThat(fromGguf.modules()).isEqualTo(adapter.modules());
      for (String module : adapter.modules()) {
        assertThat(Tensors.doubles(fromGguf.delta(module))).as(module)
            .isEqualTo(Tensors.doubles(fromPeft.delta(module)));
        Golden.assertClose(module, fromGguf.delta(module), adapter.delta(module), 1e-9);
      }
      assertThat(GgufAdapter.isRounded(file, base)).isFalse();
      GgufAdapter.write(folder.resolve("half.gguf"), adapter, base, OutType.F16);
      assertThat(GgufAdapter.isRounded(folder.resolve("half.gguf"), base)).isTrue();
    }
    assertThat(GgufAdapterFile.isAdapter(file)).isTrue();
    assertThat(GgufAdapterFile.isAdapter(Golden.path("gguf/tiny-llama.gguf"))).isFalse();
  }

  @Test
  void adaptersOfOtherModelsAndKindsAreRefused() {
    Path file = folder.resolve("adapter.gguf");
    Decoder llama = Pico.load("llama");
    Decoder qwen = Pico.load("qwen2");
    try (Checkpoint base = Checkpoint.open(Pico.folder("llama")); Checkpoint other = Checkpoint.open(Pico.folder("qwen2"))) {
      GgufAdapter.write(file, trained(llama), base, OutType.F32);
      assertThatThrownBy(() -> GgufAdapter.read(file, qwen, other)).isInstanceOf(CheckpointException.class)
          .hasMessage(file + ": is an adapter of a llama model, this one is qwen2");
      assertThatThrownBy(() -> GgufAdapter.write(folder.resolve("dora.gguf"),
          new DoraAdapter.Form(4, 1).create(llama, List.copyOf(llama.projectionNames()), 1), base, OutType.F32))
          .isInstanceOf(UnsupportedOperationException.class)
          .hasMessageStartingWith("DoRA has no form as a GGUF adapter; write the merged model");
    }
    assertThatThrownBy(() -> GgufAdapterFile.open(Golden.path("gguf/tiny-llama.gguf")))
        .hasMessageContaining("is no LoRA adapter: its adapter.type is not there");
  }
}
