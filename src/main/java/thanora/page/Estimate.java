package thanora.page;

/**
 * A number and its 95 % interval; NaN throughout where a run diverged.
 *
 * @param value from all seeds and rows
 * @param low lower end
 * @param high upper end
 */
public record Estimate(double value, double low, double high) {
  public static final Estimate NONE = new Estimate(Double.NaN, Double.NaN, Double.NaN);

  /** Whether there is a number. */
  public boolean isKnown() {
    return !Double.isNaN(value);
  }
}
