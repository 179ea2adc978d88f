package thanora.hub;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** Closes a stream from which nothing has come for a while, so that reading it fails. */
final class Stall implements AutoCloseable {
  private final ScheduledExecutorService timer;
  private volatile long moved = System.nanoTime();

  private Stall(ScheduledExecutorService timer) {
    this.timer = timer;
  }

  static Stall watch(Closeable stream, Duration limit) {
    ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor(task -> {
      Thread thread = new Thread(task, "hub download timeout");
      thread.setDaemon(true);
      return thread;
    });
    Stall stall = new Stall(timer);
    long period = Math.max(1, limit.toMillis() / 4);
    timer.scheduleAtFixedRate(() -> {
      if (System.nanoTime() - stall.moved > limit.toNanos()) {
        close(stream);
      }
    }, period, period, TimeUnit.MILLISECONDS);
    return stall;
  }

  /** All bytes of a stream, which is closed. */
  static byte[] readAll(InputStream stream, Duration limit) throws IOException {
    try (stream; Stall stall = watch(stream, limit)) {
      ByteArrayOutputStream all = new ByteArrayOutputStream();
      byte[] buffer = new byte[1 << 14];
      for (int n = stream.read(buffer); n > 0; n = stream.read(buffer)) {
        all.write(buffer, 0, n);
        stall.moved();
      }
      return all.toByteArray();
    }
  }

  private static void close(Closeable stream) {
    try {
      stream.close();
    } catch (IOException closedAlready) {
      // the reader sees that
    }
  }

  /** Something came. */
  void moved() {
    moved = System.nanoTime();
  }

  @Override
  public void close() {
    timer.shutdownNow();
  }
}
