package thanora.model;

import static thanora.tensor.Ops.add;
import static thanora.tensor.Ops.cat;
import static thanora.tensor.Ops.mul;
import static thanora.tensor.Ops.narrow;
import static thanora.tensor.Ops.sub;

import org.bytedeco.pytorch.Tensor;
import thanora.tensor.Ops;

/**
 * The rotary angles of each token of a batch.
 *
 * @param cos (N, 1, R/2)
 * @param sin alike
 */
public record Angles(Tensor cos, Tensor sin) {
  /** The same angles the other way: of the backward pass, since a turn's transpose turns back. */
  Angles reversed() {
    return new Angles(cos, Ops.scale(sin, -1));
  }

  /** Those of some tokens, as views. */
  Angles part(long from, long length) {
    return new Angles(narrow(cos, 0, from, length), narrow(sin, 0, from, length));
  }

  /** Turns heads x (N, H, Dh). */
  Tensor turn(Tensor x) {
    long half = cos.size(2);
    Tensor first = narrow(x, 2, 0, half);
    Tensor second = narrow(x, 2, half, half);
    Tensor turnedFirst = sub(mul(first, cos), mul(second, sin));
    Tensor turnedSecond = add(mul(second, cos), mul(first, sin));
    long rest = x.size(2) - 2 * half;
    return rest == 0 ? cat(2, turnedFirst, turnedSecond)
        : cat(2, turnedFirst, turnedSecond, narrow(x, 2, 2 * half, rest));
  }
}
