package thanora.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import thanora.page.Browser;

/** The page in a real browser, if one is installed. */
@Tag("slow")
class BrowserTest {
  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({"14, 8, 3, 400", "14, 8, 3, 1400", "2, 2, 1, 400", "2, 2, 1, 1400", "6, 4, 2, 700"})
  void nothingSticksOutNothingFailsAndTablesSort(int methods, int tasks, int seeds, int width)
      throws Exception {
    Optional<String> browser = Browser.find();
    assumeTrue(
        browser.isPresent(),
        "no browser on the PATH; install chromium to run this test");
    ComparisonResult result = Synthetic.page(methods, tasks, seeds, 40);
    String page = HtmlPage.of(result, Findings.of(result));
    assertThat(Browser.report(browser.get(), folder, page, width)).isEqualTo(width + "; true");
  }

  @Test
  void namesLongerThanThePageStayInIt() throws Exception {
    Optional<String> browser = Browser.find();
    assumeTrue(browser.isPresent(), "no browser on the PATH");
    String name = "abcdefghij".repeat(9);
    ComparisonResult result =
        Synthetic.renamed(Synthetic.page(14, 8, 2, 20), name + "-method", name + "-task");
    String page = HtmlPage.of(result, Findings.of(result));
    assertThat(Browser.report(browser.get(), folder, page, 400)).isEqualTo("400; true");
    assertThat(Browser.report(browser.get(), folder, page, 1400)).isEqualTo("1400; true");
  }

  @Test
  void theProbeSeesWhatItLooksFor() throws Exception {
    Optional<String> browser = Browser.find();
    assumeTrue(browser.isPresent(), "no browser on the PATH");
    ComparisonResult result = Synthetic.page(2, 2, 1, 20);
    String broken =
        HtmlPage.of(result, Findings.of(result))
            .replace(
                "<h2 ",
                "<script>console.error('bad'); nowhere();</script>"
                    + "<img src=\"http://localhost/x.png\"><h2 style=\"width: 600px\" ");
    assertThat(Arrays.asList(Browser.report(browser.get(), folder, broken, 400).split("; ")))
        .contains("console: bad", "page scrolls", "img-src")
        .contains("error: Uncaught ReferenceError: nowhere is not defined")
        .anyMatch(line -> line.startsWith("beyond the page: H2"));
  }
}
