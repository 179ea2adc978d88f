package thanora.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PlanCommandTest {
  @TempDir Path folder;
  private SmallRun small;

  @BeforeEach
  void make() throws IOException {
    small = new SmallRun(folder);
  }

  private JsonNode plan(String... changes) throws IOException {
    String[] words = new String[changes.length + 4];
    System.arraycopy(new String[] {"plan", small.recipe.toString(), "--json", "--quiet"}, 0, words, 0, 4);
    System.arraycopy(changes, 0, words, 4, changes.length);
    assertThat(small.run(words)).isZero();
    assertThat(small.stderr()).isEmpty();
    return new ObjectMapper().readTree(small.stdout());
  }

  @Test
  void whatTheRunTakesIsCountedAndNothingIsWritten() throws IOException {
    JsonNode plan = plan();
    // r (in + out) of q_proj, 256 to 256, in five layers
    assertThat(plan.get("trainable_parameters").asLong()).isEqualTo(5 * 3 * (256 + 256));
    assertThat(plan.get("steps").asLong()).isEqualTo(2);
    assertThat(plan.at("/cpu/moments").asLong()).isEqualTo(2 * 4 * 5 * 3 * 512);
    assertThat(plan.at("/cpu/weights").asLong()).isEqualTo(2 * plan.at("/gpu/weights").asLong());
    assertThat(plan.at("/cpu/preview").asLong()).isZero();
    assertThat(plan.at("/cpu/peak").asLong()).isGreaterThan(plan.at("/cpu/training").asLong());
    assertThat(plan.at("/cpu/micro_batch_tokens").asLong()).isGreaterThan(1000);
    assertThat(plan.get("seconds_per_step").asDouble()).isPositive();
    assertThat(plan.get("warnings")).isEmpty();
    assertThat(small.out).doesNotExist();
  }

  @Test
  void theLargestMicroBatchIsTheOneThatIsDrawn() throws IOException {
    JsonNode whole = plan();
    long tokens = whole.get("largest_micro_batch_tokens").asLong();
    JsonNode cut = plan("micro_batch_tokens=" + tokens / 2);
    assertThat(cut.get("largest_micro_batch_tokens").asLong()).isBetween(1L, tokens / 2);
    assertThat(cut.at("/cpu/activations").asLong()).isLessThan(whole.at("/cpu/activations").asLong());
  }

  @Test
  void previewAndTaskGradientsCount() throws IOException {
    JsonNode plan = plan("method=thanora", "train.gradients=pcgrad");
    assertThat(plan.at("/cpu/preview").asLong()).isGreaterThan(2 * 256 * 256 * 8);
    assertThat(plan.at("/cpu/gradients").asLong()).isEqualTo(3 * 4 * plan.get("trainable_parameters").asLong());
  }

  @Test
  void rowsThatAreTooLongAreCounted() throws IOException {
    small.rows("a/train.jsonl", "{\"prompt\": \"p\", \"completion\": \"c\"}\n"
        + "{\"prompt\": \"" + "word ".repeat(300) + "\", \"completion\": \"c\"}\n");
    assertThat(plan().get("warnings")).singleElement().asString()
        .contains("tasks.a: 1 of 2 training rows are longer than train.max_length", "train will refuse them");
  }

  @Test
  void methodsForComparisonsAloneAreRefused() {
    assertThat(small.run("plan", small.recipe.toString(), "--set", "method=hydralora", "--quiet")).isEqualTo(2);
    assertThat(small.stderr()).singleElement().asString().contains("method: hydralora does not become one adapter");
  }
}
