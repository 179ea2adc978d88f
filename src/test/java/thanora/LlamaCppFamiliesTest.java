package thanora;

import static org.assertj.core.api.Assertions.assertThat;

import de.kherud.llama.LlamaModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import thanora.checkpoint.Checkpoint;
import thanora.checkpoint.OutType;
import thanora.export.GgufModel;
import thanora.model.Decoder;
import thanora.tensor.TensorScope;

/**
 * Tiny checkpoints in llama.cpp: order of rows, biases, rope. The llama.cpp of the artifact is older than
 * Qwen3.
 */
@Tag("slow")
@EnabledOnOs(value = OS.LINUX, architectures = "amd64")
class LlamaCppFamiliesTest {
  private static final List<String> TEXTS = List.of("the cat", "the rat ran at the cat. in the end there are 12 hens");

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"llama", "llama-bias", "llama-linear-rope", "llama-tied-sharded", "llama3-rope", "qwen2",
      "smollm"})
  void lastHiddenStatesAreOurs(String name) throws IOException {
    Path file = folder.resolve(name + ".gguf");
    Decoder model = Pico.load(name);
    try (TensorScope scope = TensorScope.open();
        Checkpoint base = Checkpoint.open(Pico.withTokenizer(name, folder.resolve(name)))) {
      new GgufModel(base, model, Optional.empty(), LlamaCppTest.zero(model)).write(file, OutType.F32, written -> {});
    }
    try (LlamaModel llama = LlamaCppTest.states(file)) {
      for (String text : TEXTS) {
        double[] ours = LlamaCppTest.lastState(model, llama.encode(text));
        assertThat(LlamaCppTest.difference(llama.embed(text), ours)).as(text).isLessThan(1e-4);
      }
    }
  }
}
