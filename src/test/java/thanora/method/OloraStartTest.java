package thanora.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import thanora.Golden;
import thanora.lora.Factors;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

class OloraStartTest {
  private final TensorScope scope = TensorScope.open();

  @AfterEach
  void close() {
    scope.close();
  }

  @Test
  void equalsPeft() {
    for (String module : PeftSteps.MODULES) {
      Factors start = OloraStart.start(PeftSteps.weight(module), 4, 2);
      PeftSteps.assertSame("olora", module, start, 1e-4);
    }
  }

  @Test
  void columnsOfBAreOrthonormalAndAIsTriangular() {
    Tensor w = PeftSteps.weight("model.layers.0.self_attn.k_proj");
    Factors start = OloraStart.start(w, 6, 3);
    double[] gram = Tensors.doubles(Ops.matmul(start.bt(), start.bt().t()));
    double[] a = Tensors.doubles(start.a());
    for (int i = 0; i < 6; i++) {
      for (int j = 0; j < 6; j++) {
        assertThat(gram[6 * i + j]).isCloseTo(i == j ? 1 : 0, within(1e-6));
        if (j < i) {
          assertThat(a[(int) w.size(1) * i + j]).isCloseTo(0, within(1e-6));
        }
      }
    }
  }

  @Test
  void atFullRankTheProductIsTheWeight() {
    Tensor w = PeftSteps.weight("model.layers.0.self_attn.k_proj");
    Factors start = OloraStart.start(w, (int) w.size(0), 1);
    Golden.assertClose("B A", PeftSteps.product(start), w, 1e-6);
    assertThatThrownBy(() -> OloraStart.start(w, (int) w.size(0) + 1, 1))
        .hasMessageContaining("does not fit a weight of 16 x 32");
  }
}
