package thanora.train;

/** A run that was asked to stop and did, in one line: where it stands, and how to go on. */
public final class StoppedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public StoppedException(String message) {
    super(message);
  }
}
