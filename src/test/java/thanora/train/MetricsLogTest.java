package thanora.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import thanora.train.MetricsLog.StepRow;

class MetricsLogTest {
  @TempDir Path folder;
  private Path file;

  @BeforeEach
  void name() {
    file = folder.resolve("log.jsonl");
  }

  private static StepRow row(int step) {
    Map<String, Double> losses = new LinkedHashMap<>();
    losses.put("words", 0.5);
    losses.put("sums", 1.5);
    return new StepRow(step, 1.25, losses, 0.06, 1e-3, 2.5, 640, 0.25);
  }

  private static String line(int step) {
    return "{\"step\":" + step + ",\"loss\":1.25,\"task_loss\":{\"words\":0.5,\"sums\":1.5},"
        + "\"spr\":0.06,\"lr\":0.001,\"grad_norm\":2.5,\"tokens\":640,\"seconds\":0.25}\n";
  }

  @Test
  void aRowIsOnDiskAtOnce() throws IOException {
    try (MetricsLog log = MetricsLog.open(file, 0)) {
      log.step(row(1));
      assertThat(Files.readString(file)).isEqualTo(line(1));
      log.event(1, "eval", Map.of("words", 0.75));
    }
    assertThat(Files.readString(file))
        .isEqualTo(line(1) + "{\"step\":1,\"event\":\"eval\",\"words\":0.75}\n");
  }

  @Test
  void resumingCutsLaterRowsAndGoesOn() throws IOException {
    try (MetricsLog log = MetricsLog.open(file, 0)) {
      for (int step = 1; step <= 4; step++) {
        log.step(row(step));
      }
    }
    try (MetricsLog log = MetricsLog.open(file, 2)) {
      log.step(row(3));
    }
    assertThat(Files.readString(file)).isEqualTo(line(1) + line(2) + line(3));
  }

  @Test
  void aTornLastLineIsCut() throws IOException {
    Files.writeString(file, line(1) + line(2) + line(3).substring(0, 30));
    MetricsLog.open(file, 3).close();
    assertThat(Files.readString(file)).isEqualTo(line(1) + line(2));
    Files.writeString(file, "{\"step\":3,\"lo\n", StandardOpenOption.APPEND);
    MetricsLog.open(file, 3).close();
    assertThat(Files.readString(file)).isEqualTo(line(1) + line(2));
  }

  @Test
  void aNewRunStartsWithAnEmptyLog() throws IOException {
    Files.writeString(file, line(1));
    MetricsLog.open(file, 0).close();
    assertThat(file).isEmptyFile();
  }

  @Test
  void numbersThatAreNotFiniteAreNull() throws IOException {
    try (MetricsLog log = MetricsLog.open(file, 0)) {
      log.event(1, "skipped", Map.of("loss", Double.NaN));
      log.event(2, "list", Map.of("loss", List.of(1.5, Double.POSITIVE_INFINITY)));
      log.event(3, "table", Map.of("pairs", new double[][] {{1, Double.NaN}, {0.25}}));
    }
    assertThat(Files.readAllLines(file)).containsExactly(
        "{\"step\":1,\"event\":\"skipped\",\"loss\":null}",
        "{\"step\":2,\"event\":\"list\",\"loss\":[1.5,null]}",
        "{\"step\":3,\"event\":\"table\",\"pairs\":[[1.0,null],[0.25]]}");
  }
}
