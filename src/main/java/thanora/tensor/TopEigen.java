package thanora.tensor;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.openblas.global.openblas;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * All eigenvalues but only the leading eigenvectors of symmetric float64 matrices.
 *
 * <p>One reduction to tridiagonal form serves both; the vectors then cost O(n² top), while a full
 * decomposition spends most of its time on vectors that nobody asked for. LAPACK: dsytrd, dsterf,
 * dstemr, dormtr. Half of the reduction is matrix-vector products, which gain nothing from a second
 * thread, so each matrix gets one thread and as many run side by side as BLAS had threads; the
 * result does not depend on that number. On a GPU the full decomposition is the fastest there is.
 */
final class TopEigen {
  private static final Placement EXACT = new Placement("cpu", DType.F64);
  private static final int COLUMN_MAJOR = 102;
  private static final byte VECTORS = 'V';
  private static final byte BY_INDEX = 'I';
  private static final byte LOWER = 'L';
  private static final byte LEFT = 'L';
  private static final byte PLAIN = 'N';

  private TopEigen() {}

  static List<Ops.Eigen> of(List<Tensor> symmetric, int top) {
    for (Tensor matrix : symmetric) {
      long n = matrix.size(0);
      if (matrix.size(1) != n || top < 1 || top > n) {
        throw new IllegalArgumentException(
            "top " + top + " does not fit " + n + " x " + matrix.size(1)
            + "; use 1 to n of a square");
      }
    }
    if (symmetric.isEmpty() || symmetric.get(0).is_cuda()) {
      return symmetric.stream().map(matrix -> full(matrix, top)).toList();
    }
    List<Pair> pairs = new ArrayList<>();
    List<Integer> order = new ArrayList<>();
    for (Tensor matrix : symmetric) {
      long n = matrix.size(0);
      order.add(pairs.size());
      pairs.add(new Pair(Tensors.empty(EXACT, n), Tensors.empty(EXACT, top, n)));
    }
    // the largest first, or the last to start would keep the others waiting
    order.sort(Comparator.comparingLong(i -> -symmetric.get(i).size(0)));
    Threads.sideBySide(order.stream().<Callable<Pair>>map(
        i -> () -> partial(symmetric.get(i), pairs.get(i), top)).toList());
    return pairs.stream().map(pair -> new Ops.Eigen(
        torch.flip(pair.values, 0), torch.flip(pair.vectors, 0).t())).toList();
  }

  private static Ops.Eigen full(Tensor symmetric, int top) {
    long n = symmetric.size(0);
    Placement where = new Placement(Tensors.device(symmetric), DType.F64);
    Pair kept = new Pair(Tensors.empty(where, n), Tensors.empty(where, n, top));
    try (TensorScope scope = TensorScope.open()) {
      Ops.Eigen eigen = Ops.eigen(symmetric);
      kept.values.copy_(torch.flip(eigen.values(), 0));
      kept.vectors.copy_(torch.flip(eigen.vectors().narrow(1, n - top, top), 1));
    }
    return new Ops.Eigen(kept.values, kept.vectors);
  }

  /** Fills {@code into}; LAPACK works on libtorch's memory, since Java arrays would be copied. */
  private static Pair partial(Tensor matrix, Pair into, int top) {
    int n = Math.toIntExact(matrix.size(0));
    try (TensorScope scope = TensorScope.open()) {
      DoublePointer a = pointer(Tensors.copy(matrix));
      DoublePointer diagonal = new DoublePointer(n);
      DoublePointer beside = new DoublePointer(n);
      DoublePointer tau = new DoublePointer(n);
      check(openblas.LAPACKE_dsytrd(COLUMN_MAJOR, LOWER, n, a, n, diagonal, beside, tau), "dsytrd");
      DoublePointer values = pointer(into.values);
      DoublePointer vectors = pointer(into.vectors);
      DoublePointer besideOfValues = new DoublePointer(n);
      Pointer.memcpy(values, diagonal, 8L * n);
      Pointer.memcpy(besideOfValues, beside, 8L * n);
      check(openblas.LAPACKE_dsterf(n, values, besideOfValues), "dsterf");
      check(
          openblas.LAPACKE_dstemr(
              COLUMN_MAJOR, VECTORS, BY_INDEX, n, diagonal, beside, 0, 0, n - top + 1, n,
              new IntPointer(1L), new DoublePointer(n), vectors, n, top, new IntPointer(2L * n),
              new IntPointer(1L).put(1)),
          "dstemr");
      check(
          openblas.LAPACKE_dormtr(
              COLUMN_MAJOR, LEFT, LOWER, PLAIN, n, top, a, n, tau, vectors, n),
          "dormtr");
      return into;
    }
  }

  private static DoublePointer pointer(Tensor tensor) {
    return new DoublePointer(tensor.data_ptr());
  }

  private static void check(int info, String routine) {
    if (info != 0) {
      throw new ArithmeticException(
          routine + " ended with " + info + ": the matrix has entries that are not finite numbers");
    }
  }

  /** Values (n) and vectors, as rows (top, n) from LAPACK. */
  private record Pair(Tensor values, Tensor vectors) {}
}
