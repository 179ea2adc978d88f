package thanora.model;

import java.util.List;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.Ops;

/**
 * The operations of a decoder layer; on a batch that is recorded each with its backward pass, else the
 * plain operation, through which libtorch's autograd can go.
 */
final class Steps {
  private Steps() {}

  /** The norm of x (N, D). */
  static Tensor norm(TokenBatch batch, Tensor x, Norm norm) {
    return byAutograd(batch, x, norm::of);
  }

  /** The norm of each head of x (N, H Dh). */
  static Tensor headNorm(TokenBatch batch, Tensor x, Norm norm) {
    return byAutograd(batch, x, norm::ofHeads);
  }

  /** A part of which libtorch's autograd makes the backward pass. */
  static Tensor byAutograd(TokenBatch batch, Tensor x, UnaryOperator<Tensor> part) {
    return byAutograd(batch, List.of(x), in -> part.apply(in.get(0)));
  }

  /** A part of several inputs, of which libtorch's autograd makes the backward pass. */
  static Tensor byAutograd(TokenBatch batch, List<Tensor> inputs, Function<List<Tensor>, Tensor> part) {
    return isRecorded(batch, inputs) ? batch.tape().get().autograd(inputs, part) : part.apply(inputs);
  }

  /** x (N, D) with other rows in some places; takes x for its own. */
  static Tensor put(TokenBatch batch, Tensor x, Tensor places, Tensor rows) {
    Tensor y = x.index_copy_(0, places, rows);
    if (!isRecorded(batch, List.of(rows))) {
      return y;
    }
    Tape tape = batch.tape().get();
    return tape.record(y, g -> tape.add(rows, Ops.select(g, 0, places)), List.of(places));
  }

  /** a + b. */
  static Tensor add(TokenBatch batch, Tensor a, Tensor b) {
    Tensor sum = Ops.add(a, b);
    if (!isRecorded(batch, List.of(a, b))) {
      return sum;
    }
    Tape tape = batch.tape().get();
    return tape.record(sum, g -> {
      tape.add(a, g);
      tape.add(b, g);
    }, List.of());
  }

  /** activation(gate) ∘ up. */
  static Tensor gated(TokenBatch batch, Activation activation, Tensor gate, Tensor up) {
    Tensor y = Ops.mul(activation.of(gate), up);
    if (!isRecorded(batch, List.of(gate, up))) {
      return y;
    }
    Tape tape = batch.tape().get();
    return tape.record(y, g -> {
      tape.add(gate, activation.backward(Ops.mul(g, up), gate));
      tape.add(up, Ops.mul(g, activation.of(gate)));
    }, List.of(gate, up));
  }

  /** The columns [from, from + width) of x (N, C). */
  static Tensor columns(TokenBatch batch, Tensor x, int from, int width) {
    Tensor y = Ops.narrow(x, 1, from, width);
    if (!isRecorded(batch, List.of(x))) {
      return y;
    }
    Tape tape = batch.tape().get();
    long columns = x.size(1);
    return tape.record(y, g -> tape.addColumns(x, columns, from, g), List.of());
  }

  /** W x (+ bias) of a frozen layer. */
  static Tensor dense(TokenBatch batch, Tensor x, Projection layer) {
    Tensor y = layer.product(x);
    if (!isRecorded(batch, List.of(x))) {
      return y;
    }
    Tape tape = batch.tape().get();
    return tape.record(y, g -> tape.addProduct(x, g, layer.weight()), List.of());
  }

  /** Heads of x (N, H Dh) turned by each token's angles. */
  static Tensor turned(TokenBatch batch, Tensor x, int headDim, Angles angles) {
    Tensor y = turn(x, headDim, angles);
    if (!isRecorded(batch, List.of(x))) {
      return y;
    }
    Tape tape = batch.tape().get();
    return tape.record(
        y, g -> tape.add(x, turn(g, headDim, angles.reversed())), List.of(angles.cos(), angles.sin()));
  }

  private static Tensor turn(Tensor x, int headDim, Angles angles) {
    return angles.turn(x.view(x.size(0), -1, headDim)).view(x.size(0), -1);
  }

  /** Whether one of these is on the batch's tape, so that the gradient must go through. */
  static boolean isRecorded(TokenBatch batch, List<Tensor> inputs) {
    return batch.tape().isPresent() && inputs.stream().anyMatch(batch.tape().get()::reaches);
  }
}
