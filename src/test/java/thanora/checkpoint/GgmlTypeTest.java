package thanora.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import thanora.tensor.DType;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

class GgmlTypeTest {
  @ParameterizedTest
  @EnumSource(GgmlType.class)
  void blocksDecodeToTheVeryValuesOfGgufPy(GgmlType type) {
    try (TensorScope scope = TensorScope.open();
        SafetensorsFile golden =
            SafetensorsFile.open(Golden.path("gguf/" + type + ".safetensors"))) {
      Tensor stored = golden.load("bytes", new Placement("cpu", DType.U8));
      byte[] bytes = new byte[(int) stored.numel()];
      Tensors.bytes(stored, 0, bytes.length).get(bytes);
      float[] expected = Tensors.floats(golden.load("values", Placement.CPU_F32));
      assertThat(expected).hasSize(bytes.length / type.blockBytes() * type.blockValues());

      float[] decoded = new float[expected.length];
      type.decode(bytes, bytes.length / type.blockBytes(), decoded);

      for (int i = 0; i < expected.length; i++) {
        assertThat(decoded[i]).as("value %d", i).isEqualTo(expected[i]);
      }
    }
  }
}
