package thanora.method;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.Tensors;

/**
 * The r leading left singular vectors of K and the factors made of them that take over their part
 * of W: B = U √(Σ/s), A = Uᵀ W / √(s Σ), so s B A = U Uᵀ W. Where σ is 0, both sides are 0.
 *
 * <p>From the eigenvectors of K Kᵀ or Kᵀ K, whichever is smaller, in float64: a fraction of the
 * time of a singular value decomposition, and exact to float32 for all σ above 1e-6 of the largest.
 */
final class LeftSingular {
  private static final double ZERO = 1e-12;

  private LeftSingular() {}

  /**
   * [A, Bᵀ] (r, in + out), float64.
   *
   * @param k K (out, any), float64
   * @param w W (out, in), float64
   */
  static Tensor sides(Tensor k, Tensor w, int r, double scaling) {
    Tensor ut = vectors(k, r);
    Tensor sigma = Ops.norms(Ops.matmul(ut, k), 1);
    Tensor a = Ops.mul(Ops.matmul(ut, w), inverseRoots(sigma, scaling));
    return Ops.cat(1, a, Ops.mul(ut, Ops.sqrt(Ops.scale(sigma, 1 / scaling))));
  }

  /** Uᵀ (r, out). */
  private static Tensor vectors(Tensor k, int r) {
    boolean wide = k.size(0) <= k.size(1);
    Tensor gram = wide ? Ops.matmul(k, k.t()) : Ops.matmul(k.t(), k);
    Tensor top = Ops.topEigen(List.of(gram), r).get(0).vectors();
    return Ops.transpose(wide ? top : Ops.orthonormal(Ops.matmul(k, top)));
  }

  /** 1/√(s σ), or 0 where σ is 0 beside the largest; σ (r, 1), descending. */
  private static Tensor inverseRoots(Tensor sigma, double scaling) {
    double[] values = Tensors.doubles(sigma);
    double floor = ZERO * values[0];
    for (int i = 0; i < values.length; i++) {
      values[i] = values[i] > floor ? 1 / Math.sqrt(scaling * values[i]) : 0;
    }
    return Tensors.to(
        Tensors.of(values, values.length, 1), new Placement(Tensors.device(sigma), DType.F64));
  }
}
