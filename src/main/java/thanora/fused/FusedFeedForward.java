package thanora.fused;

import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.model.Activation;
import thanora.model.TokenBatch;
import thanora.tensor.Ops;
import thanora.tensor.SideStream;

/**
 * A layer's gated feed-forward block, from the normed input to the sum behind it.
 *
 * @param layer its number among those of the weights
 * @param inputs gate and up
 */
record FusedFeedForward(
    Kernels kernels, int layer, Activation activation, StackedWeights inputs, StackedWeights down) {

  /**
   * What the forward pass leaves for the backward pass; the gated product is made again.
   *
   * @param y the result (N, D)
   * @param room gate and up, with room for the share of their gradient
   * @param share of the inputs
   * @param downShare of the last map
   */
  record Kept(Tensor y, Tensor room, Tensor share, Tensor downShare) {
    /** All but the result, which the backward pass does not read. */
    List<Tensor> tensors() {
      return List.of(room, share, downShare);
    }
  }

  /** Gate and up of this layer. */
  StackedLinear first() {
    return inputs.of(layer);
  }

  /**
   * Where a pass that is not recorded puts what is in between.
   *
   * @param both gate and up
   */
  record Rooms(Tensor both, Tensor gate, Tensor up, StackedLinear.Room product) {}

  /** Such rooms for so many tokens. */
  Rooms rooms(long tokens) {
    Tensor both = first().output(first().outputRoom(tokens));
    return new Rooms(both, gate(both), up(both), down.of(layer).room(tokens));
  }

  /** sum += the block's output in a pass that is not recorded, from the normed input in its room. */
  void forward(StackedLinear.Room normed, Rooms rooms, TokenBatch batch, Tensor sum) {
    inputs.apply(layer, normed, batch, rooms.both);
    kernels.gated(activation, rooms.gate, rooms.up, rooms.product.x());
    down.addInPlace(layer, rooms.product, batch, sum);
  }

  /** residual + the block's output, from the normed input in its room. */
  Kept forward(Tensor normed, Tensor residual) {
    StackedLinear first = first();
    StackedLinear last = down.of(layer);
    Tensor room = first.outputRoom(normed.size(0));
    Tensor share = first.shareInRoom(normed);
    first.apply(normed, first.output(room));
    Tensor product = last.inputRoom(normed.size(0));
    kernels.gated(activation, gate(room), up(room), last.input(product));
    Tensor downShare = last.shareInRoom(product);
    return new Kept(last.addTo(residual, product), room, share, downShare);
  }

  /**
   * Takes the gradients of the adapters.
   *
   * @param dy the gradient of the result (N, D)
   * @param normed the normed input (N, D)
   * @param below whether the gradient of the input is wanted
   * @param side where those of the adapters are made, if not in turn; the caller joins it
   * @return it, or empty
   */
  Optional<Tensor> backward(Kept kept, Tensor dy, Tensor normed, TokenBatch batch, boolean below, Optional<SideStream> side) {
    StackedLinear first = first();
    StackedLinear last = down.of(layer);
    Tensor ofSum = last.outputRoom(dy.size(0));
    kernels.copy(dy, last.output(ofSum));
    last.backShare(ofSum);
    Tensor room = kept.room; // gate and up make way for their gradients
    Tensor product = last.back(ofSum); // its gradient, which makes way for it
    kernels.gatedBackward(activation, gate(room), up(room), product, gate(room), up(room), Optional.of(product));
    down.gradients(layer, ofSum, product, kept.downShare, batch, side);
    if (!below && !first.isAdapted()) {
      return Optional.empty();
    }
    first.backShare(room);
    inputs.gradients(layer, room, normed, kept.share, batch, side);
    return below ? Optional.of(first.back(room)) : Optional.empty();
  }

  private Tensor gate(Tensor room) {
    return Ops.narrow(room, 1, 0, inner());
  }

  private Tensor up(Tensor room) {
    return Ops.narrow(room, 1, inner(), inner());
  }

  private long inner() {
    return down.in();
  }
}
