package thanora.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import thanora.Golden;
import thanora.checkpoint.SafetensorsFile;
import thanora.lora.Factors;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

class CordaStartTest {
  private static final String UP = "model.layers.1.mlp.up_proj";

  private final TensorScope scope = TensorScope.open();

  @AfterEach
  void close() {
    scope.close();
  }

  private static Tensor moment(String module) {
    try (SafetensorsFile steps = PeftSteps.open()) {
      return PeftSteps.value(steps, "moment." + module);
    }
  }

  @Test
  void equalsPeftGivenItsSecondMoment() {
    for (String module : PeftSteps.MODULES) {
      Factors start = CordaStart.start(PeftSteps.weight(module), 4, 2, moment(module));
      PeftSteps.assertSame("corda", module, start, 1e-4);
    }
  }

  @Test
  void scaledProductIsAProjectionOfTheWeight() {
    Tensor w = PeftSteps.weight(UP);
    Factors start = CordaStart.start(w, 5, 0.5, moment(UP));
    Tensor taken = Ops.scale(PeftSteps.product(start), 0.5);
    Tensor u = Ops.orthonormal(Ops.transpose(start.bt()));
    Golden.assertClose("P W", taken, Ops.matmul(u, Ops.matmul(u.t(), w)), 1e-5);
  }

  @Test
  void aScaledMomentMovesTheBalanceOnly() {
    Tensor w = PeftSteps.weight(UP);
    Factors one = CordaStart.start(w, 4, 2, moment(UP));
    Factors nine = CordaStart.start(w, 4, 2, Ops.scale(moment(UP), 9));
    Golden.assertClose("B A", PeftSteps.product(nine), PeftSteps.product(one), 1e-5);
    Golden.assertClose("B", Ops.norms(nine.bt(), 1), Ops.scale(Ops.norms(one.bt(), 1), 3), 1e-5);
    Golden.assertClose("A", Ops.scale(Ops.norms(nine.a(), 1), 3), Ops.norms(one.a(), 1), 1e-5);
  }

  @Test
  void withTheIdentityAsMomentItIsPissa() {
    Tensor w = PeftSteps.weight(UP);
    Tensor identity = Tensors.zeros(Placement.CPU_F32, 32, 32);
    Ops.addInPlace(Ops.diagonal(identity), 1 / 1.01);
    Factors corda = CordaStart.start(w, 4, 2, identity);
    Factors pissa = PissaStart.start(w, 4, 2);
    Golden.assertClose("B A", PeftSteps.product(corda), PeftSteps.product(pissa), 1e-5);
    Golden.assertClose("A", Ops.norms(corda.a(), 1), Ops.norms(pissa.a(), 1), 1e-5);
  }

  @Test
  void aMomentOfNothingGivesZerosAndNotNaN() {
    Factors start =
        CordaStart.start(PeftSteps.weight(UP), 4, 2, Tensors.zeros(Placement.CPU_F32, 32, 32));
    assertThat(Tensors.item(Ops.norm(start.a()))).isZero();
    assertThat(Tensors.item(Ops.norm(start.bt()))).isZero();
  }

  @Test
  void refusesAMomentOfAnotherLayerOrWithNaN() {
    Tensor w = PeftSteps.weight(UP);
    assertThatThrownBy(
            () -> CordaStart.start(w, 4, 2, Tensors.zeros(Placement.CPU_F32, 64, 64)))
        .hasMessageContaining("64 inputs does not fit a weight of 32");
    float[] values = new float[32 * 32];
    Arrays.fill(values, Float.NaN);
    assertThatThrownBy(() -> CordaStart.start(w, 4, 2, Tensors.of(values, 32, 32)))
        .hasMessageContaining("not finite");
  }
}
