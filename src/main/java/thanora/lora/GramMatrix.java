package thanora.lora;

import java.util.Arrays;
import java.util.stream.IntStream;

/** Inner products of the gradients of tasks, row-major, with the checks that all rules share. */
record GramMatrix(double[] values, int tasks) {
  static GramMatrix of(double[] values, int tasks) {
    if (tasks < 0 || values.length != tasks * tasks) {
      throw new IllegalArgumentException(
          values.length + " inner products are not those of " + tasks
              + " tasks; give tasks squared");
    }
    return new GramMatrix(values, tasks);
  }

  /** ⟨g_i, g_j⟩. */
  double at(int i, int j) {
    return values[i * tasks + j];
  }

  /** Tasks whose gradient is not zero. */
  int[] present() {
    return IntStream.range(0, tasks).filter(i -> at(i, i) > 0).toArray();
  }

  boolean isFinite() {
    return Arrays.stream(values).allMatch(Double::isFinite);
  }

  double[] ones() {
    double[] ones = new double[tasks];
    Arrays.fill(ones, 1);
    return ones;
  }
}
