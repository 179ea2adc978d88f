package thanora.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import thanora.checkpoint.AtomicFolders;
import thanora.train.Checkpoints.Generation;

/** Kills a process that saves checkpoints as fast as it can, at random moments. */
class CheckpointsKillTest {
  private static final int BYTES = 300_000;

  @TempDir Path folder;

  /** The process that is killed: saves each step twice, the second time over the first. */
  public static void main(String[] args) {
    Checkpoints checkpoints = new Checkpoints(Path.of(args[0]), 2, warning -> {});
    for (int step = Integer.parseInt(args[1]) + 1; ; step++) {
      save(checkpoints, step);
      save(checkpoints, step);
      System.out.println(step);
    }
  }

  private static void save(Checkpoints checkpoints, int step) {
    checkpoints.save(step, Set.of(), part -> Files.write(part.resolve("state"), content(step)));
  }

  private static byte[] content(int step) {
    byte[] bytes = new byte[BYTES];
    Arrays.fill(bytes, (byte) step);
    return bytes;
  }

  @Test
  void whatWasSavedSurvivesAKillAtAnyMoment() throws IOException, InterruptedException {
    Random random = new Random(5);
    List<String> warnings = new ArrayList<>();
    Checkpoints checkpoints = new Checkpoints(folder, 2, warnings::add);
    int last = 0;
    for (int round = 0; round < 6; round++) {
      int told = runAndKill(last, random.nextInt(60));
      AtomicFolders.clean(folder);
      Optional<Generation> latest = checkpoints.latest();
      assertThat(latest).as("round %d", round).isPresent();
      int step = latest.get().step();
      assertThat(step).as("round %d", round).isBetween(told, told + 1);
      assertThat(Files.readAllBytes(latest.get().folder().resolve("state")))
          .isEqualTo(content(step));
      last = step;
    }
    assertThat(warnings).isEmpty();
  }

  /** Steps that the process said it had saved before it was killed. */
  private int runAndKill(int from, int millis) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp", System.getProperty("java.class.path"),
                CheckpointsKillTest.class.getName(), folder.toString(), String.valueOf(from))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    int told = from;
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(process.getInputStream()))) {
      told = Integer.parseInt(lines.readLine());
      Thread.sleep(millis);
      // The handle kills without closing the pipe, so that the last words can be read.
      process.toHandle().destroyForcibly();
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        told = Integer.parseInt(line);
      }
    } finally {
      process.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
    }
    return told;
  }
}
