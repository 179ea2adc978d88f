package thanora.compare;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import thanora.page.Figures;

class TablesTest {
  private static String markdown(ComparisonResult result) {
    return MarkdownTable.of(result, Findings.of(result));
  }

  private static String terminal(ComparisonResult result) {
    return TerminalTable.of(result, Findings.of(result));
  }

  /** One task of four rows: lora 1, same 1 ± noise of no sign, worse 3. */
  private static ComparisonResult small() {
    double[] lora = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    double[] same = {2, 0, 2, 0, 2, 0, 2, 0, 2, 0, 2, 0.5};
    double[] worse = {3, 3, 3, 3, 3, 3.1, 3, 3, 3, 3, 3, 3};
    double[][][][] nll = {{{lora}}, {{same}}, {{worse}}};
    return Synthetic.of(List.of("lora", "same", "worse"), nll);
  }

  @Test
  void rowsHoldTheNumbersWorkedByHand() {
    assertThat(markdown(small()))
        .contains("| lora | 8 | 1,000 | 1e-4 | 1.000 [1.000, 1.000] |  | 1.000 | yes |  |  |  |\n")
        .contains("| worse | 8 | 1,000 | 1e-4 | 3.008 [3.000, 3.025] | **+2.008** [+2.000, +2.025]")
        .contains("| same | 8 | 1,000 | 1e-4 | 1.042 [")
        .contains(" | +0.042 [-");
  }

  @Test
  void wordsClaimOnlyWhatIsSignificant() {
    assertThat(markdown(small()))
        .contains("worse is worse than lora, by 2.008. same and lora cannot be told apart.")
        .contains("one seed, so the spread between seeds is not in them")
        .contains("another seed may turn the order around")
        .doesNotContain("better than");
  }

  @Test
  void everyRowHasAsManyCellsAsTheHeadAndNothingIsUnescaped() {
    String text = markdown(Synthetic.page(14, 8, 3, 40));
    List<List<Integer>> tables =
        text.lines()
            .filter(l -> l.startsWith("|"))
            .map(l -> List.of(l.split("(?<!\\\\)\\|", -1).length))
            .distinct()
            .toList();
    assertThat(tables).as("main table and scores by task").hasSize(2);
    assertThat(text)
        .contains("dates &lt;iso &amp; \"us\"&gt;", "a\\_task\\_with", "lora-per-task")
        .contains("5e-5\\*", "widen the sweep", "no, router", "no, needs the task", "n/a")
        .doesNotContain("NaN", "<iso", "null");
    assertThat(text.indexOf("| base |")).isBetween(0, text.indexOf("| lora |"));
  }

  @Test
  void aMethodMoreThanThreePercentOffTheBudgetIsMarkedInEveryTable() {
    ComparisonResult within = Synthetic.withParameters(small(), "same", 1030);
    ComparisonResult off = Synthetic.withParameters(Synthetic.withParameters(within, "same", 1031), "worse", 946);
    String words = "More than 3 % off the trainable parameters of lora: same +3.1 %, worse -5.4 %.";
    assertThat(markdown(off)).contains("| 1,031\u2020 |", "| 946\u2020 |", "\n\u2020 " + words + "\n", "| 1,000 |");
    assertThat(terminal(off)).contains(" 1.03k^ ", " 946^ ", " 1.00k ", "\n^ " + words + "\n");
    assertThat(HtmlPage.of(off, Findings.of(off))).contains(">1.03k\u2020<", ">1.00k<", " \u2020 " + words);
    assertThat(markdown(within)).doesNotContain("\u2020");
    assertThat(terminal(within)).doesNotContain("^");
    assertThat(HtmlPage.of(within, Findings.of(within))).doesNotContain("\u2020");
  }

  @Test
  void factorsOfMergedChangesAreSaidSeedBySeed() {
    ComparisonResult result = Synthetic.page(14, 2, 3, 5);
    String words = "Merged changes are added with the factor that is best on the validation rows, seed by seed:"
        + " lora-per-task-merged-by-ties-and-dare 0.6, 1 and 1.5.";
    assertThat(markdown(result)).contains(words);
    assertThat(HtmlPage.of(result, Findings.of(result))).contains(words);
    assertThat(markdown(Synthetic.page(12, 2, 3, 5))).doesNotContain("Merged changes");
  }

  @Test
  void theTerminalFitsIntoItsWidthAndIsAscii() {
    for (ComparisonResult result : List.of(Synthetic.page(14, 8, 3, 40), small())) {
      String text = terminal(result);
      assertThat(text.lines()).allSatisfy(l -> assertThat(l).hasSizeLessThanOrEqualTo(110));
      assertThat(text).matches("[\\x20-\\x7e\\n]*").doesNotContain("NaN");
    }
    assertThat(terminal(small())).contains("+2.008* [+2.000, +2.025]");
    assertThat(terminal(Synthetic.page(14, 8, 3, 40)))
        .contains("lora-per-task-merg..", "5e-5!", "task id");
  }

  @Test
  void aDivergedMethodIsCalledSoAndRanksLast() {
    double[][][][] nll = {{{{1, 2}}}, {{{1, Double.NaN}}}, {{{4, 4}}}};
    ComparisonResult result = Synthetic.of(List.of("lora", "wild", "bad"), nll);
    String text = markdown(result);
    assertThat(text).contains("| wild | 8 | 1,000 | 1e-4 | diverged | n/a |")
        .contains("A run of wild diverged.");
    assertThat(text.indexOf("| wild")).isGreaterThan(text.indexOf("| bad"));
    assertThat(terminal(result)).contains("diverged").doesNotContain("NaN");
  }

  @Test
  void nothingIsSaidOfMethodsWhereTheReferenceDiverged() {
    double[][][][] nll = {{{{1, Double.NaN}}}, {{{1, 2}}}};
    assertThat(markdown(Synthetic.of(List.of("lora", "other"), nll)))
        .contains("A run of lora diverged: nothing can be compared with it.")
        .doesNotContain("better than", "NaN");
  }

  @Test
  void numbersAreTheSameInEveryLocale() {
    Locale before = Locale.getDefault();
    String text = markdown(small());
    try {
      Locale.setDefault(Locale.forLanguageTag("ar-EG-u-nu-arab"));
      assertThat(markdown(small())).isEqualTo(text);
    } finally {
      Locale.setDefault(before);
    }
  }

  @Test
  void figuresReadAsInPapers() {
    assertThat(List.of(1e-4, 2e-5, 1.6e-3, 0.05, 1.0).stream().map(Figures::rate))
        .containsExactly("1e-4", "2e-5", "1.6e-3", "5e-2", "1e0");
    assertThat(Figures.signed(-0.0004)).isEqualTo("0.000");
    assertThat(Figures.signed(-0.0006)).isEqualTo("-0.001");
    assertThat(Figures.number(-0.0)).isEqualTo("0.000");
    assertThat(Figures.list(List.of("a", "b", "c"))).isEqualTo("a, b and c");
    assertThat(Figures.shortCount(4_884_480)).isEqualTo("4.88M");
  }
}
