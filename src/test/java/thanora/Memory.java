package thanora;

import static org.assertj.core.api.Assertions.assertThat;

import org.bytedeco.javacpp.Pointer;

/** Whether native memory stays where it is. */
public final class Memory {
  private Memory() {}

  /**
   * Repeats {@code work}, first to warm up, then to be measured: the tensors that Java holds must
   * not grow by one, and the process by less than a page for each time.
   */
  public static void assertFlat(int warmUp, int times, Runnable work) {
    for (int i = 0; i < warmUp; i++) {
      work.run();
    }
    long tensors = settled();
    long resident = Pointer.physicalBytes();
    for (int i = 0; i < times; i++) {
      work.run();
    }
    assertThat(Pointer.totalCount()).as("native objects that Java holds")
        .isLessThanOrEqualTo(tensors);
    settled(); // the collector shrinks Java's heap, which counts as resident too
    assertThat(Pointer.physicalBytes() - resident).as("growth of resident memory in bytes")
        .isLessThan(Math.max(times * 4096L, 16L << 20));
  }

  /** Counted after the collector has freed what earlier tests forgot. */
  private static long settled() {
    for (int i = 0; i < 3; i++) {
      System.gc();
      try {
        Thread.sleep(10);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    return Pointer.totalCount();
  }
}
