package thanora.hub;

/** A repository, revision or file that is not there, or not for this user. */
public final class HubMissingException extends HubException {
  public HubMissingException(String message) {
    super(message);
  }
}
