package thanora.compare;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import thanora.page.Markup;

class HtmlPageTest {
  private static String page(ComparisonResult result) {
    return HtmlPage.of(result, Findings.of(result));
  }

  @Test
  void pagesOfEverySizeAreWellFormedAndLoadNothing() {
    for (ComparisonResult result :
        List.of(Synthetic.page(14, 8, 3, 20), Synthetic.page(2, 2, 1, 20))) {
      String page = page(result);
      Markup.isWellFormed(page);
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
    Markup.isWellFormed(page);
    assertThat(page).contains("aria-label=\"wild: diverged \"");
    assertThat(page(Synthetic.page(14, 2, 2, 20))).contains("diverged at 1.6e-3", "not measured");
  }
}
