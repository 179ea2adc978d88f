package thanora.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

class GpuArgumentsTest {
  private static final Placement HALF = new Placement("cpu", DType.BF16);

  @Test
  void argumentsLieInOrderAtTheirAddresses() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor wide = Tensors.zeros(HALF, 3, 40);
      Tensor part = Ops.narrow(wide, 1, 8, 16);

      GpuArguments arguments = GpuArguments.start().matrix(part).number(7).number(-1f).noMatrix();

      assertThat(word(arguments, 0)).isEqualTo(wide.data_ptr().address() + 16);
      assertThat(word(arguments, 1)).isEqualTo(40);
      assertThat((int) word(arguments, 2)).isEqualTo(7);
      assertThat(Float.intBitsToFloat((int) word(arguments, 3))).isEqualTo(-1f);
      assertThat(word(arguments, 4)).isZero();
      assertThat(word(arguments, 5)).isZero();
    }
  }

  @Test
  void rowsOfWhole16BytesAreAligned() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor wide = Tensors.zeros(HALF, 3, 40);
      Tensor odd = Tensors.zeros(HALF, 3, 36);
      assertThat(GpuArguments.start().matrix(Ops.narrow(wide, 1, 8, 16)).areAligned()).isTrue();
      assertThat(GpuArguments.start().matrix(Ops.narrow(wide, 1, 4, 16)).areAligned()).isFalse();
      assertThat(GpuArguments.start().matrix(Ops.narrow(odd, 1, 0, 16)).areAligned()).isFalse();
      assertThat(GpuArguments.start().matrix(wide).vector(odd).areAligned()).isTrue();
    }
  }

  @Test
  void columnsThatAreApartAreRefused() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor turned = Ops.transposeLast(Tensors.zeros(HALF, 3, 4));
      assertThatThrownBy(() -> GpuArguments.start().matrix(turned)).hasMessageContaining("contiguous");
    }
  }

  private static long word(GpuArguments arguments, int index) {
    return new LongPointer(arguments.addresses.get(index)).get();
  }
}
