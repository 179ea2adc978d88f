package thanora.hub;

/** The hub did not give what was asked of it, in one line: what, why, and what to do. */
public class HubException extends RuntimeException {
  public HubException(String message) {
    super(message);
  }

  public HubException(String message, Throwable cause) {
    super(message, cause);
  }
}
