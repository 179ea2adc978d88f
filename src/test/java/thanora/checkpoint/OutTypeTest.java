package thanora.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

class OutTypeTest {
  /** Values of many magnitudes, ties among them, and gguf-py's bytes. */
  @ParameterizedTest
  @EnumSource(names = {"F16", "BF16", "Q8_0"})
  void bytesAreThoseOfGgufPy(OutType type) {
    try (TensorScope scope = TensorScope.open();
        SafetensorsFile golden = SafetensorsFile.open(Golden.path("gguf/encoded.safetensors"))) {
      float[] values = Tensors.floats(golden.load("values", Placement.CPU_F32));
      byte[] expected = new byte[Math.toIntExact(type.bytes(values.length))];
      TensorBytes.window(golden.load(type.name(), new Placement("cpu", golden.dtype(type.name()))),
          0, expected.length).get(expected);
      assertThat(type.encode(values).array()).isEqualTo(expected);
    }
  }

  @Test
  void whatHasTheTypeAlreadyComesBack() {
    float[] finite = new float[1 << 16];
    byte[] every = new byte[2 << 16];
    for (int bits = 0; bits < 1 << 16; bits++) {
      every[2 * bits] = (byte) bits;
      every[2 * bits + 1] = (byte) (bits >> 8);
    }
    for (OutType type : new OutType[] {OutType.F16, OutType.BF16}) {
      type.stored().decode(every, finite.length, finite);
      byte[] back = type.encode(finite).array();
      for (int i = 0; i < finite.length; i++) {
        if (!Float.isNaN(finite[i])) {
          assertThat(Arrays.copyOfRange(back, 2 * i, 2 * i + 2)).as("%s %x", type, i)
              .isEqualTo(Arrays.copyOfRange(every, 2 * i, 2 * i + 2));
        }
      }
    }
  }

  @Test
  void normsAndRowsThatAreNoWholeBlocksHaveAnotherType() {
    assertThat(GgufWriter.Entry.of("blk.0.ffn_up.weight", OutType.Q8_0, 0, 8, 64).type()).isEqualTo(OutType.Q8_0);
    assertThat(GgufWriter.Entry.of("blk.0.ffn_down.weight", OutType.Q8_0, 0, 8, 560).type()).isEqualTo(OutType.F16);
    assertThat(GgufWriter.Entry.of("output_norm.weight", OutType.Q8_0, 0, 64).type()).isEqualTo(OutType.F32);
    assertThat(GgufWriter.Entry.of("blk.0.attn_q.bias", OutType.F16, 4, 64).type()).isEqualTo(OutType.F32);
  }
}
