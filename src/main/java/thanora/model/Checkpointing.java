package thanora.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.WithGrad;

/**
 * Layers that keep their input only and are run again in the backward pass: less memory for a second
 * forward pass.
 *
 * <p>Source: Chen et al., arXiv 1604.06174.
 */
final class Checkpointing {
  private Checkpointing() {}

  /**
   * A layer's output, recorded as one node if the layer records anything.
   *
   * @param x its input (N, D)
   * @param layer records on the batch's tape
   */
  static Tensor of(Tensor x, TokenBatch batch, Optional<Angles> angles, UnaryOperator<Tensor> layer) {
    Tape outer = batch.tape().orElseThrow();
    Tensor y;
    boolean recorded;
    try (Tape forgotten = new Tape(outer.byTask())) {
      batch.on(forgotten);
      y = layer.apply(input(x, outer, forgotten));
      recorded = forgotten.reaches(y);
    } finally {
      batch.on(outer);
    }
    if (!recorded) {
      return y;
    }
    List<Tensor> read = new ArrayList<>(List.of(x));
    angles.ifPresent(of -> read.addAll(of.tensors()));
    return outer.record(y, dy -> again(x, dy, batch, outer, layer), read);
  }

  private static void again(Tensor x, Tensor dy, TokenBatch batch, Tape outer, UnaryOperator<Tensor> layer) {
    try (Tape inner = new Tape(outer.byTask())) {
      batch.on(inner);
      try (WithGrad on = WithGrad.open()) {
        layer.apply(input(x, outer, inner));
      }
      inner.backward(dy);
    } finally {
      batch.on(outer);
    }
  }

  /** The layer's input on another tape, which passes its gradient on. */
  private static Tensor input(Tensor x, Tape outer, Tape inner) {
    return outer.reaches(x) ? inner.input(x, dx -> outer.add(x, dx)) : x;
  }
}
