package thanora.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import thanora.Golden;
import thanora.Memory;
import thanora.lora.Factors;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

class PissaStartTest {
  private final TensorScope scope = TensorScope.open();

  @AfterEach
  void close() {
    scope.close();
  }

  @Test
  void equalsPeft() {
    for (String module : PeftSteps.MODULES) {
      Factors start = PissaStart.start(PeftSteps.weight(module), 4, 2);
      PeftSteps.assertSame("pissa", module, start, 1e-4);
    }
  }

  @Test
  void scaledProductIsTheBestApproximationWhateverTheScaling() {
    Tensor w = PeftSteps.weight("model.layers.1.mlp.up_proj");
    double[] sigma = Tensors.doubles(Ops.singularValues(w));
    double rest = 0;
    for (int k = 5; k < sigma.length; k++) {
      rest += sigma[k] * sigma[k];
    }
    for (double scaling : new double[] {0.25, 1, 8}) {
      Factors start = PissaStart.start(w, 5, scaling);
      Tensor left = Ops.sub(w, Ops.scale(PeftSteps.product(start), scaling));
      assertThat(Tensors.item(Ops.norm(left))).isCloseTo(Math.sqrt(rest), within(1e-4));
      Golden.assertClose("lengths", Ops.norms(start.a(), 1), Ops.norms(start.bt(), 1), 1e-5);
    }
  }

  @Test
  void aWeightOfLowerRankLeavesZeros() {
    for (boolean tall : new boolean[] {false, true}) {
      Tensor one = Tensors.of(new float[] {1, 2, 3, 2, 4, 6, -1, -2, -3, 0, 0, 0}, 4, 3);
      Factors start = PissaStart.start(tall ? one : one.t(), 3, 2);
      Tensor product = Ops.scale(PeftSteps.product(start), 2);
      Golden.assertClose("W", product, (tall ? one : one.t()).contiguous(), 1e-6);
      double[] lengths = Tensors.doubles(Ops.norms(start.a(), 1));
      assertThat(lengths[0]).isGreaterThan(1);
      assertThat(lengths[1]).isCloseTo(0, within(1e-5));
      assertThat(lengths[2]).isCloseTo(0, within(1e-5));
    }
  }

  @Test
  void takesBfloat16AndGivesFloat32() {
    Tensor w = Tensors.cast(PeftSteps.weight("model.layers.1.mlp.up_proj"), DType.BF16);
    Factors start = PissaStart.start(w, 3, 2);
    assertThat(DType.of(start.a())).isEqualTo(DType.F32);
    Factors exact = PissaStart.start(Tensors.cast(w, DType.F64), 3, 2);
    Golden.assertClose("A", start.a(), exact.a(), 1e-7);
  }

  @Test
  void refusesARankThatDoesNotFitAndAWeightThatIsNotFinite() {
    Tensor w = PeftSteps.weight("model.layers.1.mlp.up_proj");
    assertThatThrownBy(() -> PissaStart.start(w, 33, 1))
        .hasMessage("rank 33 does not fit a weight of 64 x 32; set lora.r to 1 to 32");
    assertThatThrownBy(() -> PissaStart.start(w, 4, 0)).hasMessageContaining("scaling 0.0");
    Tensor broken = Tensors.of(new float[] {1, Float.NaN, 0, 1}, 2, 2);
    assertThatThrownBy(() -> PissaStart.start(broken, 1, 1)).hasMessageContaining("not finite");
  }

  @Test
  void leavesNothingBehindInMemory() {
    Tensor w = PeftSteps.weight("model.layers.1.mlp.up_proj");
    Memory.assertFlat(5, 50, () -> {
      try (TensorScope inner = TensorScope.open()) {
        PissaStart.start(w, 4, 2);
      }
    });
  }
}
