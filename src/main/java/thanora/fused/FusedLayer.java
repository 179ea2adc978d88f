package thanora.fused;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.model.Angles;
import thanora.model.Norm;
import thanora.model.Tape;
import thanora.model.TokenBatch;
import thanora.tensor.SideStream;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * A decoder layer as one node of the tape, or recorded nowhere.
 *
 * <p>Kept for the backward pass are the two sums, query, key and value, what attention gives, gate and
 * up; normed inputs and the gated product are made again from those.
 *
 * @param adapted whether an adapter is on a map of the attention
 * @param rstdType a tensor of the type that root mean squares of norms have
 * @param sideStream where gradients of adapters may be made beside those of inputs
 * @param large values of an input from which on they are
 */
record FusedLayer(
    Kernels kernels, Norm firstNorm, FusedAttention attention, Norm secondNorm, FusedFeedForward feedForward,
    boolean adapted, Tensor rstdType, Optional<SideStream> sideStream, long large) {

  /** The results of the norms' root mean squares, the sum in the middle, and what the halves keep. */
  private record Kept(
      Tensor firstRstd, FusedAttention.Kept attention, Tensor secondRstd, FusedFeedForward.Kept feedForward) {
    /** x + attention: the attention's result is overwritten by it. */
    Tensor attended() {
      return attention.y();
    }

    List<Tensor> tensors() {
      List<Tensor> tensors = new ArrayList<>(List.of(firstRstd, attended(), secondRstd));
      tensors.addAll(attention.tensors());
      tensors.addAll(feedForward.tensors());
      return tensors;
    }
  }

  /**
   * Where a pass that is not recorded puts its results, and what is in between; layers of equal widths use
   * the same rooms in turn.
   *
   * @param normed input of the attention
   * @param mixed result of the attention (N, D)
   * @param sum x + mixed, then the layer's result
   * @param secondNormed input of the feed-forward block
   */
  record Rooms(StackedLinear.Room normed, FusedAttention.Rooms attention, Tensor mixed, Tensor sum,
      StackedLinear.Room secondNormed, FusedFeedForward.Rooms feedForward, Tensor rstd) {}

  /** Such rooms for so many tokens. */
  Rooms rooms(long tokens) {
    StackedLinear.Room normed = attention.first().room(tokens);
    long width = normed.x().size(1);
    return new Rooms(normed, attention.rooms(tokens), Tensors.alike(normed.x(), tokens, width),
        Tensors.alike(normed.x(), tokens, width), feedForward.first().room(tokens), feedForward.rooms(tokens),
        Tensors.alike(rstdType, tokens));
  }

  /**
   * (N, D) → (N, D), recorded nowhere.
   *
   * @param x may be what the layer before left in the same rooms
   * @return the sum of the rooms
   */
  Tensor apply(Tensor x, TokenBatch batch, Optional<Angles> angles, Rooms rooms) {
    kernels.norm(x, firstNorm.weight(), firstNorm.eps(), rooms.normed.x(), rooms.rstd);
    attention.forward(rooms.normed, rooms.attention, batch, angles, rooms.mixed);
    kernels.addNorm(x, rooms.mixed, secondNorm.weight(), secondNorm.eps(), rooms.sum, rooms.secondNormed.x(), rooms.rstd);
    feedForward.forward(rooms.secondNormed, rooms.feedForward, batch, rooms.sum);
    return rooms.sum;
  }

  /**
   * (N, D) → (N, D), recorded.
   *
   * @param done called behind the backward pass
   */
  Tensor apply(Tensor x, TokenBatch batch, Optional<Angles> angles, Tape tape, Runnable done) {
    Kept kept = forward(x, batch, angles, tape);
    List<Tensor> read = kept.tensors();
    read.add(x);
    angles.ifPresent(of -> read.addAll(of.tensors()));
    return tape.record(kept.feedForward.y(), dy -> {
      backward(x, kept, dy, batch, angles, tape);
      done.run();
    }, read);
  }

  private Kept forward(Tensor x, TokenBatch batch, Optional<Angles> angles, Tape tape) {
    long tokens = x.size(0);
    StackedLinear qkv = attention.first();
    Tensor room = qkv.inputRoom(tokens);
    Tensor rstd = rstd(x);
    kernels.norm(x, firstNorm.weight(), firstNorm.eps(), qkv.input(room), rstd);
    FusedAttention.Kept mixed = attention.forward(room, batch, angles, tape);
    StackedLinear gateUp = feedForward.first();
    Tensor secondRoom = gateUp.inputRoom(tokens);
    Tensor secondRstd = rstd(x);
    kernels.addNorm(x, mixed.y(), secondNorm.weight(), secondNorm.eps(), mixed.y(), gateUp.input(secondRoom), secondRstd);
    return new Kept(rstd, mixed, secondRstd, feedForward.forward(secondRoom, mixed.y()));
  }

  private void backward(
      Tensor x, Kept kept, Tensor dy, TokenBatch batch, Optional<Angles> angles, Tape tape) {
    boolean below = tape.reaches(x);
    Optional<SideStream> side = sideStream.filter(stream -> x.numel() >= large);
    Tensor room = attention.last().outputRoom(x.size(0));
    Tensor ofAttended = attention.last().output(room);
    if (!secondHalf(kept, dy, batch, below || adapted, ofAttended, side)) {
      return;
    }
    Tensor normed = Tensors.alike(x, x.size(0), x.size(1));
    kernels.normAgain(x, firstNorm.weight(), kept.firstRstd, normed);
    Optional<Tensor> ofNormed = attention.backward(kept.attention, room, normed, batch, angles, below, side);
    if (ofNormed.isPresent()) {
      Tensor dx = Tensors.alike(x, x.size(0), x.size(1));
      kernels.normBackward(ofNormed.get(), x, firstNorm.weight(), kept.firstRstd, ofAttended, dx);
      tape.add(x, dx);
    }
    side.ifPresent(SideStream::join);
  }

  /** Writes the gradient of the sum in the middle, if it is wanted, and frees what that took. */
  private boolean secondHalf(
      Kept kept, Tensor dy, TokenBatch batch, boolean wanted, Tensor ofAttended, Optional<SideStream> side) {
    try (TensorScope scope = TensorScope.open()) {
      Tensor attended = kept.attended();
      Tensor normed = Tensors.alike(attended, attended.size(0), attended.size(1));
      kernels.normAgain(attended, secondNorm.weight(), kept.secondRstd, normed);
      Optional<Tensor> ofNormed = feedForward.backward(kept.feedForward, dy, normed, batch, wanted, side);
      ofNormed.ifPresent(gradient -> kernels.normBackward(
          gradient, attended, secondNorm.weight(), kept.secondRstd, dy, ofAttended));
      side.ifPresent(SideStream::join);
      return ofNormed.isPresent();
    }
  }

  private Tensor rstd(Tensor x) {
    return Tensors.alike(rstdType, x.size(0));
  }
}
