package thanora.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Rows and models that demos make in the run folder. */
class DrawnRowsTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"demo", "compare demo --methods lora", "compare demo --methods nope,lora"})
  void theyGoWhereNoRunCameOfThem(String command) throws IOException {
    check(command);
  }

  @Tag("slow")
  @ParameterizedTest
  @ValueSource(strings = {"demo --images", "compare demo-images --methods lora"})
  void soDoPictures(String command) throws IOException {
    check(command);
  }

  private void check(String command) throws IOException {
    SmallRun small = new SmallRun(folder);
    Path run = folder.resolve("run");
    String[] words = (command + " --set model=/no/such/model.gguf --quiet --run-dir " + run).split(" ");
    assertThat(small.run(words)).isNotZero();
    assertThat(small.stderr()).singleElement().asString().containsAnyOf("/no/such/model.gguf", "nope");
    assertThat(run.resolve("data")).doesNotExist();
    assertThat(run.resolve("model")).doesNotExist();
  }
}
