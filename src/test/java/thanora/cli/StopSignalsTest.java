package thanora.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Signals to a real process. */
@DisabledOnOs(OS.WINDOWS)
class StopSignalsTest {
  @TempDir Path folder;

  @ParameterizedTest
  @Tag("slow")
  @CsvSource({"TERM, 143", "INT, 130"})
  @Timeout(120)
  void aSignalKeepsTheStepAndSaysHowToGoOn(String signal, int code)
      throws IOException, InterruptedException {
    SmallRun small = new SmallRun(folder);
    Path log = small.out.resolve("log.jsonl");
    Path said = folder.resolve("stderr");
    Process training = start(said, "train", small.recipe.toString(), "--run-dir",
        small.out.toString(), "--set", "train.max_steps=100000");
    try {
      while (training.isAlive() && !(Files.exists(log) && Files.size(log) > 0)) {
        Thread.sleep(20);
      }
      new ProcessBuilder("kill", "-" + signal, "" + training.pid()).start().waitFor();
      assertThat(training.waitFor(60, TimeUnit.SECONDS)).isTrue();
    } finally {
      training.destroyForcibly();
    }
    assertThat(training.exitValue()).isEqualTo(code);
    long steps = Files.readAllLines(log).size();
    assertThat(small.out.resolve(".lock")).doesNotExist();
    assertThat(small.out.resolve("checkpoints/step-%06d".formatted(steps))).isDirectory();
    assertThat(Files.readAllLines(said)).last().isEqualTo("thanora: stopped after step " + steps
        + " of 100000; go on with the same command and --resume --run-dir " + small.out);
  }

  private Process start(Path stderr, String... args) throws IOException {
    String[] command = new String[args.length + 5];
    command[0] = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    command[1] = "-Xmx512m";
    command[2] = "-cp";
    command[3] = System.getProperty("java.class.path");
    command[4] = Main.class.getName();
    System.arraycopy(args, 0, command, 5, args.length);
    return new ProcessBuilder(command).redirectError(stderr.toFile())
        .redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
  }
}
