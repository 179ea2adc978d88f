package thanora.method;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import thanora.Golden;
import thanora.checkpoint.SafetensorsFile;
import thanora.lora.Factors;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.Tensors;

/** What PEFT computes from the checkpoint "llama": scripts/golden/make_rivals.py. */
final class PeftSteps {
  /** Wide, square and tall weights. */
  static final List<String> MODULES = List.of(
      "model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.k_proj",
      "model.layers.1.mlp.up_proj", "model.layers.1.mlp.down_proj");

  private PeftSteps() {}

  static SafetensorsFile open() {
    return SafetensorsFile.open(Golden.path("rivals/steps.safetensors"));
  }

  static Tensor weight(String module) {
    try (SafetensorsFile model =
        SafetensorsFile.open(Golden.path("models/llama/model.safetensors"))) {
      return model.load(module + ".weight", Placement.CPU_F32);
    }
  }

  static Tensor value(SafetensorsFile steps, String key) {
    return steps.load(key, Placement.CPU_F32);
  }

  /** Each row of A with its column of B may have the other sign; then both must have it. */
  static void assertSame(String method, String module, Factors start, double tolerance) {
    try (SafetensorsFile steps = open()) {
      Tensor a = value(steps, method + ".init." + module + ".A");
      Tensor bt = Ops.transpose(value(steps, method + ".init." + module + ".B")).contiguous();
      Tensor signs = Ops.sign(Ops.sum(Ops.mul(start.bt(), bt), 1)).view(bt.size(0), 1);
      Golden.assertClose(module + " A", Ops.mul(start.a(), signs), a, tolerance);
      Golden.assertClose(module + " B", Ops.mul(start.bt(), signs), bt, tolerance);
      Golden.assertClose(module + " B A", product(start), Ops.matmul(bt.t(), a), tolerance);
    }
    assertFrozenAtTheStart(start);
  }

  private static void assertFrozenAtTheStart(Factors start) {
    assertThat(Tensors.floats(start.a0())).isEqualTo(Tensors.floats(start.a()));
    assertThat(Tensors.floats(start.b0t())).isEqualTo(Tensors.floats(start.bt()));
    assertThat(start.blocks().taskRows()).isEqualTo((int) start.a().size(0));
    start.a().zero_();
    assertThat(Tensors.floats(start.a0())).as("shares no memory with A").isNotEqualTo(
        Tensors.floats(start.a()));
  }

  /** B A. */
  static Tensor product(Factors start) {
    return Ops.matmul(Ops.transpose(start.bt()), start.a());
  }
}
