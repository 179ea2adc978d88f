package thanora.serve;

/** No request is taken now: too many wait, or the engine ends. */
public final class BusyException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final boolean ending;

  BusyException(String message, boolean ending) {
    super(message);
    this.ending = ending;
  }

  /** Whether it will never take one again. */
  public boolean isEnding() {
    return ending;
  }
}
