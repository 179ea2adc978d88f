package thanora.model;

import org.bytedeco.pytorch.Tensor;
import thanora.tensor.Ops;

/** What bends the hidden values of a vision tower or a projector. */
public enum VisionActivation {
  /** x · Φ(x). */
  GELU("gelu") {
    @Override
    Tensor of(Tensor x) {
      return Ops.exactGelu(x);
    }
  },
  /** The same, approximated with tanh. */
  GELU_TANH("gelu_pytorch_tanh") {
    @Override
    Tensor of(Tensor x) {
      return Ops.gelu(x);
    }
  },
  /** x · sigmoid(1.702 x). */
  QUICK_GELU("quick_gelu") {
    @Override
    Tensor of(Tensor x) {
      return Ops.mul(x, Ops.scale(x, 1.702).sigmoid());
    }
  };

  private final String id;

  VisionActivation(String id) {
    this.id = id;
  }

  /**
   * The one that a {@code config.json} names.
   *
   * @throws IllegalArgumentException naming it and what is supported
   */
  static VisionActivation named(String name) {
    for (VisionActivation activation : values()) {
      if (activation.id.equals(name)) {
        return activation;
      }
    }
    throw new IllegalArgumentException("config.json: activation " + name + " of the vision part is not supported;"
        + " supported are gelu, gelu_pytorch_tanh and quick_gelu");
  }

  /** Element by element. */
  abstract Tensor of(Tensor x);
}
