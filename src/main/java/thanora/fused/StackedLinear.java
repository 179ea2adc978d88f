package thanora.fused;

import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.Into;
import thanora.tensor.Ops;
import thanora.tensor.Tensors;

/**
 * Linear maps of one input with the adapters on them, of one layer: y = W x + s B' A' x.
 *
 * <p>All of it is one matrix E = [[W, s B'], [A', 0]]. With x and h = A' x side by side, the product with
 * its upper rows is y; with dy and dh = (s B')ᵀ dy side by side, that with its left columns is dx. So the
 * adapters cost no pass over x or y of their own. Tensors with room for h or dh behind their columns are
 * called rooms here.
 */
final class StackedLinear {
  private final int in;
  private final int out;
  private final int rows;
  private final Tensor upper; // [W, s B']ᵀ (in + rows, out)
  private final Tensor left; // [W; A'] (out + rows, in)
  private final Tensor a; // A'ᵀ (in, rows)
  private final Tensor b; // s B' (out, rows)
  private final Tensor bt; // its transpose (rows, out)
  private final Tensor w; // Wᵀ (in, out)
  private final Optional<Tensor> bias; // (out)

  /**
   * Views of a layer's matrix.
   *
   * @param e E (out + rows, in + rows)
   * @param rows of A', of all adapters on the maps together
   */
  StackedLinear(Tensor e, int rows, Optional<Tensor> bias) {
    this.rows = rows;
    this.in = (int) e.size(1) - rows;
    this.out = (int) e.size(0) - rows;
    this.upper = Ops.narrow(e, 0, 0, out).t();
    this.left = Ops.narrow(e, 1, 0, in);
    this.a = Ops.narrow(left, 0, out, rows).t();
    this.bt = Ops.narrow(upper, 0, in, rows);
    this.b = bt.t();
    this.w = Ops.narrow(upper, 0, 0, in);
    this.bias = bias;
  }

  /** Whether an adapter is on one of the maps. */
  boolean isAdapted() {
    return rows > 0;
  }

  /** A room for the input of so many tokens, (N, in + rows), not set. */
  Tensor inputRoom(long tokens) {
    return Tensors.alike(w, tokens, in + rows);
  }

  /**
   * A room for the input with its parts, to be used again and again.
   *
   * @param x the input (N, in)
   * @param h (N, rows)
   */
  record Room(Tensor whole, Tensor x, Tensor h) {}

  /** Such a room for so many tokens, not set. */
  Room room(long tokens) {
    Tensor whole = inputRoom(tokens);
    return new Room(whole, input(whole), Ops.narrow(whole, 1, in, rows));
  }

  /** Puts h behind the x of a room. */
  void share(Room room) {
    share(room.x, room.h);
  }

  private void share(Tensor x, Tensor h) {
    if (rows > 0) {
      Into.matmul(h, x, a);
    }
  }

  /** The input's part of its room (N, in). */
  Tensor input(Tensor room) {
    return Ops.narrow(room, 1, 0, in);
  }

  /** A room for the output of so many tokens, (N, out + rows), not set. */
  Tensor outputRoom(long tokens) {
    return Tensors.alike(w, tokens, out + rows);
  }

  /** The output's part of its room (N, out). */
  Tensor output(Tensor room) {
    return Ops.narrow(room, 1, 0, out);
  }

  /** h = A' x (N, rows). */
  Tensor share(Tensor x) {
    Tensor h = Tensors.alike(w, x.size(0), rows);
    share(x, h);
    return h;
  }

  /** Puts h behind x in its room; returns it. */
  Tensor shareInRoom(Tensor room) {
    Tensor h = share(input(room));
    if (rows > 0) {
      Ops.narrow(room, 1, in, rows).copy_(h);
    }
    return h;
  }

  /** Writes y for a room that x and h are in. */
  void apply(Tensor room, Tensor y) {
    if (bias.isPresent()) {
      Into.addmm(y, bias.get(), room, upper);
    } else {
      Into.matmul(y, room, upper);
    }
  }

  /** sum += y, for a room that x and h are in. */
  void addInPlace(Tensor sum, Tensor room) {
    Ops.addMatmulInPlace(sum, room, upper);
    bias.ifPresent(value -> Ops.addInPlace(sum, value));
  }

  /** base + y, for a room that x and h are in. */
  Tensor addTo(Tensor base, Tensor room) {
    Tensor sum = Ops.matmul(room, upper); // addmm would copy the base first
    Into.add(sum, sum, base);
    bias.ifPresent(value -> Ops.addInPlace(sum, value));
    return sum;
  }

  /** y for an x without room. */
  Tensor applyApart(Tensor x, Tensor h) {
    Tensor y = bias.isPresent() ? Ops.addmm(bias.get(), x, w, 1) : Ops.matmul(x, w);
    if (rows > 0) {
      Ops.addMatmulInPlace(y, h, bt);
    }
    return y;
  }

  /** Puts dh behind dy in its room. */
  void backShare(Tensor room) {
    if (rows > 0) {
      Into.matmul(Ops.narrow(room, 1, out, rows), output(room), b);
    }
  }

  /** dx (N, in) for a room that dy and dh are in. */
  Tensor back(Tensor room) {
    return Ops.matmul(room, left);
  }

  /** Sums of products over tokens: to = leftᵀ right, of all tokens or of each task's; left and right (N, ·). */
  interface TokenProducts {
    void write(Tensor to, Tensor left, Tensor right);
  }

  /**
   * Writes the gradients of A' and of s B'.
   *
   * @param room that dy and dh are in
   * @param h of {@link #share}
   * @param ofA (parts, rows, in)
   * @param ofBt (parts, rows, out); what lies outside the blocks of A' and B' of one map means nothing
   */
  void gradients(TokenProducts products, Tensor room, Tensor x, Tensor h, Tensor ofA, Tensor ofBt) {
    products.write(ofA, Ops.narrow(room, 1, out, rows), x);
    products.write(ofBt, h, output(room));
  }
}
