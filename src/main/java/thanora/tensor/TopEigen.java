package thanora.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
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
    List<Callable<Pair>> tasks = new ArrayList<>();
    for (Tensor matrix : symmetric) {
      double[] copy = Tensors.doubles(matrix);
      int n = Math.toIntExact(matrix.size(0));
      tasks.add(() -> partial(copy, n, top));
    }
    List<Ops.Eigen> results = new ArrayList<>();
    for (Pair pair : Threads.sideBySide(tasks)) {
      int n = pair.values.length;
      Tensor rows = torch.flip(Tensors.of(pair.vectors, top, n), 0);
      results.add(new Ops.Eigen(torch.flip(Tensors.of(pair.values, n), 0), rows.t()));
    }
    return results;
  }

  private static Ops.Eigen full(Tensor symmetric, int top) {
    Ops.Eigen eigen = Ops.eigen(symmetric);
    long n = symmetric.size(0);
    return new Ops.Eigen(
        torch.flip(eigen.values(), 0), torch.flip(eigen.vectors().narrow(1, n - top, top), 1));
  }

  private static Pair partial(double[] a, int n, int top) {
    double[] diagonal = new double[n];
    double[] beside = new double[n];
    double[] tau = new double[n];
    check(openblas.LAPACKE_dsytrd(COLUMN_MAJOR, LOWER, n, a, n, diagonal, beside, tau), "dsytrd");
    double[] values = diagonal.clone();
    check(openblas.LAPACKE_dsterf(n, values, beside.clone()), "dsterf");
    double[] vectors = new double[n * top];
    check(
        openblas.LAPACKE_dstemr(
            COLUMN_MAJOR, VECTORS, BY_INDEX, n, diagonal, beside, 0, 0, n - top + 1, n, new int[1],
            new double[n], vectors, n, top, new int[2 * n], new int[] {1}),
        "dstemr");
    check(
        openblas.LAPACKE_dormtr(
            COLUMN_MAJOR, LEFT, LOWER, PLAIN, n, top, a, n, tau, vectors, n),
        "dormtr");
    return new Pair(values, vectors);
  }

  private static void check(int info, String routine) {
    if (info != 0) {
      throw new ArithmeticException(
          routine + " ended with " + info + ": the matrix has entries that are not finite numbers");
    }
  }

  /** Ascending values (n), vectors of the largest ones, one after the other (top x n). */
  private record Pair(double[] values, double[] vectors) {}
}
