package thanora.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Commands on a real pseudo-terminal, which Python opens. */
@Tag("slow")
class TerminalTest {
  /** Arguments: what to wait for, what to type then, and the command; prints all that came, then the exit code. */
  private static final String PYTHON = """
      import os, pty, sys
      waits, answers, command = sys.argv[1].split('|'), sys.argv[2].split('|'), sys.argv[3:]
      child, terminal = pty.fork()
      if child == 0:
          os.environ['TERM'] = 'xterm'
          os.execv(command[0], command)
      came, seen = b'', 0
      while True:
          try:
              part = os.read(terminal, 4096)
          except OSError:
              break
          if not part:
              break
          came += part
          if waits and waits[0].encode() in came[seen:]:
              seen = len(came)
              waits.pop(0)
              answer = answers.pop(0)
              os.write(terminal, b'\\x03' if answer == '^C' else answer.encode() + b'\\n')
      sys.stdout.buffer.write(came)
      print('exit', os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
      """;

  @TempDir Path folder;
  private SmallRun small;

  @BeforeEach
  void make() throws IOException {
    small = new SmallRun(folder);
  }

  private String run(String waits, String answers, String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("python3", "-c", PYTHON, waits, answers,
        Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx1g", "-XX:+UseSerialGC",
        "-Dthanora.home=" + Path.of("").toAbsolutePath(), "-Dthanora.stderr.tty=true", "-Dthanora.stdin.tty=true",
        "-cp", System.getProperty("java.class.path"), Main.class.getName()));
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String came = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(came).isZero();
    return came;
  }

  @Test
  void initAsksForWhatIsNotGiven() throws IOException, InterruptedException {
    Path recipe = folder.resolve("asked.yaml");
    String came = run("rows [.]:|demo [demo]:|[recipe.yaml]:", folder.resolve("data") + "||" + recipe, "init");
    assertThat(came).contains("2 tasks: a, b").endsWith("exit 0\n");
    assertThat(recipe).content().contains("model: demo", "- name: a");
  }

  @Test
  void progressIsOneLineDrawnAgainWithoutEscapes() throws IOException, InterruptedException {
    String came = run("", "", "eval", small.recipe.toString());
    assertThat(came).contains("\rload ", "\rscores ").endsWith("exit 0\n");
    assertThat(came.replaceAll("[\r\n]", "")).doesNotContainPattern("\\p{Cntrl}");
  }

  @Test
  void ctrlCLeavesNothingHalfWritten() throws IOException, InterruptedException {
    assertThat(small.train()).isZero();
    for (String command : List.of("merge", "export")) {
      Path out = folder.resolve("made");
      String came = run("load ", "^C", command, small.out.toString(), "--out", out.toString());
      assertThat(came).contains("stopping in good order", "thanora: stopped in load").endsWith("exit 130\n");
      try (Stream<Path> files = Files.list(folder)) {
        assertThat(files.map(file -> file.getFileName().toString()))
            .containsExactlyInAnyOrder("r.yaml", "data", "out");
      }
    }
  }
}
