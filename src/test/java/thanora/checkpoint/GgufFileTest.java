package thanora.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

class GgufFileTest {
  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({"tiny-llama,9", "tiny-llama3,9", "tiny-qwen2,12", "tiny-qwen3,11", "tiny-smollm3,9", "tiny-phi3,6", "tiny-gemma2,11",
      "tiny-gemma3,13"})
  void tensorsEqualTheWeightsTheFileWasMadeFrom(String name, int ofTheFirstLayer) {
    try (TensorScope scope = TensorScope.open();
        GgufFile file = GgufFile.open(Golden.path("gguf/" + name + ".gguf"));
        Weights weights = file.weights();
        SafetensorsFile golden =
            SafetensorsFile.open(Golden.path("gguf/" + name + ".expected.safetensors"))) {
      int compared = 0;
      for (String key : golden.names()) {
        if (key.startsWith("tensor.")) {
          String weight = key.substring("tensor.".length());
          assertThat(weights.shape(weight)).as(weight).isEqualTo(golden.shape(key));
          assertThat(Tensors.floats(weights.load(weight, Placement.CPU_F32))).as(weight)
              .isEqualTo(Tensors.floats(golden.load(key, Placement.CPU_F32)));
          compared++;
        }
      }
      assertThat(compared).isEqualTo(ofTheFirstLayer);
      assertThat(weights.names()).contains("model.embed_tokens.weight", "model.norm.weight",
          "model.layers.1.mlp.down_proj.weight").noneMatch(tensor -> tensor.startsWith("rope"));
    }
  }

  @Test
  void configIsThatOfTheLlamaItWasMadeFrom() {
    assertThat(config("tiny-llama")).isEqualTo(Json.object("expected", """
        {"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_act":"silu",
        "hidden_size":32,"intermediate_size":64,"num_hidden_layers":2,"num_attention_heads":4,
        "num_key_value_heads":2,"head_dim":8,"vocab_size":96,"max_position_embeddings":512,
        "rms_norm_eps":1.0E-5,"tie_word_embeddings":false,"attention_bias":false,"mlp_bias":false,
        "rope_theta":10000.0,"bos_token_id":1,"eos_token_id":2}"""));
  }

  @Test
  void llama3ScalingIsFoundInTheDivisors() {
    assertThat(config("tiny-llama3").get("rope_scaling")).isEqualTo(Json.object("expected", """
        {"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,
        "original_max_position_embeddings":64}"""));
  }

  @Test
  void configOfQwen2HasNoScalingAndItsOwnTheta() {
    ObjectNode config = config("tiny-qwen2");
    assertThat(config.get("model_type").textValue()).isEqualTo("qwen2");
    assertThat(config.get("rope_theta").doubleValue()).isEqualTo(1e6);
    assertThat(config.has("rope_scaling")).isFalse();
  }

  /** What is in no other file: transformers' own names for it. */
  @Test
  void configOfGemma3HasBothRotaryBases() {
    assertThat(config("tiny-gemma3")).isEqualTo(Json.object("expected", """
        {"architectures":["Gemma3ForCausalLM"],"model_type":"gemma3_text",
        "hidden_activation":"gelu_pytorch_tanh","hidden_size":32,"intermediate_size":64,
        "num_hidden_layers":4,"num_attention_heads":4,"num_key_value_heads":2,"head_dim":16,
        "vocab_size":96,"max_position_embeddings":512,"rms_norm_eps":1.0E-5,
        "tie_word_embeddings":true,"query_pre_attn_scalar":16,"attention_bias":false,
        "sliding_window":4,"sliding_window_pattern":3,"rope_theta":50000.0,
        "rope_local_base_freq":1000.0,"rope_scaling":{"rope_type":"linear","factor":4.0},
        "bos_token_id":1,"eos_token_id":2}"""));
  }

  @Test
  void configOfPhi3HasTheFactorsOfItsTensors() {
    ObjectNode config = config("tiny-phi3");
    assertThat(config.get("rope_scaling").get("long_factor").toString()).isEqualTo("[1.2,4.0,9.0]");
    assertThat(config.get("partial_rotary_factor").doubleValue()).isEqualTo(0.75);
    assertThat(config.get("original_max_position_embeddings").intValue()).isEqualTo(8);
    assertThat(config.get("sliding_window").intValue()).isEqualTo(6);
  }

