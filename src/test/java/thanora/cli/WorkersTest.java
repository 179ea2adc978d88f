package thanora.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Comparisons that several real processes share. */
@Tag("slow")
class WorkersTest {
  private SmallRun small;

  @TempDir Path folder;

  @BeforeEach
  void writeRows() throws IOException {
    small = new SmallRun(folder);
    for (String task : List.of("a", "b")) {
      small.rows(task + "/train.jsonl", IntStream.range(0, 12)
          .mapToObj(i -> "{\"prompt\": \"" + task + " " + i + "\", \"completion\": \"" + 3 * i + "\"}\n")
          .collect(Collectors.joining()));
    }
  }

  private int compare(String run, String... more) {
    return small.run(Stream.concat(
        Stream.of("compare", small.recipe.toString(), "--methods", "lora[lr=1e-3|3e-3],dora,thanora", "--seeds", "2",
            "--side-by-side", "2", "--no-costs", "--set", "train.validation_rows=4",
            "--run-dir", folder.resolve(run).toString()),
        Stream.of(more)).toArray(String[]::new));
  }

  private String said() {
    return String.join("\n", small.stderr());
  }

  @Test
  void twoProcessesComeToTheSameBytesAsOne() {
    assertThat(compare("alone", "--set", "device=cpu")).as(said()).isZero();
    assertThat(compare("shared", "--devices", "cpu,cpu")).as(said()).isZero();
    assertThat(said()).contains("[cpu] task ").doesNotContain("ended with code");
    assertThat(folder.resolve("shared/compare.json")).hasSameBinaryContentAs(folder.resolve("alone/compare.json"));
    assertThat(folder.resolve("shared/groups/group0/.lock")).doesNotExist();
  }

  @Test
  void aProcessThatIsKilledLeavesItsWorkToTheOthers() throws Exception {
    assertThat(compare("alone", "--set", "device=cpu")).as(said()).isZero();
    CompletableFuture<Void> killed = CompletableFuture.runAsync(this::killOneAtWork);
    assertThat(compare("killed", "--devices", "cpu,cpu")).as(said()).isZero();
    killed.get(1, TimeUnit.SECONDS);
    assertThat(said()).contains("the process on cpu ended with code 137");
    assertThat(folder.resolve("killed/compare.json")).hasSameBinaryContentAs(folder.resolve("alone/compare.json"));
  }

  /** kill -9 of the process that took the first group. */
  private void killOneAtWork() {
    Path lock = folder.resolve("killed/groups/group0/.lock");
    while (true) {
      try {
        long pid = Long.parseLong(Files.readString(lock).replaceAll("\\D.*", "").strip());
        ProcessHandle.of(pid).orElseThrow().destroyForcibly();
        return;
      } catch (IOException | NumberFormatException notYet) {
        Thread.onSpinWait();
      }
    }
  }

  @Test
  void devicesOfTwoKindsAreRefusedBeforeAnythingIsMade() {
    assertThat(compare("mixed", "--devices", "cpu,cuda:0")).isEqualTo(2);
    assertThat(said()).contains("--devices cpu,cuda:0: are of two kinds");
    assertThat(folder.resolve("mixed")).doesNotExist();
  }

  @Test
  void aDeviceThatIsNoneIsNamed() {
    assertThat(compare("bad", "--devices", "cpu,gpu1")).isEqualTo(2);
    assertThat(said()).contains("--devices gpu1: is not cpu, cuda or cuda:N");
    assertThat(folder.resolve("bad")).doesNotExist();
  }
}
