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
    long resident = outsideHeap();
    for (int i = 0; i < times; i++) {
      work.run();
    }
    assertThat(Pointer.totalCount()).as("native objects that Java holds")
        .isLessThanOrEqualTo(tensors);
    settled();
    assertThat(outsideHeap() - resident).as("growth of resident memory outside Java's heap, in bytes")
        .isLessThan(Math.max(times * 4096L, 16L << 20));
  }

  /** Resident memory without Java's heap, which grows and shrinks as the collector likes. */
  private static long outsideHeap() {
    return Pointer.physicalBytes() - Runtime.getRuntime().totalMemory();
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
