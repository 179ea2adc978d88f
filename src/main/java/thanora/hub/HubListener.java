package thanora.hub;

/** Receives what a download is doing. It may end one by throwing; what came so far is kept. */
public interface HubListener {
  /** Shows nothing. */
  HubListener SILENT = new HubListener() {};

  /** Files of so many bytes will be fetched. */
  default void begin(Repo repo, long bytes) {}

  /** So many bytes of them are there; may go back where a server starts again. */
  default void fetched(long bytes) {}

  /** A line worth reading. */
  default void note(String line) {}
}
