package thanora.train;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import thanora.lora.LoraAdapter;
import thanora.model.DecoderMemory;
import thanora.model.ModelConfig;
import thanora.tensor.DType;

/** The count beside what was measured; {@link MeasuredStepTest} measures anew. */
class StepMemoryTest {
  private static final double GB = 1e9;

  static ModelConfig llama7b() throws IOException {
    return ModelConfig.from(new ObjectMapper().readTree("""
        {"model_type": "llama", "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008,
         "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32,
         "max_position_embeddings": 4096, "rms_norm_eps": 1e-5}
        """));
  }

  private static StepMemory count(ModelConfig config, int r, int frozenRows, DecoderMemory.Rows rows) {
    DecoderMemory model = new DecoderMemory(config, DType.BF16, true);
    List<String> all = model.linears().stream().map(DecoderMemory.Linear::name).toList();
    return StepMemory.of(model, all, new LoraAdapter.Form(r, frozenRows, 2, Optional.empty()), 0, rows, false);
  }

  /** docs/performance.md: peaks of libtorch's own count, thanora bench, rank 16, on an H100. */
  @ParameterizedTest
  @CsvSource({
    "true, 4, 0, 27.0", "true, 8, 0, 39.6", "true, 16, 0, 64.7", "true, 4, 13, 27.4", "false, 4, 0, 32.0"
  })
  void llama7bOnAGpu(String fused, int rows, int frozenRows, double measured) throws IOException {
    System.setProperty("thanora.fused", fused);
    try {
      StepMemory memory = count(llama7b(), 16, frozenRows, DecoderMemory.Rows.dense(rows, 1024));
      assertThat(memory.peak() / GB).isCloseTo(measured, Percentage.withPercentage(1.5));
    } finally {
      System.clearProperty("thanora.fused");
    }
  }
}
