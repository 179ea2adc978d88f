package thanora.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import thanora.checkpoint.CheckpointException;
import thanora.train.Checkpoints.Generation;

class CheckpointsTest {
  @TempDir Path folder;

  private final List<String> warnings = new ArrayList<>();
  private Checkpoints checkpoints;

  @BeforeEach
  void open() {
    checkpoints = new Checkpoints(folder.resolve("checkpoints"), 2, warnings::add);
  }

  private void save(int step, Integer... pinned) {
    checkpoints.save(
        step, Set.of(pinned), part -> Files.writeString(part.resolve("state.bin"), "step " + step));
  }

  private List<Integer> steps() {
    return checkpoints.generations().stream().map(Generation::step).toList();
  }

  @Test
  void thereIsNoneAtFirst() {
    assertThat(checkpoints.latest()).isEmpty();
    assertThat(warnings).isEmpty();
  }

  @Test
  void theNewestIsTheOneOfTheHighestStep() {
    save(9);
    save(100);
    assertThat(checkpoints.latest().orElseThrow().step()).isEqualTo(100);
    assertThat(checkpoints.latest().orElseThrow().folder())
        .hasFileName("step-000100")
        .isDirectoryContaining("glob:**manifest.json");
  }

  @Test
  void rotationKeepsTheNewestAndThePinned() {
    save(1);
    save(2, 1);
    save(3, 1);
    save(4, 1);
    assertThat(steps()).containsExactly(4, 3, 1);
    save(5);
    assertThat(steps()).containsExactly(5, 4);
  }

  @Test
  void aFlippedBitFallsBackToTheGenerationBefore() throws IOException {
    save(1);
    save(2);
    Path file = checkpoints.latest().orElseThrow().folder().resolve("state.bin");
    byte[] bytes = Files.readAllBytes(file);
    bytes[0] ^= 1;
    Files.write(file, bytes);
    assertThat(checkpoints.latest().orElseThrow().step()).isEqualTo(1);
    assertThat(warnings)
        .containsExactly(
            file + ": SHA-256 differs from the manifest's; the checkpoint before it is used");
    assertThat(checkpoints.at(2)).isEmpty();
    assertThat(checkpoints.at(1)).isPresent();
  }

  @Test
  void truncatedMissingAndUnreadableAreNotUsed() throws IOException {
    save(1);
    Path state = checkpoints.latest().orElseThrow().folder().resolve("state.bin");
    Files.writeString(state, "step");
    assertThat(checkpoints.latest()).isEmpty();
    Files.delete(state);
    assertThat(checkpoints.latest()).isEmpty();
    Files.writeString(state.resolveSibling("manifest.json"), "{\"step\":1,");
    assertThat(checkpoints.latest()).isEmpty();
    Files.writeString(
        state.resolveSibling("manifest.json"),
        "{\"step\":1,\"files\":{\"../../x\":{\"size\":0,\"sha256\":\"\"}}}");
    assertThat(checkpoints.latest()).isEmpty();
    assertThat(warnings).hasSize(4);
  }

  @Test
  void aFailedSaveLeavesTheEarlierOnes() {
    save(1);
    assertThatThrownBy(
            () ->
                checkpoints.save(
                    2,
                    Set.of(),
                    part -> {
                      Files.writeString(part.resolve("half"), "h");
                      throw new IOException("disk is full");
                    }))
        .isInstanceOf(CheckpointException.class);
    assertThat(steps()).containsExactly(1);
  }

  @Test
  void savingAStepAgainReplacesIt() {
    save(1);
    checkpoints.save(1, Set.of(), part -> Files.writeString(part.resolve("state.bin"), "again"));
    assertThat(checkpoints.latest().orElseThrow().folder().resolve("state.bin"))
        .hasContent("again");
  }
}
