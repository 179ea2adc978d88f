package thanora.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

class FindingsTest {
  private static final List<String> NAMES = List.of("lora", "other", "lora-per-task");

  @Test
  void meansWeightTokensWithinATaskAndTasksAlike() {
    // Task 0: rows of 1 + 3 over 2 tokens, task 1: 5 over 1; seeds differ by 1 in every row.
    double[][][][] nll = {
      {{{1, 3}, {5}}, {{2, 4}, {6}}},
      {{{1, 3}, {4}}, {{2, 4}, {5}}},
      {{{0, 1}, {4.5}}, {{0, 1}, {4.5}}}
    };
    Findings findings = Findings.of(Synthetic.of(NAMES, nll));
    MethodFindings lora = findings.method("lora");
    assertThat(lora.taskNll().get(0).value()).isCloseTo(2.5, within(1e-12));
    assertThat(lora.taskNll().get(1).value()).isCloseTo(5.5, within(1e-12));
    assertThat(lora.nll().value()).isCloseTo(4, within(1e-12));
    assertThat(findings.method("other").nllDifference().orElseThrow().estimate().value())
        .isCloseTo(-0.5, within(1e-12));
    assertThat(lora.nllDifference()).isEmpty();
    assertThat(findings.hasScores()).isFalse();
  }

  @Test
  void interferenceIsTheLargestLossAgainstOneLoraATask() {
    double[][][][] nll = {
      {{{2.5}, {5.5}}}, {{{2.5}, {4.5}}}, {{{0.5}, {4.5}}}
    };
    ComparisonResult result = Synthetic.of(NAMES, nll);
    MethodFindings lora = Findings.of(result).method("lora");
    assertThat(lora.excess()).containsExactly(2.0, 1.0);
    assertThat(lora.worst(result.tasks())).hasValue(new MethodFindings.Worst("task0", 2));
    MethodFindings against = Findings.of(result, "other").method("lora");
    assertThat(against.worst(result.tasks())).hasValue(new MethodFindings.Worst("task1", 1));
    assertThat(Findings.of(result, "absent").method("lora").worst(result.tasks())).isEmpty();
  }

  @Test
  void theBaseNeedsOneRunAndHasNoDifference() {
    Findings findings = Findings.of(Synthetic.page(4, 2, 3, 40));
    MethodFindings base = findings.method("base");
    assertThat(base.nllDifference()).isEmpty();
    assertThat(base.scoreDifference()).isEmpty();
    assertThat(base.nll().low()).isLessThan(base.nll().value());
    assertThat(findings.method("dora").scoreDifference()).isPresent();
  }

  @Test
  void largeEffectsAreFoundAndNoneIsFoundWhereThereIsNone() {
    Findings findings = Findings.of(Synthetic.page(14, 6, 3, 200));
    assertThat(findings.method("thanora").nllDifference().orElseThrow().isLower()).isTrue();
    assertThat(findings.method("core-space").nllDifference().orElseThrow().isHigher()).isTrue();
    assertThat(findings.method("rslora").nllDifference().orElseThrow().isSignificant()).isFalse();
    for (MethodFindings method : findings.methods()) {
      method.nllDifference().ifPresent(d ->
          assertThat(d.correctedP()).as(method.name()).isGreaterThanOrEqualTo(d.p()));
    }
  }

  @Test
  void theSameResultGivesTheSameFindings() {
    assertThat(Findings.of(Synthetic.page(4, 2, 2, 30)))
        .isEqualTo(Findings.of(Synthetic.page(4, 2, 2, 30)));
  }

  @Test
  void twelveMethodsOnSixTasksOfTwoHundredRowsTakeSeconds() {
    ComparisonResult result = Synthetic.page(12, 6, 3, 200);
    long start = System.nanoTime();
    Findings.of(result);
    // 0.4 s on an idle core; the room is for machines with other work.
    assertThat(System.nanoTime() - start).isLessThan(10_000_000_000L);
  }
}
