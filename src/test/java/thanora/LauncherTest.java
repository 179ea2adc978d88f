package thanora;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The script {@code thanora}, beside a project in which Maven has nothing to do. */
@Tag("slow")
class LauncherTest {
  @TempDir Path folder;

  @Test
  void whatMavenSaysIntoAPipeIsPlainText() throws IOException, InterruptedException {
    Path script = folder.resolve("thanora");
    Files.copy(Path.of("thanora"), script);
    Files.writeString(folder.resolve("pom.xml"), """
        <project>
          <modelVersion>4.0.0</modelVersion>
          <groupId>a</groupId>
          <artifactId>nothing</artifactId>
          <version>1</version>
          <packaging>pom</packaging>
        </project>
        """);
    ProcessBuilder builder = new ProcessBuilder("bash", script.toString(), "test", "-o").redirectErrorStream(true);
    builder.environment().put("TERM", "xterm");
    Process process = builder.start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).isZero();
    assertThat(text).contains("BUILD SUCCESS").doesNotContain("\u001b");
  }
}
