package thanora.hasi;

/** A rank plan's fault, in one line: the module or field, the rule, the remedy. */
public final class RankPlanException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public RankPlanException(String message) {
    super(message);
  }
}
