package thanora;

import static org.assertj.core.api.Assertions.assertThat;

import org.bytedeco.javacpp.Pointer;

/** Whether native memory stays where it is. */
public final class Memory {
  private Memory() {}

  private static final int WINDOWS = 4;

  /**
   * Repeats {@code work}, first to warm up, then to be measured: the tensors that Java holds must
   * not grow by one, and the process by less than a page for each time.
   *
   * <p>Compiled code, the collector's own tables and the allocator's arenas grow too, now and then:
   * a leak is what grows in each of several windows.
   */
  public static void assertFlat(int warmUp, int times, Runnable work) {
    repeat(warmUp, work);
    long tensors = settled();
    long allowed = Math.max(times * 4096L, 16L << 20);
    long least = Long.MAX_VALUE;
    for (int window = 0; window < WINDOWS && least >= allowed; window++) {
      long resident = outsideHeap();
      repeat(times, work);
      assertThat(Pointer.totalCount()).as("native objects that Java holds")
          .isLessThanOrEqualTo(tensors);
      settled();
      least = Math.min(least, outsideHeap() - resident);
    }
    assertThat(least)
        .as("least growth of resident memory outside Java's heap in %d windows, in bytes", WINDOWS)
        .isLessThan(allowed);
  }

  private static void repeat(int times, Runnable work) {
    for (int i = 0; i < times; i++) {
      work.run();
    }
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
