package thanora.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import thanora.cli.Progress.Style;

class ProgressTest {
  private final StringWriter written = new StringWriter();
  private long nanos;

  private Progress progress(Style style, int width, int total) {
    return new Progress(new PrintWriter(written), style, width, "train", total, () -> nanos);
  }

  private void seconds(double seconds) {
    nanos = (long) (seconds * 1e9);
  }

  private static Map<String, Double> losses(double words, double sums) {
    Map<String, Double> losses = new LinkedHashMap<>();
    losses.put("words", words);
    losses.put("sums", sums);
    return losses;
  }

  @Test
  void awayFromATerminalThereAreNoControlCharacters() {
    try (Progress progress = progress(Style.PLAIN, 100, 250)) {
      for (int step = 1; step <= 250; step++) {
        seconds(step * 0.25);
        progress.update(step, losses(0.31, 1.2));
      }
      progress.say("done");
    }
    assertThat(written.toString().replace(System.lineSeparator(), ""))
        .doesNotContainPattern("\\p{Cntrl}");
    assertThat(written.toString().lines())
        .containsExactly(
            "train 40/250 4.0/s 0:53 left | words 0.31 sums 1.20",
            "train 80/250 4.0/s 0:43 left | words 0.31 sums 1.20",
            "train 120/250 4.0/s 0:33 left | words 0.31 sums 1.20",
            "train 160/250 4.0/s 0:23 left | words 0.31 sums 1.20",
            "train 200/250 4.0/s 0:13 left | words 0.31 sums 1.20",
            "train 240/250 4.0/s 0:03 left | words 0.31 sums 1.20",
            "train 250/250 4.0/s 1:03 in all | words 0.31 sums 1.20",
            "done");
  }

  @Test
  void anUnknownNumberIsCounted() {
    try (Progress progress = progress(Style.PLAIN, 100, 0)) {
      for (int step = 1; step <= 50; step++) {
        seconds(step * 0.25);
        progress.update(step);
      }
    }
    assertThat(written.toString().lines()).containsExactly("train 40 4.0/s", "train 50 4.0/s");
  }

  @Test
  void whatIsOverAtOnceIsNotSaidInAFile() {
    try (Progress progress = progress(Style.PLAIN, 100, 2)) {
      seconds(1.5);
      progress.update(2);
    }
    assertThat(written.toString()).isEmpty();
  }

  @Test
  void onATerminalTheLineIsDrawnOver() {
    Progress progress = progress(Style.LIVE, 100, 4);
    seconds(2);
    progress.update(1, losses(0.5, 10));
    seconds(2.05);
    progress.update(2, losses(0.4, 9));
    seconds(4);
    progress.update(2, Map.of("words", 0.25));
    assertThat(written)
        .hasToString(
            "\rtrain [#####---------------] 1/4 2.0 s each 0:06 left | words 0.50 sums 10.00"
                + "\rtrain [##########----------] 2/4 2.0 s each 0:04 left"
                + " | words 0.25 sums 9.00 ");
    progress.close();
    assertThat(written.toString()).endsWith(" " + System.lineSeparator());
  }

  @Test
  void aMessageStandsAboveTheLiveLine() {
    Progress progress = progress(Style.LIVE, 100, 2);
    seconds(1);
    progress.update(1);
    progress.say("saved");
    String bar = "train [##########----------] 1/2 1.0/s 0:01 left";
    assertThat(written)
        .hasToString("\r" + bar + "\r" + " ".repeat(bar.length()) + "\rsaved"
            + System.lineSeparator() + "\r" + bar);
  }

  @Test
  void aNarrowTerminalKeepsTheLossOfEveryTask() {
    Map<String, Double> losses = new LinkedHashMap<>();
    for (String task : "sst2 clinc150 geoquery_sql multi30k_en_de mawps disfl_qa".split(" ")) {
      losses.put(task, 1.25);
    }
    Progress progress = progress(Style.LIVE, 80, 1000);
    seconds(30);
    progress.update(120, losses);
    assertThat(written.toString())
        .isEqualTo("\rtrain 120/1000 4.0/s 3:40 left | s 1.25 c 1.25 g 1.25 m 1.25 m 1.25 d 1.25");
    assertThat(written.toString().length()).isLessThan(81);
  }

  @Test
  void aResumedRunCountsItsOwnStepsForTheRate() {
    seconds(100);
    Progress progress = progress(Style.PLAIN, 100, 200).from(100);
    seconds(110);
    progress.update(120);
    assertThat(written.toString().strip()).isEqualTo("train 120/200 2.0/s 0:40 left");
  }

  @Test
  void quietSaysNothing() {
    try (Progress progress = progress(Style.SILENT, 100, 2)) {
      progress.update(2, losses(1, 1));
      progress.say("x");
    }
    assertThat(written.toString()).isEmpty();
  }

  @Test
  void tablesAlignNumbersToTheRight() {
    Table table =
        new Table("task", "before", "after").row("words", "0.1", "12.5").row("süß", "-", "3");
    assertThat(table.toString().lines())
        .containsExactly("task   before  after", "words     0.1   12.5", "süß         -      3");
  }
}
