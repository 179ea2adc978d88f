package thanora.lora;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import thanora.model.Tape;
import thanora.tensor.Ops;

/** The part of a module that an adapter does, in a pass that is recorded. */
interface Share {
  /** The layer's output with the adapter, (K N, out). */
  Tensor y();

  /**
   * Adds up the gradients of the adapter's numbers.
   *
   * @param dy gradient of {@link #y}
   * @return gradient of the frozen layer's output
   */
  Tensor backward(Tensor dy);

  /** Adds the adapter's own part to the gradient of the layer's input (K N, in); after the other. */
  void addTo(Tensor dx);

  /** By libtorch's autograd; a graph of the layer's input and the frozen layer's output. */
  static Share byAutograd(Tape.Graph graph) {
    return new Share() {
      private Tensor dx;

      @Override
      public Tensor y() {
        return graph.output();
      }

      @Override
      public Tensor backward(Tensor dy) {
        List<Tensor> gradients = graph.backward(dy);
        dx = gradients.get(0);
        return gradients.get(1);
      }

      @Override
      public void addTo(Tensor target) {
        Ops.addInPlace(target, dx, 1);
      }
    };
  }
}
