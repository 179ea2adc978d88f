package thanora.tensor;

import org.bytedeco.pytorch.Tensor;

/** How fast a machine multiplies matrices: a probe of less than a second. */
public final class MatrixSpeed {
  private static final double SECONDS = 0.3;

  private MatrixSpeed() {}

  /** Floating point operations a second of products (n, width) (width, width), by as many threads as are set. */
  public static double probe(Placement placement, int n, int width) {
    try (TensorScope scope = TensorScope.open(); NoGrad off = NoGrad.open()) {
      Tensors.seed(0);
      Tensor x = Tensors.uniform(placement, 1, n, width);
      Tensor w = Tensors.uniform(placement, 1, width, width);
      multiply(x, w, 1); // libraries and clocks warm up
      int times = 1;
      while (true) {
        long start = System.nanoTime();
        multiply(x, w, times);
        double seconds = (System.nanoTime() - start) / 1e9;
        if (seconds >= SECONDS / 2) {
          return 2.0 * n * width * width * times / seconds;
        }
        times = (int) Math.min(1 << 20, Math.max(2.0 * times, Math.ceil(SECONDS * times / Math.max(seconds, 1e-6))));
      }
    }
  }

  /** Waits for the last product: a GPU is asked for one of its numbers. */
  private static void multiply(Tensor x, Tensor w, int times) {
    try (TensorScope scope = TensorScope.open()) {
      Tensor y = Tensors.zeros(new Placement(Tensors.device(x), DType.of(x)), x.size(0), w.size(1));
      for (int i = 0; i < times; i++) {
        Ops.addMatmulInPlace(y, x, w);
      }
      Tensors.item(y.view(-1).narrow(0, 0, 1));
    }
  }
}
