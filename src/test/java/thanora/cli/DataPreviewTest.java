package thanora.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataPreviewTest {
  @TempDir Path folder;

  private SmallRun small() throws IOException {
    SmallRun small = new SmallRun(folder);
    small.rows("a/train.jsonl", """
        {"messages": [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"},
        """.strip() + """
         {"role": "user", "content": "three\\u001b"}, {"role": "assistant", "content": "four"}]}
        {"messages": [{"role": "user", "content": "five a"}, {"role": "assistant", "content": ""}]}
        """);
    return small;
  }

  @Test
  void showsWhatIsTrainedBetweenBracketsAndCounts() throws IOException {
    SmallRun small = small();
    assertThat(small.run("data", "preview", small.recipe.toString(), "--quiet", "--rows", "1")).isZero();
    assertThat(small.stderr()).isEmpty();
    assertThat(small.stdout()).contains(
        "a, train row 1: ",
        "<|user|>one<|assistant|>\u27e6two<|endoftext|>\u27e7<|user|>three\\u001b<|assistant|>"
            + "\u27e6four<|endoftext|>\u27e7",
        "task  split  rows  tokens  trained  median  longest  too long  cut  empty  twice").doesNotContain("\u001b");
    assertThat(small.run("data", "preview", small.recipe.toString(), "--rows", "1", "--set",
        "tasks.a.train_on=last")).isZero();
    assertThat(small.stdout()).contains("<|assistant|>two<|endoftext|><|user|>three")
        .contains("\u27e6four<|endoftext|>\u27e7");
  }

  @Test
  void jsonHoldsAllOfIt() throws IOException {
    SmallRun small = small();
    Files.writeString(folder.resolve("data/b/test.jsonl"),
        Files.readString(folder.resolve("data/b/train.jsonl")).toUpperCase().replace("PROMPT", "prompt")
            .replace("COMPLETION", "completion"));
    assertThat(small.run("data", "preview", small.recipe.toString(), "--json", "--rows", "1")).isZero();
    JsonNode json = new ObjectMapper().readTree(small.stdout());
    assertThat(json.at("/tasks/0/splits/train/empty").asInt()).isEqualTo(1);
    assertThat(json.at("/tasks/0/rows/0/pieces/1/text").asText()).isEqualTo("two<|endoftext|>");
    assertThat(json.at("/tasks/0/rows/0/pieces/1/trained").asBoolean()).isTrue();
    assertThat(json.at("/check/overlaps/0").toString()).isEqualTo(
        "{\"split\":\"b test\",\"other\":\"b train\",\"exact\":0,\"alike\":2,\"example\":\"ONE B\"}");
  }

  @Test
  void rowsThatTrainingRefusesAreCounted() throws IOException {
    SmallRun small = small();
    small.rows("b/train.jsonl", "{\"prompt\": \"" + "word ".repeat(300) + "\", \"completion\": \"c\"}\n"
        + "{\"prompt\": \"p\", \"completion\": \"c\"}\n");
    assertThat(small.run("data", "preview", small.recipe.toString(), "--rows", "0")).isZero();
    assertThat(small.stdout()).contains("rows are longer than 256 tokens, and training would refuse them");
  }

  @Test
  void rowsWithFaultyImagesAreCountedAndTheFirstAreShown() throws IOException {
    SmallRun small = small();
    StringBuilder rows = new StringBuilder("{\"prompt\": \"p\", \"completion\": \"c\"}\n");
    for (int i = 0; i < 7; i++) {
      rows.append("{\"prompt\": \"<image>\", \"completion\": \"c\", \"images\": \"").append(i).append(".png\"}\n");
    }
    Path file = small.rows("b/train.jsonl", rows.toString());
    assertThat(small.run("data", "preview", small.recipe.toString(), "--quiet", "--rows", "0")).isEqualTo(1);
    assertThat(small.stdout()).containsPattern("empty  twice  images  their rows  their tokens  faulty")
        .containsPattern("b +train +1 .* 7\\R")
        .contains("b train: 7 rows with faulty images, and training would refuse them:",
            "  " + file + ":2: image " + file.resolveSibling("0.png") + " is for a model that sees images",
            "  " + file + ":6: ", "  and 2 more").doesNotContain(file + ":7: ");
  }
}
