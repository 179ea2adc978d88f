package thanora.compare;

/** Quantiles of Student's t, for fractional degrees of freedom. */
final class StudentT {
  /** The normal distribution's two-sided 95 % point, where the degrees of freedom are many. */
  static final double NORMAL = 1.959963984540054;

  private static final int CELLS = 4000;

  private StudentT() {}

  /**
   * The t with 95 % of the distribution between −t and t, to about 1e-4 of it.
   *
   * <p>With t = √df tan θ the density in θ is proportional to cos^(df−1) θ on [0, π/2], so the
   * quantile is a ratio of two sums and needs no gamma function.
   *
   * @param df degrees of freedom, at least 1
   */
  static double twoSided95(double df) {
    if (!(df < 2000)) {
      return NORMAL;
    }
    double[] sums = new double[CELLS + 1];
    for (int i = 0; i < CELLS; i++) {
      sums[i + 1] = sums[i] + Math.pow(Math.cos((i + 0.5) / CELLS * Math.PI / 2), df - 1);
    }
    double wanted = 0.95 * sums[CELLS];
    int cell = 0;
    while (sums[cell + 1] < wanted) {
      cell++;
    }
    double within = (wanted - sums[cell]) / (sums[cell + 1] - sums[cell]);
    return Math.sqrt(df) * Math.tan((cell + within) / CELLS * Math.PI / 2);
  }
}
