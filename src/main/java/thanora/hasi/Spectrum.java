package thanora.hasi;

import java.util.Arrays;
import java.util.stream.DoubleStream;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.Tensors;

/**
 * What one task asks of one module: the singular values of its statistic K (all, descending), K's
 * leading vectors, and the entropy of the values. {@link LayerSpectra} makes those of K = W C, with
 * left vectors, {@link MomentSpectra} the same of wide layers by estimates, {@link GradientSpectra} those of
 * the gradient, with right vectors v and K v.
 */
public final class Spectrum {
  private static final Placement EXACT = new Placement("cpu", DType.F64);

  private final double[] sigma;
  private final double[] vectors;
  private final double[] images;
  private final int dim;
  private final int count;
  private final int numericalRank;
  private final double entropy;

  /**
   * From a decomposition.
   *
   * @param sigma all values, descending
   * @param vectors the leading ones as columns
   * @param tolerance values below this part of the largest count as zero
   */
  Spectrum(double[] sigma, Tensor vectors, double tolerance, double entropy) {
    this(sigma, vectors, Tensors.zeros(EXACT, 0, vectors.size(1)), tolerance, entropy);
  }

  /** The same with right vectors and K v of each, as columns. */
  Spectrum(double[] sigma, Tensor vectors, Tensor images, double tolerance, double entropy) {
    this(sigma, vectors, images, above(tolerance, sigma), entropy);
  }

  private Spectrum(double[] sigma, Tensor vectors, Tensor images, int numericalRank, double entropy) {
    this.sigma = sigma;
    this.dim = Math.toIntExact(vectors.size(0));
    this.numericalRank = numericalRank;
    this.count = (int) Math.min(vectors.size(1), numericalRank);
    this.vectors = Tensors.doubles(Ops.narrow(vectors, 1, 0, count));
    this.images = Tensors.doubles(Ops.narrow(images, 1, 0, count));
    this.entropy = entropy;
  }

  /**
   * Of leading values alone.
   *
   * @param sigma leading values, descending
   * @param vectors as many
   * @param rank of the statistic at most; taken for its rank unless a leading value is 0 already
   */
  static Spectrum estimated(
      double[] sigma, Tensor vectors, double tolerance, double entropy, int rank) {
    int above = above(tolerance, sigma);
    return new Spectrum(sigma, vectors, Tensors.zeros(EXACT, 0, vectors.size(1)),
        above < sigma.length ? Math.min(above, rank) : rank, entropy);
  }

  /** That of a task that sends nothing through a module. */
  static Spectrum none(int dOut, int dIn, int top) {
    int kept = Math.min(top, Math.min(dOut, dIn));
    return new Spectrum(new double[kept], Tensors.zeros(EXACT, dOut, 0), Tensors.zeros(EXACT, 0, 0), 0, 0);
  }

  private static int above(double tolerance, double[] sigma) {
    return (int) Arrays.stream(sigma).filter(s -> s > tolerance * sigma[0]).count();
  }

  /**
   * H = −Σ p ln p / ln K in [0, 1] with p = σ/Σσ (or σ²/Σσ²); 0 where all values are 0.
   *
   * @param sigma K values, none negative
   */
  public static double entropy(double[] sigma, HasiConfig.EntropyPower power) {
    boolean squared = power == HasiConfig.EntropyPower.SIGMA_SQUARED;
    double[] mass = Arrays.stream(sigma).map(s -> squared ? s * s : s).toArray();
    double total = DoubleStream.of(mass).sum();
    if (total == 0 || mass.length == 1) {
      return 0;
    }
    double sum = 0;
    for (double m : mass) {
      double p = m / total;
      sum -= p > 0 ? p * Math.log(p) : 0;
    }
    return Math.min(1, Math.max(0, sum / Math.log(mass.length)));
  }

  /** σ, descending: all K = min(d_out, d_in) of them, or leading ones where spectra are estimated. */
  public double[] sigma() {
    return sigma.clone();
  }

  /** H in [0, 1]. */
  public double entropy() {
    return entropy;
  }

  /** Singular values that are not zero to working precision; at most as many where they are estimated. */
  public int numericalRank() {
    return numericalRank;
  }

  /** How many leading vectors are kept: what was asked for, or the numerical rank. */
  public int count() {
    return count;
  }

  /** Length of a vector: d_out, or d_in where subspaces are of inputs. */
  public int dim() {
    return dim;
  }

  /** Leading vectors as columns (dim, count), float64, in main memory, in the caller's scope. */
  public Tensor vectors() {
    return count == 0 ? Tensors.zeros(EXACT, dim, 0) : Tensors.of(vectors, dim, count);
  }

  /** K v of each right vector v as columns (d_out, count), likewise; no rows without right vectors. */
  Tensor images() {
    return images.length == 0
        ? Tensors.zeros(EXACT, 0, count) : Tensors.of(images, images.length / count, count);
  }
}
