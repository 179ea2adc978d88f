package thanora.serve;

import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Where the pieces of a request's texts come out. Closing it ends what is not finished. */
public final class Ticket implements AutoCloseable {
  private final BlockingQueue<Object> pieces = new LinkedBlockingQueue<>();
  private final int texts;
  private final long deadline;
  private volatile boolean cancelled;
  private int finished;

  Ticket(int texts, long deadlineNanos) {
    this.texts = texts;
    this.deadline = deadlineNanos;
  }

  void put(Piece piece) {
    pieces.add(piece);
  }

  void fail(RuntimeException failure) {
    pieces.add(failure);
  }

  boolean cancelled() {
    return cancelled;
  }

  boolean late() {
    return System.nanoTime() - deadline > 0;
  }

  /** Whether the last piece of every text has been taken. */
  public boolean done() {
    return finished == texts;
  }

  /**
   * The next piece of any text; null where none comes in time.
   *
   * @throws RuntimeException what generation failed with
   */
  public Piece poll(long millis) throws InterruptedException {
    Object next = pieces.poll(millis, TimeUnit.MILLISECONDS);
    if (next instanceof RuntimeException failure) {
      throw failure;
    }
    Piece piece = (Piece) next;
    finished += piece != null && piece.isLast() ? 1 : 0;
    return piece;
  }

  @Override
  public void close() {
    cancelled = true;
  }
}
