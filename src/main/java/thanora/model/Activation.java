package thanora.model;

import org.bytedeco.pytorch.Tensor;
import thanora.tensor.Into;
import thanora.tensor.Ops;

/** What bends the gate of the feed-forward block. */
public enum Activation {
  /** x · sigmoid(x). */
  SILU {
    @Override
    public Tensor of(Tensor x) {
      return Ops.silu(x);
    }

    @Override
    public void into(Tensor to, Tensor x) {
      Into.silu(to, x);
    }

    @Override
    Tensor backward(Tensor g, Tensor x) {
      return Ops.siluBackward(g, x);
    }

    @Override
    public void backwardInto(Tensor to, Tensor g, Tensor x) {
      Into.siluBackward(to, g, x);
    }
  },
  /** x · Φ(x), approximated with tanh. */
  GELU_TANH {
    @Override
    public Tensor of(Tensor x) {
      return Ops.gelu(x);
    }

    @Override
    public void into(Tensor to, Tensor x) {
      Into.gelu(to, x);
    }

    @Override
    Tensor backward(Tensor g, Tensor x) {
      return Ops.geluBackward(g, x);
    }

    @Override
    public void backwardInto(Tensor to, Tensor g, Tensor x) {
      Into.geluBackward(to, g, x);
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

  /** Element by element. */
  public abstract Tensor of(Tensor x);

  /** The same, written into a tensor given, which may be x. */
  public abstract void into(Tensor to, Tensor x);

  /** The gradient at x, times g. */
  abstract Tensor backward(Tensor g, Tensor x);

  /** The same, written into a tensor given, which may be one of the others. */
  public abstract void backwardInto(Tensor to, Tensor g, Tensor x);
}
