package thanora.compare;

import thanora.page.Estimate;

/**
 * A method minus the reference, on the same rows and seeds.
 *
 * @param estimate the difference and its 95 % interval, not corrected for many comparisons
 * @param p two-sided; NaN where a run diverged
 * @param correctedP p after {@link Holm}'s correction, over the family that {@link Findings} names
 */
public record Difference(Estimate estimate, double p, double correctedP) {
  /** Below this corrected p a difference is called one. */
  public static final double LEVEL = 0.05;

  /** Whether the corrected p is below {@link #LEVEL}; never where a run diverged. */
  public boolean isSignificant() {
    return correctedP < LEVEL;
  }

  /** Whether the method's number is significantly smaller than the reference's. */
  public boolean isLower() {
    return isSignificant() && estimate.value() < 0;
  }

  /** Whether the method's number is significantly larger than the reference's. */
  public boolean isHigher() {
    return isSignificant() && estimate.value() > 0;
  }

  Difference withCorrectedP(double corrected) {
    return new Difference(estimate, p, corrected);
  }
}
