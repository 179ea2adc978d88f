package thanora.hub;

import java.io.IOException;
import java.nio.channels.UnresolvedAddressException;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Tries again what failed by the network or a busy server, with longer and longer pauses.
 *
 * @param firstPause doubles each time
 * @param notes gets a line where a pause is long
 */
record Patience(Duration firstPause, Consumer<String> notes) {
  /** Tries after the first one. */
  private static final int MOST = 5;

  /** A pause that is worth a word. */
  private static final Duration LONG = Duration.ofSeconds(5);

  /** Longer than this nobody waits without having decided to. */
  private static final Duration LONGEST = Duration.ofMinutes(5);

  /** A server that cannot answer now. */
  static final class BusyException extends IOException {
    private final Optional<Duration> wait;

    /**
     * @param wait what it asks for
     */
    BusyException(String message, Optional<Duration> wait) {
      super(message);
      this.wait = wait;
    }
  }

  /** Something that may fail by the network. */
  @FunctionalInterface
  interface Attempt<T> {
    T run() throws IOException;
  }

  /** Repeats an attempt until it succeeds, or until there is no hope. */
  <T> T until(String host, Attempt<T> attempt) {
    for (int failures = 1;; failures++) {
      try {
        return attempt.run();
      } catch (IOException e) {
        pause(host, e, failures);
      }
    }
  }

  /**
   * Waits after a failure.
   *
   * @param failures so many in a row, this one included
   * @throws HubException if these were too many, or if nobody was there from the start
   */
  void pause(String host, IOException failure, int failures) {
    boolean busy = failure instanceof BusyException;
    if (failures > MOST || failures == 1 && HubClient.isUnreachable(failure)) {
      throw new HubException(busy ? failure.getMessage() : unreachable(host, failure), failure);
    }
    Duration pause = firstPause.multipliedBy(1L << (failures - 1));
    if (failure instanceof BusyException asked && asked.wait.isPresent() && asked.wait.get().compareTo(pause) > 0) {
      pause = asked.wait.get();
    }
    if (pause.compareTo(LONGEST) > 0) {
      throw new HubException(failure.getMessage() + "; it asks for " + pause.toSeconds() + " s", failure);
    }
    if (pause.compareTo(LONG) > 0) {
      notes.accept((busy ? failure.getMessage() : host + " does not answer") + "; next try in " + pause.toSeconds() + " s");
    }
    sleep(pause);
  }

  private static String unreachable(String host, IOException e) {
    Throwable reason = e;
    while (reason.getMessage() == null && reason.getCause() != null) {
      reason = reason.getCause();
    }
    String text = reason instanceof UnresolvedAddressException ? "its name is unknown"
        : reason.getMessage() == null ? reason.getClass().getSimpleName() : reason.getMessage();
    return host + " cannot be reached (" + text.replaceAll("\\s+", " ") + "); check the network and HF_ENDPOINT, or give a"
        + " model that is here already";
  }

  private static void sleep(Duration time) {
    try {
      Thread.sleep(time.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new HubException("interrupted while waiting for the hub", e);
    }
  }
}
