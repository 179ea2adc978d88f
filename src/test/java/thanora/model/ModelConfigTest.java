package thanora.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import thanora.Pico;

/** What a config.json says beyond what {@link ReferenceTest} compares, and what is wrong with one. */
class ModelConfigTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static ModelConfig with(String model, String changes) throws IOException {
    ObjectNode config = (ObjectNode) JSON.readTree(Pico.folder(model).resolve("config.json").toFile());
    ObjectNode more = (ObjectNode) JSON.readTree(changes.replace('\'', '"'));
    return ModelConfig.from((JsonNode) config.setAll(more));
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '~', value = {
    "llama | {'model_type': 'mamba2'} | model_type mamba2 is not supported; supported are llama, mistral,",
    "llama | {'hidden_act': 'relu2'} | activation relu2 is not supported; supported are silu and gelu_pytorch_tanh",
    "llama | {'num_key_value_heads': 3} | num_attention_heads 4 is not a multiple of num_key_value_heads 3",
    "llama | {'hidden_size': 0} | hidden_size 0 is not a positive integer",
    "llama | {'vocab_size': null} | vocab_size is missing",
    "llama | {'head_dim': 7} | 7 of the 7 values of a head are rotated; rotary positions need pairs",
    "llama | {'rope_scaling': {'type': 'xpos'}} | rope_scaling xpos is not supported; supported are default,",
    "phi3-longrope | {'rope_scaling': {'type': 'su', 'short_factor': [1, 2]}} | "
        + "short_factor of rope_scaling longrope is not 3 positive numbers",
    "gemma2 | {'layer_types': ['full_attention']} | layer_types has 1 entries for 3 layers",
    "gemma3 | {'use_bidirectional_attention': true} | use_bidirectional_attention is not supported",
    "qwen2-windows | {'layer_types': ['chunked_attention', 'chunked_attention', 'chunked_attention']} | "
        + "layer_types chunked_attention is not supported; supported are full_attention and sliding_attention",
  })
  void faultsAreNamed(String model, String changes, String message) {
    assertThatThrownBy(() -> with(model, changes)).isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("config.json: " + message);
  }

  /** google/gemma-3-4b-it says no more than this. */
  @Test
  void aShortConfigurationOfGemma3HasTransformersDefaults() throws IOException {
    ModelConfig config = ModelConfig.from(JSON.readTree("""
        {"model_type": "gemma3", "text_config": {"model_type": "gemma3_text", "hidden_size": 2560,
        "intermediate_size": 10240, "num_hidden_layers": 34, "sliding_window": 1024,
        "rope_scaling": {"factor": 8.0, "rope_type": "linear"}}}"""));
    assertThat(config.modules()).isEqualTo("model.language_model.");
    assertThat(config.queryWidth()).isEqualTo(8 * 256);
    assertThat(config.tied()).isTrue();
    assertThat(config.byLayer().get(4).window()).isEqualTo(1024);
    assertThat(config.byLayer().get(5).window()).isZero();
    assertThat(config.byLayer().get(4).rope()).contains(RopeConfig.plain(1e4, 256));
    assertThat(config.byLayer().get(5).rope().orElseThrow().frequencies().get(0)).isEqualTo(1 / 8.0);
  }

  /** Its older name; transformers 5 no longer reads it. */
  @Test
  void suIsLongrope() throws IOException {
    String factors = "'short_factor': [1, 2, 3], 'long_factor': [2, 3, 4]";
    String scaling = "{'partial_rotary_factor': 0.75, 'rope_parameters': null, 'rope_scaling': {'type': '%s', %s}}";
    assertThat(with("phi3-longrope", String.format(scaling, "su", factors)).byLayer())
        .isEqualTo(with("phi3-longrope", String.format(scaling, "longrope", factors)).byLayer());
  }
}
