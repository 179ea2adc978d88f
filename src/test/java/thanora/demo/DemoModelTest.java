package thanora.demo;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import thanora.demo.DemoTasks.Row;

class DemoModelTest {

  private static final Path MODEL = Path.of("demo", "model");

  @Test
  void weightsFitInEightMegabytesAndConfigMatchesTheTokenizer() throws Exception {
    assertThat(Files.size(MODEL.resolve("model.safetensors"))).isBetween(7_000_000L, 8_000_000L);
    ObjectMapper mapper = new ObjectMapper();
    JsonNode config = mapper.readTree(MODEL.resolve("config.json").toFile());
    JsonNode tokenizer = mapper.readTree(MODEL.resolve("tokenizer.json").toFile());
    assertThat(config.get("vocab_size").asInt())
        .isEqualTo(tokenizer.get("model").get("vocab").size());
  }

  /** Identifiers as the Python library, tokenizers 0.23, gives them. */
  @Test
  void tokenizerSplitsDigitsAndKnowsTheMarksOfAChat() throws Exception {
    try (var tokenizer = HuggingFaceTokenizer.newInstance(MODEL.resolve("tokenizer.json"))) {
      assertThat(tokenizer.encode("<|user|>4,207<|assistant|>").getIds())
          .containsExactly(1, 23, 15, 21, 19, 26, 2);
    }
  }

  @Test
  void demoRowsAreShortAndSurviveTheTokenizer() throws Exception {
    try (var tokenizer = HuggingFaceTokenizer.newInstance(MODEL.resolve("tokenizer.json"))) {
      for (String task : DemoTasks.names()) {
        for (Row row : DemoTasks.train(task, 300, 0)) {
          long[] ids = tokenizer.encode(
              "<|user|>" + row.prompt() + "<|assistant|>" + row.completion()).getIds();
          assertThat(ids.length + 1).isLessThanOrEqualTo(40);
          assertThat(tokenizer.decode(ids, true)).isEqualTo(row.prompt() + row.completion());
        }
      }
    }
  }
}
