package thanora.lora;

import org.bytedeco.pytorch.Tensor;
import thanora.tensor.Ops;

/** Products of tokens with factors, for one member as for K side by side, each with factors of its own. */
final class MemberProducts {
  private MemberProducts() {}

  /** x rowsᵀ, each member its own: x (K N, in), rows (r, in) or (K, r, in); (K N, r). */
  static Tensor times(Tensor x, Tensor rows) {
    if (rows.dim() == 2) {
      return Ops.linear(x, rows);
    }
    Tensor each = x.view(rows.size(0), -1, x.size(1));
    return Ops.bmm(each, Ops.transposeLast(rows)).view(x.size(0), -1);
  }

  /** base + s z rows, each member its own: z (K N, r), rows (r, out) or (K, r, out); (K N, out). */
  static Tensor plusTimes(Tensor base, Tensor z, Tensor rows, double s) {
    if (rows.dim() == 2) {
      return Ops.addmm(base, z, rows, s);
    }
    long k = rows.size(0);
    return Ops.baddbmm(base.view(k, -1, base.size(1)), z.view(k, -1, z.size(1)), rows, s)
        .view(base.size(0), -1);
  }

  /** base += z rows, each member its own, in place: z (K N, r), rows (r, out) or (K, r, out). */
  static void addTimes(Tensor base, Tensor z, Tensor rows) {
    if (rows.dim() == 2) {
      Ops.addMatmulInPlace(base, z, rows);
    } else {
      long k = rows.size(0);
      Ops.addBmmInPlace(base.view(k, -1, base.size(1)), z.view(k, -1, z.size(1)), rows, 1);
    }
  }
}
