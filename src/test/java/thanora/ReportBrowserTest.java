package thanora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import thanora.page.Browser;

/** The report of a real run in a real browser, if one is installed. */
@Tag("slow")
class ReportBrowserTest {
  @TempDir static Path shared;
  private static String page;

  @TempDir Path folder;

  @BeforeAll
  static void run() throws IOException {
    Path data = SmallRun.data(shared.resolve("data"));
    Path run = shared.resolve("run");
    SmallRun.run(SmallRun.recipe(data, "train.eval_steps=2", "train.conflict_steps=2", "train.max_steps=8",
        "tasks=[{name: numbers}, {name: sums}, {name: calls}, {name: dates}, {name: sounds}, {name: order}]",
        "lora.r=12"), run, false);
    page = Files.readString(run.resolve("report.html"));
  }

  /** All tables open, since what is folded away has no size. */
  @ParameterizedTest
  @ValueSource(ints = {400, 700, 1280})
  void nothingSticksOutAndNothingFails(int width) throws Exception {
    Optional<String> browser = Browser.find();
    assumeTrue(browser.isPresent(), "no browser on the PATH; install chromium to run this test");
    assertThat(Browser.report(browser.get(), folder, page.replace("<details>", "<details open>"), width))
        .isEqualTo(width + "; true");
  }
}
