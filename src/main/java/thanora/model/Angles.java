package thanora.model;

import static thanora.tensor.Ops.add;
import static thanora.tensor.Ops.cat;
import static thanora.tensor.Ops.mul;
import static thanora.tensor.Ops.narrow;
import static thanora.tensor.Ops.sub;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.Ops;

/**
 * The rotary angles of each token of a batch.
 *
 * @param cos (N, 1, R/2)
 * @param sin alike
 * @param flatCos the same numbers (N, R/2)
 * @param flatSin alike
 */
public record Angles(Tensor cos, Tensor sin, Tensor flatCos, Tensor flatSin) {
  /** From cosines and sines (N, 1, R/2). */
  static Angles of(Tensor cos, Tensor sin) {
    return new Angles(cos, sin, cos.select(1, 0), sin.select(1, 0));
  }

  /** All of them. */
  public List<Tensor> tensors() {
    return List.of(cos, sin, flatCos, flatSin);
  }

  /** The same angles the other way: of the backward pass, since a turn's transpose turns back. */
  Angles reversed() {
    return of(cos, Ops.scale(sin, -1));
  }

  /** Those of some tokens, as views. */
  Angles part(long from, long length) {
    return of(narrow(cos, 0, from, length), narrow(sin, 0, from, length));
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
