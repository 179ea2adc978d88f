package thanora.export;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import thanora.Pico;
import thanora.checkpoint.SafetensorsFile;
import thanora.hasi.HasiConfig;
import thanora.lora.DoraAdapter;
import thanora.lora.LoraAdapter;
import thanora.lora.Starts;
import thanora.model.Decoder;
import thanora.tensor.TensorScope;

/**
 * The rules of vLLM's loader of adapters, each with the place in vLLM that has it. vLLM itself needs a GPU
 * of its own; these are what it looks at before that.
 */
class VllmRulesTest {
  @TempDir Path folder;

  /** Last names of the linear layers of its Llama, Mistral, Qwen2 and Qwen3 (packed_modules_mapping). */
  private static final Set<String> LINEAR =
      Set.of("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj");

  @Test
  void anAdapterWhoseBlocksStartAwayFromZeroIsTaken() throws IOException {
    try (TensorScope scope = TensorScope.open()) {
      Decoder model = Pico.load("qwen3");
      LoraAdapter adapter = Starts.hasi(model, HasiConfig.thanora());
      PeftAdapter.write(folder, adapter, model, "base", Optional.empty());
      JsonNode config = new ObjectMapper().readTree(folder.resolve("adapter_config.json").toFile());
      // peft_helper.py: r, lora_alpha and target_modules have no default
      assertThat(config.path("r").isInt()).isTrue();
      assertThat(config.path("lora_alpha").isNumber()).isTrue();
      assertThat(config.path("target_modules")).isNotEmpty().allMatch(name -> LINEAR.contains(name.asText()));
      // peft_helper.py: validate_legal
      assertThat(config.path("bias").asText()).isEqualTo("none");
      assertThat(config.path("modules_to_save").isNull()).isTrue();
      assertThat(config.path("use_dora").asBoolean()).isFalse();
      assertThat(config.path("r").asInt()).isEqualTo(adapter.exportRank())
          .isLessThanOrEqualTo(PeftAdapter.vllmRank(adapter).getAsInt());
      // peft_helper.py knows neither: every module is scaled by lora_alpha / r
      assertThat(config.path("rank_pattern")).isEmpty();
      assertThat(config.path("alpha_pattern")).isEmpty();
      assertThat(config.path("lora_alpha").asDouble() / config.path("r").asInt()).isEqualTo(adapter.scaling());
      // lora_model.py and utils.py, parse_fine_tuned_lora_name: names of tensors
      try (SafetensorsFile file = SafetensorsFile.open(folder.resolve("adapter_model.safetensors"))) {
        assertThat(file.names()).hasSize(2 * adapter.modules().size()).allSatisfy(name -> {
          assertThat(name).matches("base_model\\.model\\..+\\.lora_[AB]\\.weight");
          String module = name.replaceFirst("\\.lora_[AB]\\.weight$", "");
          assertThat(LINEAR).contains(module.substring(module.lastIndexOf('.') + 1));
          long[] shape = file.shape(name);
          assertThat(name.contains(".lora_A.") ? shape[0] : shape[1]).isEqualTo(config.path("r").asLong());
        });
      }
    }
  }

  /** config/lora.py: max_lora_rank is one of a list of values up to 512. */
  @Test
  void theLeastRankThatVllmAllowsForIt() {
    try (TensorScope scope = TensorScope.open()) {
      Decoder model = Pico.load("llama");
      assertThat(vllmRank(model, 1)).hasValue(1);
      assertThat(vllmRank(model, 9)).hasValue(16);
      assertThat(vllmRank(model, 60)).hasValue(64);
      assertThat(vllmRank(model, 300)).hasValue(320);
      assertThat(vllmRank(model, 513)).isEmpty();
      assertThat(PeftAdapter.vllmRank(
          new DoraAdapter.Form(4, 1).create(model, List.of("model.layers.0.self_attn.q_proj"), 1))).isEmpty();
    }
  }

  private static OptionalInt vllmRank(Decoder model, int r) {
    return PeftAdapter.vllmRank(
        LoraAdapter.create(model, List.of("model.layers.0.self_attn.q_proj"), r, 0, 1));
  }
}
