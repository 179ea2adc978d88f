package thanora.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import thanora.tensor.Placement;
import thanora.tensor.Seeds;
import thanora.tensor.TensorScope;

/** Random damage is either harmless or refused by a {@link CheckpointException}; nothing else. */
class DamagedFilesTest {
  private static final int FILES = 60;

  @TempDir Path folder;

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
  void ggufHeaders(int seed) throws IOException {
    byte[] whole = Files.readAllBytes(Golden.path("gguf/tiny-llama.gguf"));
    int refused = 0;
    for (Path path : new Damage(whole, 5000, Seeds.stream(seed, "damage")).files(folder)) {
      try (TensorScope scope = TensorScope.open(); GgufFile file = GgufFile.open(path)) {
        Weights weights = file.weights();
        file.config();
        file.tokenizerJson();
        file.tokenizerConfig();
        weights.names().forEach(name -> weights.load(name, Placement.CPU_F32));
      } catch (CheckpointException e) {
        assertThat(e).hasMessageContaining(path.toString()).hasMessageNotContaining("\n");
        refused++;
      }
    }
    assertThat(refused).isBetween(FILES / 5, FILES);
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
  void safetensorsHeaders(int seed) throws IOException {
    byte[] whole = Files.readAllBytes(Golden.path("gguf/tiny-llama.expected.safetensors"));
    int refused = 0;
    for (Path path : new Damage(whole, 1600, Seeds.stream(seed, "damage")).files(folder)) {
      try (TensorScope scope = TensorScope.open();
          SafetensorsFile file = SafetensorsFile.open(path)) {
        file.names().forEach(name -> file.load(name, Placement.CPU_F32));
      } catch (CheckpointException e) {
        assertThat(e).hasMessageContaining(path.toString()).hasMessageNotContaining("\n");
        refused++;
      }
    }
    assertThat(refused).isBetween(FILES / 5, FILES);
  }

  /** One to eight bytes of the header replaced, and sometimes the end cut off. */
  private record Damage(byte[] whole, int headerBytes, Random random) {
    Iterable<Path> files(Path folder) {
      return () -> java.util.stream.IntStream.range(0, FILES).mapToObj(i -> file(folder)).iterator();
    }

    private Path file(Path folder) {
      byte[] damaged = random.nextInt(8) == 0
          ? java.util.Arrays.copyOf(whole, random.nextInt(whole.length)) : whole.clone();
      int changes = 1 + random.nextInt(8);
      for (int i = 0; i < changes && damaged.length > 0; i++) {
        damaged[random.nextInt(Math.min(headerBytes, damaged.length))] = (byte) random.nextInt(256);
      }
      return Bytes.empty().raw(damaged).write(folder.resolve("damaged"));
    }
  }
}
