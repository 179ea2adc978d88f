package thanora.model;

import org.bytedeco.pytorch.Tensor;
import thanora.tensor.Ops;

/** What bends the gate of the feed-forward block. */
enum Activation {
  /** x · sigmoid(x). */
  SILU {
    @Override
    Tensor of(Tensor x) {
      return Ops.silu(x);
    }

    @Override
    Tensor backward(Tensor g, Tensor x) {
      return Ops.siluBackward(g, x);
    }
  },
  /** x · Φ(x), approximated with tanh. */
  GELU_TANH {
    @Override
    Tensor of(Tensor x) {
      return Ops.gelu(x);
    }

    @Override
    Tensor backward(Tensor g, Tensor x) {
      return Ops.geluBackward(g, x);
    }
  };

  /**
   * The one that a {@code config.json} names.
   *
   * @throws IllegalArgumentException naming it and what is supported
   */
  static Activation named(String name) {
    return switch (name) {
      case "silu", "swish" -> SILU;
      case "gelu_pytorch_tanh" -> GELU_TANH;
      default -> throw new IllegalArgumentException("config.json: activation " + name
          + " is not supported; supported are silu and gelu_pytorch_tanh");
    };
  }

  abstract Tensor of(Tensor x);

  /** The gradient at x, times g. */
  abstract Tensor backward(Tensor g, Tensor x);
}
