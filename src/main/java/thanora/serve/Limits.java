package thanora.serve;

/**
 * What one request may ask of a server, and all together.
 *
 * @param parallel texts generated at once
 * @param queue texts that may wait
 * @param maxNewTokens tokens of a text
 * @param maxLength tokens of a prompt and its text
 * @param seconds after which a text ends as it is
 * @param bodyBytes bytes of a request
 */
public record Limits(int parallel, int queue, int maxNewTokens, int maxLength, int seconds, int bodyBytes) {
  /** Refuses what leaves nothing. */
  public Limits {
    require("parallel", parallel, 1);
    require("queue", queue, 0);
    require("max-new-tokens", maxNewTokens, 1);
    require("max-length", maxLength, 2);
    require("timeout", seconds, 1);
    require("max-body", bodyBytes, 1);
  }

  private static void require(String name, int value, int least) {
    if (value < least) {
      throw new IllegalArgumentException("--" + name + " " + value + " is smaller than " + least + "; give " + least + " or more");
    }
  }
}
