package thanora.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

class TensorScopeTest {
  @Test
  void whatIsMadeInAScopeIsFreedWithIt() {
    Tensor made;
    try (TensorScope scope = TensorScope.open()) {
      made = Tensors.of(new float[] {1, 2});
      assertThat(made.isNull()).isFalse();
    }
    assertThat(made.isNull()).isTrue();
  }

  @Test
  void whatIsKeptBelongsToTheScopeAround() {
    Tensor kept;
    Tensor[] inner = new Tensor[1];
    try (TensorScope scope = TensorScope.open()) {
      kept = TensorScope.keep(() -> {
        inner[0] = Tensors.of(new float[] {1, 2});
        return Ops.scale(inner[0], 2);
      });
      assertThat(inner[0].isNull()).isTrue();
      assertThat(Tensors.floats(kept)).containsExactly(2, 4);
    }
    assertThat(kept.isNull()).isTrue();
  }

  @Test
  void whatIsMadeOutsideOutlivesEveryScope() {
    Tensor weight;
    try (TensorScope scope = TensorScope.open()) {
      weight = TensorScope.outside(() -> {
        try (TensorScope inner = TensorScope.open()) {
          Tensors.of(new float[] {0});
        }
        return Tensors.of(new float[] {1, 2});
      });
    }
    assertThat(Tensors.floats(weight)).containsExactly(1, 2);
  }

  @Test
  void whatIsKeptInsideOutsideOutlivesEveryScopeAndCanBeFreed() {
    Tensor[] made = new Tensor[2];
    try (TensorScope scope = TensorScope.open()) {
      TensorScope.outside(() -> {
        made[0] = Tensors.of(new float[] {1, 2});
        made[1] = TensorScope.keep(() -> Ops.scale(made[0], 2));
        return made;
      });
    }
    assertThat(Tensors.floats(made[1])).containsExactly(2, 4);
    for (Tensor tensor : made) {
      Tensors.free(tensor);
      assertThat(tensor.isNull()).isTrue();
    }
  }
}
