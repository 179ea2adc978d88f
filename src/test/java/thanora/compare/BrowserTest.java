package thanora.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The page in a real browser, if one is installed. */
@Tag("slow")
class BrowserTest {
  private static final List<String> BROWSERS =
      List.of("chromium", "chromium-browser", "google-chrome");

  /** Runs before anything else in the page and hears its complaints. */
  private static final String LISTENER =
      """
      <script>
      const complaints = [];
      addEventListener("error", (e) => complaints.push("error: " + e.message));
      addEventListener("securitypolicyviolation", (e) => complaints.push(e.violatedDirective));
      console.error = (...words) => complaints.push("console: " + words.join(" "));
      </script>
      """;

  /** Runs last: what sticks out of the page, and whether tables sort. */
  private static final String PROBE =
      """
      <script>
      let seen = 0;
      for (const e of document.querySelectorAll("main *")) {
        const scroller = e.closest(".scroll");
        if (scroller && scroller !== e || e.closest(".unseen, .dense .value b")) continue;
        const box = e.getBoundingClientRect();
        seen++;
        if (box.width > 0 && (box.left < -0.5 || box.right > innerWidth + 0.5)) {
          complaints.push("beyond the page: " + e.tagName + " " + e.textContent.slice(0, 40));
        }
      }
      if (document.documentElement.scrollWidth > innerWidth) complaints.push("page scrolls");
      const table = document.querySelector("table.sortable");
      const heads = [...table.tHead.rows[0].cells];
      const order = () => [...table.tBodies[0].rows].map((r) => Number(r.cells[1].dataset.v));
      for (const sign of [1, -1]) {
        heads[1].querySelector("button").click();
        const values = order();
        if (values.some((v, i) => i > 0 && sign * (v - values[i - 1]) < 0)) {
          complaints.push("not sorted: " + values);
        }
      }
      // Violations are reported a little later.
      setTimeout(
        () => parent.postMessage([innerWidth, seen > 100, ...complaints].join("; "), "*"), 500);
      </script>
      """;

  @TempDir Path folder;

  private static Optional<String> browser() {
    return Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
        .flatMap(place -> BROWSERS.stream().map(name -> Path.of(place, name)))
        .filter(Files::isExecutable)
        .map(Path::toString)
        .findFirst();
  }

  /** The page in a frame: browsers have a least width of windows, but none of frames. */
  private String report(String browser, String page, int width) throws Exception {
    String probed =
        page.replaceFirst("<head>", "<head>" + Matcher.quoteReplacement(LISTENER))
            .replace("</body>", PROBE + "</body>");
    Files.writeString(folder.resolve("page.html"), probed);
    Path frame = folder.resolve("frame.html");
    Files.writeString(
        frame,
        "<!doctype html><p id=\"report\"></p><script>addEventListener(\"message\", (e) => "
            + "document.getElementById(\"report\").textContent = e.data);</script>"
            + "<iframe src=\"page.html\" style=\"border: 0; height: 900px; width: " + width
            + "px\"></iframe>");
    Path out = folder.resolve("dom.txt");
    Process process =
        new ProcessBuilder(
                browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
                "--no-first-run", "--disable-background-networking", "--disable-component-update",
                "--disable-sync", "--user-data-dir=" + Files.createTempDirectory(folder, "user"),
                "--window-size=1600,1000", "--virtual-time-budget=10000", "--dump-dom",
                frame.toUri().toString())
            .redirectOutput(out.toFile())
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    try {
      assertThat(process.waitFor(120, TimeUnit.SECONDS)).as("the browser ends").isTrue();
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly().waitFor();
    }
    String dom = Files.readString(out, StandardCharsets.UTF_8);
    return dom.replaceAll("(?s).*<p id=\"report\">(.*?)</p>.*", "$1");
  }

  @ParameterizedTest
  @CsvSource({"14, 8, 3, 400", "14, 8, 3, 1400", "2, 2, 1, 400", "2, 2, 1, 1400", "6, 4, 2, 700"})
  void nothingSticksOutNothingFailsAndTablesSort(int methods, int tasks, int seeds, int width)
      throws Exception {
    Optional<String> browser = browser();
    assumeTrue(
        browser.isPresent(),
        "no browser: none of " + BROWSERS + " is on the PATH; install chromium to run this test");
    ComparisonResult result = Synthetic.page(methods, tasks, seeds, 40);
    String page = HtmlPage.of(result, Findings.of(result));
    assertThat(report(browser.get(), page, width)).isEqualTo(width + "; true");
  }

  @Test
  void namesLongerThanThePageStayInIt() throws Exception {
    Optional<String> browser = browser();
    assumeTrue(browser.isPresent(), "no browser on the PATH");
    String name = "abcdefghij".repeat(9);
    ComparisonResult result =
        Synthetic.renamed(Synthetic.page(14, 8, 2, 20), name + "-method", name + "-task");
    String page = HtmlPage.of(result, Findings.of(result));
    assertThat(report(browser.get(), page, 400)).isEqualTo("400; true");
    assertThat(report(browser.get(), page, 1400)).isEqualTo("1400; true");
  }

  @Test
  void theProbeSeesWhatItLooksFor() throws Exception {
    Optional<String> browser = browser();
    assumeTrue(browser.isPresent(), "no browser on the PATH");
    ComparisonResult result = Synthetic.page(2, 2, 1, 20);
    String broken =
        HtmlPage.of(result, Findings.of(result))
            .replace(
                "<h2 ",
                "<script>console.error('bad'); nowhere();</script>"
                    + "<img src=\"http://localhost/x.png\"><h2 style=\"width: 600px\" ");
    assertThat(Arrays.asList(report(browser.get(), broken, 400).split("; ")))
        .contains("console: bad", "page scrolls", "img-src")
        .contains("error: Uncaught ReferenceError: nowhere is not defined")
        .anyMatch(line -> line.startsWith("beyond the page: H2"));
  }
}
