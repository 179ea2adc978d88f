package thanora.model;

import org.bytedeco.pytorch.Tensor;
import thanora.tensor.Ops;

/** (x − mean) / √(variance + eps) · weight + bias over the last dimension. */
record LayerNorm(Tensor weight, Tensor bias, double eps) {
  static LayerNorm read(Reader reader, String name, VisionConfig config) {
    return new LayerNorm(reader.read(name + ".weight", config.hidden()),
        reader.read(name + ".bias", config.hidden()), config.eps());
  }

  Tensor of(Tensor x) {
    return Ops.layerNorm(x, weight, bias, eps);
  }
}
