package thanora.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A tokenizer on its way from a GGUF file to tokenizer.json and back. */
class GgufVocabularyTest {
  @TempDir Path folder;

  private Map<String, Object> written(String json, Optional<String> config, ObjectNode model) {
    GgufValues keys = new GgufValues().text("general.architecture", "llama");
    new GgufVocabulary("here", json, config, model).addTo(keys, "here", Optional.of("{{ x }}"));
    Path file = folder.resolve("vocabulary.gguf");
    GgufWriter.write(file, keys, List.of(), name -> null);
    try (FileBytes bytes = FileBytes.open(file)) {
      return GgufHeader.read(bytes).metadata();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"tiny-llama", "tiny-qwen2"})
  void tokensTypesMergesAndSplitComeBack(String name) {
    try (GgufFile file = GgufFile.open(Golden.path("gguf/" + name + ".gguf"))) {
      Map<String, Object> back =
          written(file.tokenizerJson(), Optional.of(file.tokenizerConfig()), file.config());
      for (String key : List.of("model", "pre", "tokens", "token_type", "merges", "bos_token_id", "eos_token_id",
          "add_bos_token")) {
        assertThat(back.get("tokenizer.ggml." + key)).as(key)
            .isEqualTo(file.metadata().get("tokenizer.ggml." + key)).isNotNull();
      }
      assertThat(back).containsEntry("tokenizer.chat_template", "{{ x }}");
    }
  }

  /** Scores are the order of merging, so the merges made from them are those that were given. */
  @Test
  void sentencePieceHasScoresAndBytes() {
    ObjectNode json = sentencePiece();
    ObjectNode config = Json.MAPPER.createObjectNode().put("vocab_size", 9).put("eos_token_id", 1);
    Map<String, Object> back = written(json.toString(), Optional.empty(), config);
    assertThat(back).containsEntry("tokenizer.ggml.model", "llama")
        .containsEntry("tokenizer.ggml.tokens", List.of("<unk>", "</s>", "<0xC3>", "h", "e", "he", "\u2581he", "\u2581", "[PAD8]"))
        .containsEntry("tokenizer.ggml.token_type", List.of(2L, 3L, 6L, 1L, 1L, 1L, 1L, 1L, 5L))
        .containsEntry("tokenizer.ggml.scores", List.of(0f, 0f, 0f, -2f, -3f, 0f, -1f, -4f, 0f))
        .containsEntry("tokenizer.ggml.add_space_prefix", true)
        .containsEntry("tokenizer.ggml.add_bos_token", false)
        .containsEntry("tokenizer.ggml.eos_token_id", 1L)
        .doesNotContainKey("tokenizer.ggml.merges");
    json.set("normalizer", Json.object("", "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\u2581\"}"));
    assertThat(written(json.toString(), Optional.empty(), config))
        .containsEntry("tokenizer.ggml.add_space_prefix", false);
  }

  private static ObjectNode sentencePiece() {
    return Json.object("", """
        {"added_tokens": [{"id": 1, "content": "</s>", "special": true}],
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "\u2581"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]}, "pre_tokenizer": null,
        "model": {"type": "BPE", "byte_fallback": true, "unk_token": "<unk>",
        "vocab": {"<unk>": 0, "</s>": 1, "<0xC3>": 2, "h": 3, "e": 4, "he": 5, "\u2581he": 6, "\u2581": 7},
        "merges": [["h", "e"], ["\u2581", "he"]]}}""");
  }

  @Test
  void addedTokensAreControlOrText() {
    ObjectNode json = sentencePiece();
    json.withArray("added_tokens").addObject().put("id", 8).put("content", "<|im_start|>").put("special", false);
    json.withArray("added_tokens").addObject().put("id", 9).put("content", "\u2581call").put("special", false);
    Map<String, Object> back =
        written(json.toString(), Optional.empty(), Json.MAPPER.createObjectNode().put("vocab_size", 10));
    assertThat(back.get("tokenizer.ggml.token_type")).asInstanceOf(InstanceOfAssertFactories.LIST).endsWith(3L, 4L);
    assertThat(back.get("tokenizer.ggml.tokens")).asInstanceOf(InstanceOfAssertFactories.LIST)
        .endsWith("<|im_start|>", " call");
  }

  @Test
  void whatLlamaCppCannotSplitOrModelIsRefusedByName() {
    ObjectNode config = Json.MAPPER.createObjectNode().put("vocab_size", 8);
    try (GgufFile file = GgufFile.open(Golden.path("gguf/tiny-qwen2.gguf"))) {
      String json = file.tokenizerJson();
      ObjectNode own = Json.object("", json);
      own.putNull("normalizer");
      assertThatThrownBy(() -> written(own.toString(), Optional.empty(), file.config()))
          .isInstanceOf(CheckpointException.class)
          .hasMessageStartingWith("here: the tokenizer splits text by [{\"type\":\"Split\"")
          .hasMessageContaining("for which no name in GGUF files is known; write a Hugging Face folder")
          .hasMessageNotContaining("\n");
      assertThatThrownBy(() -> written(json, Optional.empty(), config))
          .hasMessageContaining("has an id beyond vocab_size 8");
      own.withObject("/model").put("type", "Unigram");
      assertThatThrownBy(() -> written(own.toString(), Optional.empty(), file.config()))
          .hasMessageContaining("the tokenizer is a Unigram model");
    }
    ObjectNode other = sentencePiece();
    other.set("pre_tokenizer", Json.object("", "{\"type\":\"Whitespace\"}"));
    assertThatThrownBy(() -> written(other.toString(), Optional.empty(), config))
        .hasMessageContaining("\"Whitespace\"");
  }
}
