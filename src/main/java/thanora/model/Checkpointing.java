package thanora.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.WithGrad;

/**
 * Layers of a recorded pass that keep their input only and are run again in the backward pass: less memory
 * for a second forward pass.
 *
 * <p>Rows know nothing of each other, so a layer takes a slice of whole rows at a time, there and back: what
 * it works with is as long as a slice. As long as the batch are the layers' inputs and one gradient, which
 * takes the place of a layer's input when that has been read for the last time.
 *
 * <p>Source of running again: Chen et al., arXiv 1604.06174.
 */
public final class Checkpointing {
  /** Enough for products at full speed, not more: this many tokens of a layer of Llama-2-7B are 2.5 GB. */
  private static final int GPU_TOKENS = 16384;

  /** With fewer, packing the weights for a product would be more than a few percent of it. */
  private static final int CPU_TOKENS = 512;

  private final List<Slice> slices = new ArrayList<>();

  /** One layer: (N, D) → (N, D), recorded on the batch's tape. */
  interface Layer {
    Tensor apply(Tensor x, TokenBatch batch, Optional<Angles> angles);
  }

  /** Rows of the batch, and where their tokens lie in it. */
  private record Slice(TokenBatch batch, long from) {
    Tensor of(Tensor all) {
      return Ops.narrow(all, 0, from, batch.tokens());
    }

    Optional<Angles> of(Optional<Angles> all) {
      return all.map(angles -> angles.part(from, batch.tokens()));
    }
  }

  private Checkpointing(TokenBatch batch, int tokens) {
    long from = 0;
    for (TokenBatch part : batch.parts(tokens)) {
      slices.add(new Slice(part, from));
      from += part.tokens();
    }
  }

  /** For one pass of a batch; the caller's scope owns it. */
  public static Checkpointing of(TokenBatch batch) {
    return of(batch, tokens(!Tensors.placement(batch.ids).isCpu()));
  }

  /** The same with slices of so many tokens, and a row more, at most. */
  public static Checkpointing of(TokenBatch batch, int tokens) {
    return new Checkpointing(batch, tokens);
  }

  /** Tokens of a slice, but for a row more, at most. */
  static int tokens(boolean gpu) {
    return gpu ? GPU_TOKENS : CPU_TOKENS;
  }

  /**
   * A layer's output, recorded as one node if the layer records anything.
   *
   * @param x its input (N, D), which only this reads; its gradient takes its place
   */
  Tensor apply(Tensor x, TokenBatch batch, Optional<Angles> angles, Layer layer) {
    Tape outer = batch.tape().orElseThrow();
    Tensor y = Tensors.alike(x, x.size(0), x.size(1));
    boolean recorded = false;
    for (Slice slice : slices) {
      try (Tape forgotten = new Tape(outer.byTask()); TensorScope scope = TensorScope.open()) {
        Tensor part = run(slice, x, angles, layer, outer, forgotten);
        recorded |= forgotten.reaches(part);
        slice.of(y).copy_(part);
      }
    }
    if (!recorded) {
      return y;
    }
    List<Tensor> read = new ArrayList<>(List.of(x));
    angles.ifPresent(of -> read.addAll(of.tensors()));
    return outer.record(y, dy -> again(x, dy, angles, layer, outer), read);
  }

  private void again(Tensor x, Tensor dy, Optional<Angles> angles, Layer layer, Tape outer) {
    for (Slice slice : slices) {
      try (Tape inner = new Tape(outer.byTask()); TensorScope scope = TensorScope.open()) {
        try (TensorScope forward = TensorScope.open(); WithGrad on = WithGrad.open()) {
          run(slice, x, angles, layer, outer, inner);
        }
        inner.backward(slice.of(dy));
      }
    }
    outer.add(x, x); // by now its gradient
  }

  /** A slice's output, recorded on another tape, which writes the gradient of the input in its place. */
  private static Tensor run(
      Slice slice, Tensor x, Optional<Angles> angles, Layer layer, Tape outer, Tape inner) {
    Tensor own = slice.of(x);
    Tensor input = outer.reaches(x) ? inner.input(own, dx -> slice.of(x).copy_(dx)) : own;
    return layer.apply(input, slice.batch.on(inner), slice.of(angles));
  }
}