  @ParameterizedTest
  @ValueSource(strings = {"tiny-llama", "tiny-qwen2"})
  void rebuiltTokenizerGivesTheIdsOfTheOriginal(String name) throws IOException {
    try (GgufFile file = GgufFile.open(Golden.path("gguf/" + name + ".gguf"));
        HuggingFaceTokenizer tokenizer = tokenizer(file)) {
      JsonNode rows =
          Json.MAPPER.readTree(Files.readString(Golden.path("gguf/" + name + ".tokens.json")));
      assertThat(rows.size()).isGreaterThan(10);
      for (JsonNode row : rows) {
        String text = row.get("text").textValue();
        assertThat(tokenizer.encode(text, true, false).getIds()).as("'%s'", text)
            .isEqualTo(Json.MAPPER.treeToValue(row.get("ids"), long[].class));
      }
    }
  }

  /**
   * Merges by score alone: h-e and l-l before he-ll before ▁-hello; é has no piece and falls back
   * to its bytes C3 A9.
   */
  @Test
  void sentencePieceMergesByScoreAndFallsBackToBytes() throws IOException {
    Path path = write(sentencePiece(), Map.of());
    try (GgufFile file = GgufFile.open(path); HuggingFaceTokenizer tokenizer = tokenizer(file)) {
      assertThat(tokenizer.encode("hello hell", true, false).getIds())
          .containsExactly(1, 14, 5, 12);
      assertThat(tokenizer.encode("h\u00e9</s>", true, false).getIds())
          .containsExactly(1, 5, 6, 3, 4, 2);
      assertThat(tokenizer.decode(new long[] {1, 14, 5, 12}, true)).isEqualTo("hello hell");
    }
  }

  /** Gemma's: no space before the text; runs of newlines and of spaces are tokens that split it. */
  @Test
  void sentencePieceWithoutAPrefixKeepsRunsOfSpacesAndNewlines() throws IOException {
    Map<String, Object> gemma = new TreeMap<>(sentencePiece());
    gemma.put("tokenizer.ggml.tokens", new String[] {"<unk>", "<s>", "</s>", "<0xC3>", "<0xA9>", "\u2581", "h",
        "e", "l", "o", "he", "ll", "hell", "hello", "\u2581hello", "\n", "\n\n", "  ", "   "});
    gemma.put("tokenizer.ggml.token_type", new int[] {2, 3, 3, 6, 6, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 4, 4, 4});
    gemma.put("tokenizer.ggml.scores",
        new float[] {0, 0, 0, 0, 0, -9, -9, -9, -9, -9, -1, -2, -3, -4, -5, 0, 0, 0, 0});
    Path path = write(gemma, Map.of("tokenizer.ggml.add_space_prefix", false));
    try (GgufFile file = GgufFile.open(path); HuggingFaceTokenizer tokenizer = tokenizer(file)) {
      assertThat(tokenizer.encode("hello hello", true, false).getIds()).containsExactly(1, 13, 14);
      assertThat(tokenizer.encode("hello\n\n\nhello", true, false).getIds()).containsExactly(1, 13, 16, 15, 13);
      assertThat(tokenizer.encode("hello   hello", true, false).getIds()).containsExactly(1, 13, 18, 13);
      assertThat(tokenizer.encode("h\u00e9", true, false).getIds()).containsExactly(1, 6, 3, 4);
      assertThat(tokenizer.decode(new long[] {1, 13, 18, 13, 16, 14}, true)).isEqualTo("hello   hello\n\n hello");
    }
  }

  @Test
  void chatTemplateAndSpecialTokensGoIntoTheTokenizerConfig() {
    Path path = write(sentencePiece(), Map.of("tokenizer.chat_template", "{{ x }}"));
    try (GgufFile file = GgufFile.open(path)) {
      ObjectNode config = Json.object("config", file.tokenizerConfig());
      assertThat(config.get("chat_template").textValue()).isEqualTo("{{ x }}");
      assertThat(config.get("bos_token").textValue()).isEqualTo("<s>");
      assertThat(config.get("eos_token").textValue()).isEqualTo("</s>");
      assertThat(config.get("add_bos_token").booleanValue()).isTrue();
    }
  }

  @Test
  void refusesSplitsItDoesNotKnowByName() {
    Path path = write(Map.of("tokenizer.ggml.model", "gpt2", "tokenizer.ggml.pre", "tekken",
        "tokenizer.ggml.tokens", new String[] {"a"}), Map.of());
    try (GgufFile file = GgufFile.open(path)) {
      assertThatThrownBy(file::tokenizerJson).hasMessageContaining("'tekken', which is not known");
    }
  }

