package thanora.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class MetricTest {
  @Test
  void chrfIsSacrebleusSentenceScore() throws IOException {
    try (InputStream golden = MetricTest.class.getResourceAsStream("/golden/metrics/chrf.json")) {
      JsonNode pairs = new ObjectMapper().readTree(golden).get("pairs");
      assertThat(pairs.size()).isGreaterThan(40);
      for (JsonNode pair : pairs) {
        String answer = pair.get("hypothesis").asText();
        String reference = pair.get("reference").asText();
        assertThat(100 * Metric.CHRF.score(answer, reference))
            .as("%s | %s", answer, reference)
            .isCloseTo(pair.get("score").asDouble(), within(1e-10));
      }
    }
  }

  @Test
  void chrfLeavesOutAllWhiteSpaceThatPythonKnows() {
    String spaced = "a\u0085b\u001fc\u00a0d\u2003e\u3000f\t\ng";
    assertThat(Metric.CHRF.score(spaced, "abcdefg")).isEqualTo(1);
    assertThat(Metric.CHRF.score("ab\u200bc", "abc")).isLessThan(1);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          SELECT a FROM b      | SELECT a FROM b | 1
          "  SELECT  a\nFROM b\t" | SELECT a FROM b | 1
          select a FROM b      | SELECT a FROM b | 0
          SELECT a FROM b ;    | SELECT a FROM b | 0
          ""                   | x               | 0
          """)
  void exactMatchForgivesWhiteSpaceOnly(String answer, String reference, double score) {
    assertThat(Metric.EXACT_MATCH.score(answer, reference)).isEqualTo(score);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          positive               | positive | 1
          "\n positive \nbecause" | positive | 1
          positive because       | positive | 0
          Positive               | positive | 0
          negative               | positive | 0
          ""                     | positive | 0
          """)
  void accuracyTakesTheFirstLine(String answer, String reference, double score) {
    assertThat(Metric.ACCURACY.score(answer, reference)).isEqualTo(score);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          X=(36.0+85.0) ; answer 121  | X=(36.0+85.0) ; answer 121 | 1
          X=85.0+36.0 ; answer 121.0  | X=(36.0+85.0) ; answer 121 | 1
          the answer is 121.          | X=(36.0+85.0) ; answer 121 | 1
          X=(36.0+85.0) ; answer 120  | X=(36.0+85.0) ; answer 121 | 0
          121 ; answer 7              | X=(36.0+85.0) ; answer 121 | 0
          no number                   | X=(36.0+85.0) ; answer 121 | 0
          answer -4.5                 | answer -4.5                | 1
          answer 4.5                  | answer -4.5                | 0
          answer 0.33334              | answer 0.3333              | 1
          answer 0.334                | answer 0.3333              | 0
          answer 13,000               | answer 13000               | 1
          """)
  void answerComparesTheLastNumber(String answer, String reference, double score) {
    assertThat(Metric.ANSWER.score(answer, reference)).isEqualTo(score);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          5-3            | 3
          x=-3           | -3
          (2+1)-3        | 3
          a -3           | -3
          - 3            | 3
          .5             | 0.5
          -.25           | -0.25
          1.5.           | 1.5
          1,234,567.5    | 1234567.5
          1,23           | 23
          3, 4           | 4
          1234,567       | 567
          2e3            | 2000
          2e-3m          | 0.002
          7 eggs         | 7
          \u22127        | -7
          1.2.3          | 0.3
          00012          | 12
          99999999999999999999 | 1e20
          """)
  void theLastNumberOfATextIsFound(String text, double number) {
    assertThat(Numbers.last(text)).hasValue(number);
  }

  @Test
  void textsWithoutDigitsHaveNoNumber() {
    for (String text : new String[] {"", "-", ".", "ex, -e.", ","}) {
      assertThat(Numbers.last(text)).isEmpty();
    }
  }

  @Test
  void hugeTextsCostLinearTime() {
    assertThat(Numbers.last("1,111".repeat(200_000))).isPresent();
    assertThat(Numbers.last("-".repeat(1_000_000))).isEmpty();
    assertThat(Numbers.last("9".repeat(1_000_000))).isPresent();
  }

  @Test
  void containsFindsTheReferenceAnywhere() {
    assertThat(Metric.CONTAINS.score("it is the  cat\n.", "the cat")).isEqualTo(1);
    assertThat(Metric.CONTAINS.score("the dog", "the cat")).isZero();
  }

  @ParameterizedTest
  @EnumSource
  void everyMetricGivesTheReferenceFullMarksAndNothingNone(Metric metric) {
    assertThat(metric.score(" answer 12 ", "answer 12")).isCloseTo(1, within(1e-12));
    assertThat(metric.score("", "answer 12")).isZero();
    assertThat(Metric.parse(metric.id())).isSameAs(metric);
  }

  @Test
  void unknownNamesListTheKnown() {
    assertThatThrownBy(() -> Metric.parse("bleu"))
        .hasMessage(
            "unknown metric \"bleu\"; use one of exact_match, accuracy, answer, chrf, contains");
  }

  @Test
  void referencesThatNoAnswerCanMatchAreObjectedTo() {
    assertThat(Metric.ANSWER.objection("none")).hasValueSatisfying(
        rule -> assertThat(rule).contains("needs a number"));
    assertThat(Metric.ANSWER.objection("answer 3")).isEmpty();
    assertThat(Metric.EXACT_MATCH.objection("none")).isEmpty();
  }
}
