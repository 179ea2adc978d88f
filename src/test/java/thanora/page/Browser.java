package thanora.page;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.stream.Stream;

/** A real browser, for tests of pages. */
public final class Browser {
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
      for (const table of [...document.querySelectorAll("table.sortable")].slice(0, 1)) {
        const heads = [...table.tHead.rows[0].cells];
        const order = () => [...table.tBodies[0].rows].map((r) => Number(r.cells[1].dataset.v));
        for (const sign of [1, -1]) {
          heads[1].querySelector("button").click();
          const values = order();
          if (values.some((v, i) => i > 0 && sign * (v - values[i - 1]) < 0)) {
            complaints.push("not sorted: " + values);
          }
        }
      }
      // Violations are reported a little later.
      setTimeout(
        () => parent.postMessage([innerWidth, seen > 100, ...complaints].join("; "), "*"), 500);
      </script>
      """;

  private Browser() {}

  /** The program of one, if it is on the PATH. */
  public static Optional<String> find() {
    return Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
        .flatMap(place -> BROWSERS.stream().map(name -> Path.of(place, name)))
        .filter(Files::isExecutable)
        .map(Path::toString)
        .findFirst();
  }

  /**
   * What is wrong with a page: "WIDTH; true" where nothing is. It is opened in a frame: browsers have a least width of windows, but none of frames.
   *
   * @param folder for the files of the browser
   */
  public static String report(String browser, Path folder, String page, int width) throws Exception {
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
}