  @Test
  void refusesMergesOfUnknownTokens() {
    Path path = write(Map.of("tokenizer.ggml.model", "gpt2",
        "tokenizer.ggml.tokens", new String[] {"a", "b"}, "tokenizer.ggml.merges",
        new String[] {"a b"}),
        Map.of());
    try (GgufFile file = GgufFile.open(path)) {
      assertThatThrownBy(file::tokenizerJson).hasMessageContaining("merge 'a b'");
    }
  }

  @Test
  void refusesTokensWithTwoIds() {
    Path path = write(Map.of("tokenizer.ggml.model", "gpt2",
        "tokenizer.ggml.tokens", new String[] {"a", "a"}), Map.of());
    try (GgufFile file = GgufFile.open(path)) {
      assertThatThrownBy(file::tokenizerJson).hasMessageContaining("two ids 0 and 1");
    }
  }

  @Test
  void refusesSpecialTokensOutsideTheVocabulary() {
    Path path = write(sentencePiece(), Map.of("tokenizer.ggml.bos_token_id", 99));
    try (GgufFile file = GgufFile.open(path)) {
      assertThatThrownBy(file::tokenizerJson).hasMessageContaining("bos_token_id is 99");
    }
  }

  @Test
  void refusesOtherArchitecturesExpertsAndSplitFiles() {
    refuses(Map.of("general.architecture", "gemma"), "architecture gemma");
    refuses(Map.of("llama.expert_count", 8), "mixture of experts");
    refuses(Map.of("split.count", 2), "one part of a split model");
    refuses(Map.of("general.architecture", 3), "general.architecture is 3, not a string");
  }

  private void refuses(Map<String, Object> changes, String reason) {
    Path path = write(sentencePiece(), changes);
    assertThatThrownBy(() -> GgufFile.open(path))
        .isInstanceOf(CheckpointException.class).hasMessageContaining(reason);
  }

  private static ObjectNode config(String name) {
    try (GgufFile file = GgufFile.open(Golden.path("gguf/" + name + ".gguf"))) {
      return Json.object("config", file.config().toString());
    }
  }

  private static HuggingFaceTokenizer tokenizer(GgufFile file) throws IOException {
    return HuggingFaceTokenizer.newInstance(
        new ByteArrayInputStream(file.tokenizerJson().getBytes(StandardCharsets.UTF_8)), Map.of());
  }

  private static Map<String, Object> sentencePiece() {
    return Map.of("tokenizer.ggml.model", "llama",
        "tokenizer.ggml.tokens",
        new String[] {"<unk>", "<s>", "</s>", "<0xC3>", "<0xA9>", "\u2581", "h",
            "e", "l", "o", "he", "ll", "hell", "hello", "\u2581hello"},
        "tokenizer.ggml.token_type", new int[] {2, 3, 3, 6, 6, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
        "tokenizer.ggml.scores",
        new float[] {0, 0, 0, 0, 0, -9, -9, -9, -9, -9, -1, -2, -3, -4, -5},
        "tokenizer.ggml.bos_token_id", 1, "tokenizer.ggml.eos_token_id", 2,
        "tokenizer.ggml.unknown_token_id", 0);
  }

  private Path write(Map<String, Object> tokenizer, Map<String, Object> changes) {
    Map<String, Object> all = new TreeMap<>(Map.of("general.architecture", "llama",
        "llama.context_length", 64));
    all.putAll(tokenizer);
    all.putAll(changes);
    Bytes bytes = GgufHeaderTest.start(0, all.size());
    all.forEach((key, value) -> value(bytes.string(key), value));
    return bytes.write(folder.resolve("x.gguf"));
  }

  private static void value(Bytes bytes, Object value) {
    if (value instanceof String text) {
      bytes.u32(8).string(text);
    } else if (value instanceof Boolean flag) {
      bytes.u32(7).raw(new byte[] {(byte) (flag ? 1 : 0)});
    } else if (value instanceof Integer number) {
      bytes.u32(4).u32(number);
    } else if (value instanceof String[] texts) {
      bytes.u32(9).u32(8).u64(texts.length);
      for (String text : texts) {
        bytes.string(text);
      }
    } else if (value instanceof int[] numbers) {
      bytes.u32(9).u32(5).u64(numbers.length);
      java.util.Arrays.stream(numbers).forEach(bytes::u32);
    } else if (value instanceof float[] numbers) {
      bytes.u32(9).u32(6).u64(numbers.length);
      for (float number : numbers) {
        bytes.f32(number);
      }
    }
  }
}
