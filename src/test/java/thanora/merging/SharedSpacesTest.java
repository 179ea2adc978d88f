package thanora.merging;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import thanora.Golden;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/** KnOTS and Core Space. */
class SharedSpacesTest {
  private final TensorScope scope = TensorScope.open();

  @AfterEach
  void close() {
    scope.close();
  }

  private record Space(String name, Function<MergeRule, LoraMerge> with) {}

  private static List<Space> spaces() {
    return List.of(new Space("knots", Knots::new), new Space("core_space", CoreSpace::new));
  }

  @ParameterizedTest
  @MethodSource("spaces")
  void equalsTheHandVersion(Space space) {
    List<TaskLora> tasks = MergeCases.goldenAdapters();
    Golden.assertClose("sum", space.with.apply(new TaskArithmetic(1)).delta(tasks, "m"),
        MergeCases.golden(space.name + ".sum"), 1e-12);
    for (double density : new double[] {0.5, 1}) {
      Golden.assertClose("ties", space.with.apply(new Ties(density, 1)).delta(tasks, "m"),
          MergeCases.golden(space.name + ".ties." + density), 1e-12);
    }
  }

  @ParameterizedTest
  @MethodSource("spaces")
  void withTaskArithmeticInsideNothingIsLost(Space space) {
    List<List<TaskLora>> cases = new ArrayList<>();
    cases.add(MergeCases.randomAdapters(1, 20, 30, 4, 4, 4));
    cases.add(MergeCases.randomAdapters(2, 30, 20, 1, 5, 2, 3));
    cases.add(MergeCases.randomAdapters(3, 6, 40, 4, 4, 4)); // more ranks than inputs
    cases.add(MergeCases.randomAdapters(4, 40, 6, 4, 4, 4)); // more ranks than outputs
    TaskLora one = MergeCases.randomAdapters(5, 10, 12, 3).get(0);
    cases.add(List.of(one, one)); // the same twice: singular stacks
    cases.add(List.of(one, new TaskLora(one.a(), Ops.scale(one.b(), 0), 1)));
    for (List<TaskLora> tasks : cases) {
      Tensor expected = new TaskArithmetic(0.7).delta(tasks, "m");
      Tensor actual = space.with.apply(new TaskArithmetic(0.7)).delta(tasks, "m");
      Golden.assertClose(space.name, actual, expected, 1e-13);
    }
  }

  @ParameterizedTest
  @MethodSource("spaces")
  void withTiesInsideItIsNotTiesInFullSpaceAndTasksMayComeInAnyOrder(Space space) {
    List<TaskLora> tasks = MergeCases.randomAdapters(6, 20, 30, 3, 3, 3);
    List<TaskLora> turned = List.of(tasks.get(2), tasks.get(0), tasks.get(1));
    LoraMerge merge = space.with.apply(new Ties(0.3, 1));
    double[] merged = Tensors.doubles(merge.delta(tasks, "m"));
    Golden.assertClose("order", Tensors.doubles(merge.delta(turned, "m")), merged, 1e-10);
    double[] full = Tensors.doubles(new Ties(0.3, 1).delta(tasks, "m"));
    double largest = 0;
    for (int i = 0; i < full.length; i++) {
      largest = Math.max(largest, Math.abs(full[i] - merged[i]));
    }
    assertThat(largest).isGreaterThan(0.1);
  }

  @ParameterizedTest
  @MethodSource("spaces")
  void adaptersOfZeroMergeToZero(Space space) {
    List<TaskLora> tasks = MergeCases.randomAdapters(7, 5, 6, 2, 2).stream()
        .map(task -> new TaskLora(task.a(), Ops.scale(task.b(), 0), 1)).toList();
    Tensor merged = space.with.apply(new Ties(0.5, 1)).delta(tasks, "m");
    assertThat(Tensors.item(Ops.norm(merged))).isZero();
  }

  @Test
  void float32AdaptersGiveFloat64() {
    TaskLora wide = MergeCases.goldenAdapters().get(0);
    TaskLora narrow = new TaskLora(
        Tensors.cast(wide.a(), DType.F32), Tensors.cast(wide.b(), DType.F32), wide.scaling());
    for (LoraMerge merge : List.of(
        TaskArithmetic.standard(), Knots.dareTies(1), CoreSpace.ties())) {
      assertThat(DType.of(merge.delta(List.of(narrow), "m"))).isEqualTo(DType.F64);
    }
  }
}
