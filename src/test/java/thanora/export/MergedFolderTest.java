package thanora.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import thanora.Golden;
import thanora.Pico;
import thanora.checkpoint.Checkpoint;
import thanora.checkpoint.SafetensorsFile;
import thanora.data.Batch;
import thanora.data.Sample;
import thanora.hasi.HasiConfig;
import thanora.lora.LoraAdapter;
import thanora.lora.Starts;
import thanora.model.Decoder;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

class MergedFolderTest {
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

  private List<Integer> write(String name, Decoder model, LoraAdapter adapter, Optional<DType> dtype)
      throws IOException {
    List<Integer> written = new ArrayList<>();
    try (Checkpoint base = Checkpoint.open(Pico.folder(name))) {
      MergedFolder.write(base, model, adapter, folder, dtype, written::add);
    }
    return written;
  }

  @ParameterizedTest
  @MethodSource("thanora.Pico#modelsWithAdapter")
  void aPeftAdapterMergedAndReadBackGivesTheLogitsOfPeftsMerge(String name) throws IOException {
    Decoder model = Pico.load(name);
    LoraAdapter adapter = (LoraAdapter) PeftAdapter.read(Pico.folder(name).resolve("adapter"), model);
    // the checkpoint of smollm is bfloat16, PEFT merged it in float32
    List<Integer> written = write(name, model, adapter, Optional.of(DType.F32));
    try (Checkpoint base = Checkpoint.open(Pico.folder(name)); Checkpoint merged = Checkpoint.open(folder)) {
      assertThat(merged.weights().names()).isEqualTo(base.weights().names());
      assertThat(written).hasSize(base.weights().names().size()).last().isEqualTo(written.size());
    }
    Decoder merged = Pico.load(folder, Placement.CPU_F32);
    Batch batch = Pico.batch(name);
    Tensor logits = Pico.logits(merged, batch);
    try (SafetensorsFile expected = Pico.expected(name)) {
      for (int i = 0; i < 3; i++) {
        int start = batch.rowStarts()[i];
        Golden.assertClose("sequence " + i,
            Ops.narrow(logits, 0, start, batch.rowStarts()[i + 1] - start),
            expected.load("merged_logits_" + i, Placement.CPU_F32), 1e-4);
      }
    }
  }

  /** Bits of the float32 sum, rounded to nearest even at 16 bits, as Java computes it. */
  @Test
  void bfloat16IsRoundedOnceFromTheSumOfTheOriginalAndTheDelta() throws IOException {
    Decoder model = Pico.load("llama", DType.BF16);
    LoraAdapter adapter = Starts.hasi(model, HasiConfig.thanora());
    Starts.disturb(adapter, 0.05, 1);
    write("llama", model, adapter, Optional.of(DType.BF16));
    try (Checkpoint base = Checkpoint.open(Pico.folder("llama"));
        Checkpoint merged = Checkpoint.open(folder)) {
      double[] w = Tensors.doubles(base.weights().load(Q + ".weight", Placement.CPU_F32));
      double[] delta = Tensors.doubles(adapter.delta(Q));
      assertThat(merged.weights().dtype(Q + ".weight")).isEqualTo(DType.BF16);
      float[] actual = Tensors.floats(merged.weights().load(Q + ".weight", Placement.CPU_F32));
      for (int i = 0; i < actual.length; i++) {
        int bits = Float.floatToRawIntBits((float) (w[i] + delta[i]));
        int rounded = bits + 0x7fff + (bits >>> 16 & 1) & 0xffff0000;
        assertThat(actual[i]).isEqualTo(Float.intBitsToFloat(rounded));
      }
      assertThat(merged.config().path("dtype").asText()).isEqualTo("bfloat16");
    }
  }

  @Test
  void everythingElseIsCopiedAndTheTypeOfEachTensorKept() throws IOException {
    Decoder model = Pico.load("smollm");
    LoraAdapter adapter = LoraAdapter.create(model, List.of(Q), 2, 0, 4);
    write("smollm", model, adapter, Optional.empty());
    try (Checkpoint base = Checkpoint.open(Pico.folder("smollm"));
        Checkpoint merged = Checkpoint.open(folder)) {
      assertThat(merged.config()).isEqualTo(base.config());
      assertThat(merged.weights().names()).isEqualTo(base.weights().names());
      for (String name : base.weights().names()) {
        assertThat(merged.weights().dtype(name)).isEqualTo(DType.BF16);
        // the adapter of zeros changes nothing either
        assertThat(Tensors.floats(merged.weights().load(name, Placement.CPU_F32))).as(name)
            .isEqualTo(Tensors.floats(base.weights().load(name, Placement.CPU_F32)));
      }
    }
    Set<String> names = new TreeSet<>();
    try (var files = Files.list(folder)) {
      files.forEach(file -> names.add(file.getFileName().toString()));
    }
    assertThat(names).contains("config.json", "generation_config.json", "model.safetensors");
    JsonNode config = new ObjectMapper().readTree(folder.resolve("config.json").toFile());
    assertThat(config.path("model_type").asText()).isEqualTo("llama");
  }

  @Test
  void theLogitCheckIsTheLargestDifferenceOverTheLargestLogit() {
    Decoder model = Pico.load("llama");
    List<Sample> rows = Pico.samples("llama");
    LogitCheck check = LogitCheck.of(model, rows);
    assertThat(check.difference(model)).isZero();
    double[] base = Tensors.doubles(Pico.logits(model, Pico.batch("llama")));
    LoraAdapter adapter = Starts.hasi(model, HasiConfig.thanora());
    adapter.attach(model);
    Starts.disturb(adapter, 0.05, 2);
    double[] other = Tensors.doubles(Pico.logits(model, Pico.batch("llama")));
    double largest = 0;
    double difference = 0;
    for (int i = 0; i < base.length; i++) {
      largest = Math.max(largest, Math.abs(base[i]));
      difference = Math.max(difference, Math.abs(base[i] - other[i]));
    }
    assertThat(check.difference(model))
        .isCloseTo(difference / largest, within(1e-5));
  }
}
