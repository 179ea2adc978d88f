package thanora.dist;

import org.bytedeco.pytorch.Tensor;

/** The processes that train one adapter together. */
public interface ProcessGroup {
  /** This process's number, from 0. */
  int rank();

  /** Number of processes. */
  int size();

  /** Replaces the tensor, in place, by its sum over all processes. */
  void sum(Tensor tensor);

  /** The sum of a number over all processes. */
  double sum(double value);

  /** A group of one. */
  static ProcessGroup single() {
    return new ProcessGroup() {
      @Override
      public int rank() {
        return 0;
      }

      @Override
      public int size() {
        return 1;
      }

      @Override
      public void sum(Tensor tensor) {}

      @Override
      public double sum(double value) {
        return value;
      }
    };
  }
}
