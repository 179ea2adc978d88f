package thanora.merging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import thanora.Golden;
import thanora.Memory;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

class MergeRulesTest {
  private final TensorScope scope = TensorScope.open();

  @AfterEach
  void close() {
    scope.close();
  }

  @Test
  void taskArithmeticEqualsPeft() {
    Tensor merged = TaskArithmetic.standard().merge(MergeCases.goldens("delta"), "m");
    Golden.assertClose("sum", merged, MergeCases.golden("task_arithmetic"), 1e-14);
  }

  @ParameterizedTest
  @ValueSource(doubles = {0.2, 0.5, 1})
  void tiesEqualsPeft(double density) {
    List<Tensor> tasks = MergeCases.goldens("delta");
    Tensor expected = MergeCases.golden("ties." + density);
    Golden.assertClose("1", new Ties(density, 1).merge(tasks, "m"), expected, 1e-14);
    Golden.assertClose(
        "0.3", new Ties(density, 0.3).merge(tasks, "m"), Ops.scale(expected, 0.3), 1e-14);
  }

  @Test
  void anEntryWhoseSumIsZeroElectsPlus() {
    List<Tensor> tasks = MergeCases.goldens("delta");
    int entry = 7 + 2;
    double[] values = tasks.stream().mapToDouble(t -> Tensors.doubles(t)[entry]).toArray();
    assertThat(values[0] + values[1] + values[2]).isZero();
    assertThat(Tensors.doubles(new Ties(1, 1).merge(tasks, "m"))[entry]).isEqualTo(2.5);
  }

  @Test
  void dareTiesEqualsPeftGivenItsMasks() {
    DareTies rule = DareTies.standard(1);
    List<Tensor> masks = MergeCases.goldens("dare_ties.mask");
    List<Tensor> kept = new ArrayList<>();
    for (int t = 0; t < 3; t++) {
      kept.add(rule.masked(MergeCases.goldens("delta").get(t), masks.get(t)));
    }
    Golden.assertClose("dare", Ties.elected(kept, 1), MergeCases.golden("dare_ties"), 1e-14);
  }

  @Test
  void dareKeepsItsShareScaledAndDependsOnSeedModuleAndTask() {
    Tensor ones = Ops.plus(Ops.scale(MergeCases.random(new Random(1), 100, 100), 0), 1);
    DareTies rule = new DareTies(0.3, 1, 5);
    double[] merged = Tensors.doubles(rule.merge(List.of(ones), "m"));
    long kept = 0;
    for (double value : merged) {
      assertThat(value == 0 || Math.abs(value - 1 / 0.3) < 1e-12).isTrue();
      kept += value != 0 ? 1 : 0;
    }
    assertThat(kept / 1e4).isCloseTo(0.3, within(0.02));
    assertThat(Tensors.doubles(rule.merge(List.of(ones), "m"))).isEqualTo(merged);
    assertThat(Tensors.doubles(rule.merge(List.of(ones), "n"))).isNotEqualTo(merged);
    assertThat(Tensors.doubles(new DareTies(0.3, 1, 6).merge(List.of(ones), "m")))
        .isNotEqualTo(merged);
    // were both tasks masked alike, no entry would come from one of them alone
    double[] two = Tensors.doubles(rule.merge(List.of(ones, ones), "m"));
    long either = Arrays.stream(two).filter(value -> value != 0).count();
    assertThat(either / 1e4).isCloseTo(0.51, within(0.02));
  }

  @Test
  void oneTaskAloneIsItselfAndAgreeingTasksAreTheirMean() {
    Tensor delta = MergeCases.golden("delta.0");
    Golden.assertClose("one", new Ties(1, 1).merge(List.of(delta), "m"), delta, 0);
    Golden.assertClose("same", new Ties(1, 1).merge(List.of(delta, delta, delta), "m"), delta,
        1e-15);
  }

  @Test
  void inputsStayAsTheyAre() {
    List<Tensor> tasks = MergeCases.goldens("delta");
    for (MergeRule rule : List.of(
        TaskArithmetic.standard(), Ties.standard(), new Ties(1, 1), DareTies.standard(1))) {
      rule.merge(tasks, "m");
    }
    for (int t = 0; t < 3; t++) {
      Golden.assertClose("task", tasks.get(t), MergeCases.golden("delta." + t), 0);
    }
  }

  @Test
  void ofAdaptersItIsTheRuleOnTheirProducts() {
    List<TaskLora> tasks = MergeCases.goldenAdapters();
    List<Tensor> deltas = tasks.stream().map(TaskLora::delta).toList();
    Golden.assertClose("ties", Ties.standard().delta(tasks, "m"),
        Ties.standard().merge(deltas, "m"), 0);
    Tensor sum = Ops.add(Ops.add(deltas.get(0), deltas.get(1)), deltas.get(2));
    Golden.assertClose("sum", new TaskArithmetic(1).delta(tasks, "m"), sum, 1e-14);
  }

  @Test
  void refusesWhatCannotBeMerged() {
    assertThatThrownBy(() -> new Ties(0, 1)).hasMessageContaining("density 0.0");
    assertThatThrownBy(() -> new DareTies(1.5, 1, 0)).hasMessageContaining("density 1.5");
    assertThatThrownBy(() -> Ties.standard().delta(List.of(), "m"))
        .hasMessageContaining("0 adapters");
    List<TaskLora> mixed = new ArrayList<>(MergeCases.randomAdapters(1, 4, 5, 2));
    mixed.addAll(MergeCases.randomAdapters(1, 6, 5, 2));
    assertThatThrownBy(() -> Ties.standard().delta(mixed, "m"))
        .hasMessageContaining("a 5 x 4 and a 5 x 6 weight");
    TaskLora sound = mixed.get(0);
    assertThatThrownBy(() -> new TaskLora(sound.b(), sound.a(), 1))
        .hasMessageContaining("are no adapter");
  }

  @Test
  void leavesNothingBehindInMemory() {
    List<TaskLora> tasks = MergeCases.randomAdapters(1, 20, 30, 2, 3);
    List<LoraMerge> merges = List.of(TaskArithmetic.standard(), Ties.standard(),
        DareTies.standard(1), Knots.ties(), CoreSpace.ties());
    Memory.assertFlat(5, 50, () -> {
      try (TensorScope inner = TensorScope.open()) {
        merges.forEach(merge -> merge.delta(tasks, "m"));
      }
    });
  }
}
