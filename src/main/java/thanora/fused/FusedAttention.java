package thanora.fused;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.model.Angles;
import thanora.model.CausalAttention;
import thanora.model.Past;
import thanora.model.Tape;
import thanora.model.TokenBatch;
import thanora.tensor.Ops;
import thanora.tensor.SideStream;

/**
 * A layer's attention from the normed input to the output of its last linear map.
 *
 * @param number of the layer in the model
 * @param layer its number among those of the weights
 * @param inputs query, key and value
 */
record FusedAttention(
    Kernels kernels, int number, int layer, CausalAttention attention, StackedWeights inputs, StackedWeights output) {

  /**
   * What the forward pass leaves for the backward pass.
   *
   * @param y the result (N, D)
   * @param room query and key as turned, and value; with room for the share of their gradient
   * @param share of the inputs
   * @param pass the attention itself
   * @param mixed its output (N, H Dh)
   * @param lastShare of the last map
   */
  record Kept(Tensor y, Tensor room, Tensor share, AttentionPass pass, Tensor mixed, Tensor lastShare) {
    /** All but the result, which the backward pass does not read. */
    List<Tensor> tensors() {
      List<Tensor> tensors = new ArrayList<>(List.of(room, share, mixed, lastShare));
      tensors.addAll(pass.kept());
      return tensors;
    }
  }

  /** Query, key and value of this layer. */
  StackedLinear first() {
    return inputs.of(layer);
  }

  /** The last map of this layer. */
  StackedLinear last() {
    return output.of(layer);
  }

  /**
   * Where a pass that is not recorded puts what is in between.
   *
   * @param qkv query, key and value
   * @param mixed what attention gives
   */
  record Rooms(Tensor qkv, Tensor queryAndKey, Tensor query, Tensor key, Tensor value, StackedLinear.Room mixed) {}

  /** Such rooms for so many tokens. */
  Rooms rooms(long tokens) {
    Tensor qkv = first().output(first().outputRoom(tokens));
    return new Rooms(qkv, queryAndKey(qkv), query(qkv), key(qkv), value(qkv), last().room(tokens));
  }

  /** Writes the result (N, D) of a pass that is not recorded, from the normed input in its room. */
  void forward(StackedLinear.Room normed, Rooms rooms, TokenBatch batch, Optional<Angles> angles, Tensor to) {
    inputs.apply(layer, normed, batch, rooms.qkv);
    Optional<NextTokens> kernel = kernels.nextTokens(attention.config().headDim());
    Optional<Tensor> addresses = kernel.flatMap(there -> batch.past().flatMap(Past::addresses));
    if (addresses.isPresent()) {
      NextTokens.Cache cache = new NextTokens.Cache(addresses.get(), number, batch.positions());
      kernel.get().attend(cache, NextTokens.Heads.of(attention), rooms.qkv, angles, rooms.mixed.x());
      output.apply(layer, rooms.mixed, batch, to);
      return;
    }
    angles.ifPresent(of -> turn(rooms.queryAndKey, of, false, rooms.queryAndKey));
    Tensor mixed = overPast(rooms, batch).orElseGet(() -> attention.attend(rooms.query, rooms.key, rooms.value, batch));
    if (last().isAdapted()) {
      rooms.mixed.x().copy_(mixed);
      output.apply(layer, rooms.mixed, batch, to);
    } else {
      last().apply(mixed, to);
    }
  }

  private Optional<Tensor> overPast(Rooms rooms, TokenBatch batch) {
    return batch.past()
        .flatMap(past -> past.attend(
            number, attention.heads(rooms.query), rooms.key, rooms.value, batch, attention.config()))
        .map(mixed -> mixed.reshape(mixed.size(0), -1));
  }

  /** From the normed input in its room. */
  Kept forward(Tensor normed, TokenBatch batch, Optional<Angles> angles, Tape tape) {
    StackedLinear first = first();
    StackedLinear last = last();
    Tensor room = first.outputRoom(normed.size(0));
    Tensor share = first.shareInRoom(normed);
    first.apply(normed, first.output(room));
    angles.ifPresent(of -> turn(queryAndKey(room), of, false, queryAndKey(room)));
    AttentionPass pass = AttentionPass.of(attention, query(room), key(room), value(room), batch, tape);
    Tensor mixed = pass.output();
    Tensor lastShare = last.share(mixed);
    return new Kept(last.applyApart(mixed, lastShare), room, share, pass, mixed, lastShare);
  }

  /**
   * Takes the gradients of the adapters.
   *
   * @param dy the gradient of the result, in a room of the last map's output
   * @param normed the normed input (N, D)
   * @param below whether the gradient of the input is wanted
   * @param side where those of the adapters are made, if not in turn; the caller joins it
   * @return it, or empty
   */
  Optional<Tensor> backward(
      Kept kept, Tensor dy, Tensor normed, TokenBatch batch, Optional<Angles> angles, boolean below,
      Optional<SideStream> side) {
    StackedLinear first = first();
    StackedLinear last = last();
    last.backShare(dy);
    output.gradients(layer, dy, kept.mixed, kept.lastShare, batch, side);
    if (!below && !first.isAdapted()) {
      return Optional.empty();
    }
    List<Tensor> gradients = kept.pass.backward(last.back(dy));
    Tensor room = kept.room; // nobody reads query, key and value any more
    turnBack(gradients.get(0), angles, query(room));
    turnBack(gradients.get(1), angles, key(room));
    kernels.copy(gradients.get(2), value(room));
    first.backShare(room);
    inputs.gradients(layer, room, normed, kept.share, batch, side);
    return below ? Optional.of(first.back(room)) : Optional.empty();
  }

  private void turnBack(Tensor gradient, Optional<Angles> angles, Tensor to) {
    if (angles.isPresent()) {
      turn(gradient, angles.get(), true, to);
    } else {
      kernels.copy(gradient, to);
    }
  }

  private void turn(Tensor x, Angles angles, boolean back, Tensor to) {
    kernels.turn(x, attention.config().headDim(), angles.flatCos(), angles.flatSin(), back, to);
  }

  private Tensor queryAndKey(Tensor room) {
    return Ops.narrow(room, 1, 0, attention.config().queryWidth() + attention.config().kvWidth());
  }

  private Tensor query(Tensor room) {
    return Ops.narrow(room, 1, 0, attention.config().queryWidth());
  }

  private Tensor key(Tensor room) {
    return Ops.narrow(room, 1, attention.config().queryWidth(), attention.config().kvWidth());
  }

  private Tensor value(Tensor room) {
    int before = attention.config().queryWidth() + attention.config().kvWidth();
    return Ops.narrow(room, 1, before, attention.config().kvWidth());
  }
}
