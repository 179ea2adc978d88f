package thanora.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class HtmlPageTest {
  private static final Set<String> WITHOUT_END = Set.of("meta");

  private static String page(ComparisonResult result) {
    return HtmlPage.of(result, Findings.of(result));
  }

  private static void isWellFormed(String page) {
    String markup =
        page.replaceAll("(?s)<style>.*?</style>", "").replaceAll("(?s)<script>.*?</script>", "");
    Matcher tags = Pattern.compile("<(/?)([a-z0-9]+)((?: [^<>]*)?)>|[<>]").matcher(
        markup.substring("<!doctype html>".length()));
    Deque<String> open = new ArrayDeque<>();
    while (tags.find()) {
      assertThat(tags.group(2)).as("stray %s", tags.group()).isNotNull();
      if (tags.group(1).equals("/")) {
        assertThat(open.pop()).isEqualTo(tags.group(2));
      } else if (!tags.group(3).endsWith("/") && !WITHOUT_END.contains(tags.group(2))) {
        open.push(tags.group(2));
      }
    }
    assertThat(open).isEmpty();
  }

  @Test
  void pagesOfEverySizeAreWellFormedAndLoadNothing() {
    for (ComparisonResult result :
        List.of(Synthetic.page(14, 8, 3, 20), Synthetic.page(2, 2, 1, 20))) {
      String page = page(result);
      isWellFormed(page);
      assertThat(page)
          .contains("default-src &#39;none&#39;;")
          .doesNotContain("http://", "https://", "src=", "url(", "@import", "NaN%", "null");
    }
  }

  @Test
  void everyNameIsEscaped() {
    double[][][][] nll = {{{{1, 2, 3}}}, {{{2, 2, 3}}}};
    ComparisonResult result = Synthetic.of(List.of("lora", "<script>alert('&\"')</script>"), nll);
    assertThat(page(result))
        .contains("&lt;script&gt;alert(&#39;&amp;&quot;&#39;)&lt;/script&gt;")
        .doesNotContain("<script>alert");
    assertThat(page(Synthetic.page(3, 2, 1, 5))).contains("dates &lt;iso &amp; &quot;us&quot;&gt;");
  }

  @Test
  void sectionsWithoutDataAreLeftOut() {
    String small = page(Synthetic.page(2, 2, 1, 20));
    assertThat(small)
        .contains("id=\"differences\"", "id=\"rates\"", "id=\"costs\"")
        .doesNotContain("id=\"interference\"", "id=\"conflicts\"");
    assertThat(page(Synthetic.page(14, 2, 1, 20)))
        .contains("id=\"interference\"", "id=\"conflicts\"");
    assertThat(page(Synthetic.of(List.of("lora"), new double[][][][] {{{{1, 2}}}})))
        .doesNotContain("id=\"differences\"", "id=\"rates\"", "id=\"costs\"");
  }

  @Test
  void divergedRunsAndMissingNumbersAreNamed() {
    double[][][][] nll = {{{{1, 2}}}, {{{1, Double.NaN}}}};
    String page = page(Synthetic.of(List.of("lora", "wild"), nll));
    isWellFormed(page);
    assertThat(page).contains("aria-label=\"wild: diverged \"");
    assertThat(page(Synthetic.page(14, 2, 2, 20))).contains("diverged at 1.6e-3", "not measured");
  }

  @Test
  void scalesPlaceNumbersAndTheirTicks() {
    Scale linear = new Scale(0, 2, false);
    assertThat(linear.percent(0.5)).isEqualTo(25);
    assertThat(linear.percent(3)).isEqualTo(100);
    assertThat(linear.ticks(4)).containsExactly(0.0, 0.5, 1.0, 1.5, 2.0);
    assertThat(Scale.label(-0.5, linear.ticks(4))).isEqualTo("\u22120.5");
    Scale log = new Scale(1e-4, 1e-2, true);
    assertThat(log.percent(1e-3)).isCloseTo(50, within(1e-9));
  }

  @Test
  void anOutlierDoesNotSquashARobustScale() {
    Scale scale = Scale.robust(new double[] {1, 1.1, 1.2, 1.3, 50, Double.NaN}, 0.9);
    assertThat(scale.holds(1.3)).isTrue();
    assertThat(scale.holds(0.9)).isTrue();
    assertThat(scale.high()).isLessThan(1.5);
    assertThat(Scale.robust(new double[0]).holds(0.5)).isTrue();
    assertThat(Scale.robust(new double[] {2, 2, 2}).holds(2)).isTrue();
  }

  @Test
  void markupThatIsNotClosedIsRefused() {
    assertThatIllegalStateException().isThrownBy(() -> new Html().open("p").toString());
  }
}
