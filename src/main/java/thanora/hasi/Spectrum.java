package thanora.hasi;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.DoubleStream;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

/**
 * What one task asks of one module: the singular values of K = W C (all, descending), K's leading
 * left vectors, and the entropy of the values.
 *
 * <p>Small modules are decomposed as they are. Above {@value #EXACT_UP_TO} the Gram matrix of the
 * smaller side is, in float64, at a fifth of the time. Squaring costs digits below 1e-8 of the
 * largest value; the entropy does not notice, and where one of the vectors asked for is so weak
 * that it would, the matrix is decomposed as it is after all.
 */
public final class Spectrum {
  static final int EXACT_UP_TO = 128;
  private static final double RANK_TOLERANCE = 1e-10;

  /** Vectors of values below this part of the largest are not taken from a Gram matrix. */
  private static final double WEAK = 1e-5;

  private final double[] sigma;
  private final double[] vectors;
  private final int dim;
  private final int count;
  private final int numericalRank;
  private final double entropy;

  private Spectrum(double[] sigma, Tensor vectors, double tolerance, double entropy) {
    this.sigma = sigma;
    this.dim = Math.toIntExact(vectors.size(0));
    this.numericalRank = (int) Arrays.stream(sigma).filter(s -> s > tolerance * sigma[0]).count();
    this.count = (int) Math.min(vectors.size(1), numericalRank);
    this.vectors = Tensors.doubles(Ops.narrow(vectors, 1, 0, count));
    this.entropy = entropy;
  }

  /**
   * Of one module for every task.
   *
   * @param w W (d_out, d_in), float64
   * @param moments each task's C (d_in, d_in), float64, on W's device
   * @param preview statistic, spectrum and entropy to use
   * @param top leading vectors to keep, at most; all where larger than there are
   */
  public static List<Spectrum> of(
      Tensor w, List<Tensor> moments, HasiConfig.Preview preview, int top) {
    long dOut = w.size(0);
    long dIn = w.size(1);
    boolean input = preview.statistic() == HasiConfig.Statistic.X;
    int smaller = Math.toIntExact(input ? dIn : Math.min(dOut, dIn));
    boolean exact = smaller <= EXACT_UP_TO && !input;
    int kept = Math.min(top, smaller);
    return exact
        ? Threads.onOne(() -> of(w, moments, preview, kept, true))
        : of(w, moments, preview, kept, false);
  }

  /** The same by the path that is named, so that tests can compare them. */
  static List<Spectrum> of(
      Tensor w, List<Tensor> moments, HasiConfig.Preview preview, int top, boolean exact) {
    try (TensorScope scope = TensorScope.open()) {
      List<Tensor> right = new ArrayList<>();
      for (Tensor c : moments) {
        right.add(preview.statistic() == HasiConfig.Statistic.WC_HALF ? root(c) : c);
      }
      List<Spectrum> spectra = new ArrayList<>();
      List<Ops.Eigen> eigen =
          exact ? List.of() : Ops.topEigen(grams(w, right, preview.statistic()), top);
      for (int task = 0; task < moments.size(); task++) {
        Values values =
            exact
                ? direct(w, right.get(task), top)
                : fromGram(w, right.get(task), eigen.get(task), preview.statistic(), top);
        double[] measured =
            preview.spectrumOf() == HasiConfig.SpectrumOf.COVARIANCE
                ? descending(Tensors.doubles(Ops.eigenvalues(moments.get(task))))
                : values.sigma;
        spectra.add(
            new Spectrum(
                values.sigma, values.vectors, values.tolerance,
                entropy(measured, preview.entropyPower())));
      }
      return spectra;
    }
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

  /** σ, all K = min(d_out, d_in) of them, descending. */
  public double[] sigma() {
    return sigma.clone();
  }

  /** H in [0, 1]. */
  public double entropy() {
    return entropy;
  }

  /** Singular values that are not zero to working precision. */
  public int numericalRank() {
    return numericalRank;
  }

  /** How many leading vectors are kept: what was asked for, or the numerical rank. */
  public int count() {
    return count;
  }

  /** Length of a vector: d_out (d_in for statistic X). */
  public int dim() {
    return dim;
  }

  /** Leading vectors as columns (dim, count), float64, in main memory, in the caller's scope. */
  public Tensor vectors() {
    return count == 0
        ? Tensors.zeros(new Placement("cpu", DType.F64), dim, 0)
        : Tensors.of(vectors, dim, count);
  }

  private record Values(double[] sigma, Tensor vectors, double tolerance) {}

  private static Values direct(Tensor w, Tensor right, int top) {
    Ops.Svd svd = Ops.svd(Ops.matmul(w, right));
    return new Values(
        Tensors.doubles(svd.sigma()), Ops.narrow(svd.u(), 1, 0, top), RANK_TOLERANCE);
  }

  /** K Kᵀ or Kᵀ K = C (Wᵀ W) C, whichever is smaller; C itself for statistic X. */
  private static List<Tensor> grams(Tensor w, List<Tensor> right, HasiConfig.Statistic statistic) {
    if (statistic == HasiConfig.Statistic.X) {
      return right;
    }
    boolean tall = w.size(0) > w.size(1);
    Tensor shared = tall ? Ops.matmul(Ops.transpose(w), w) : w;
    List<Tensor> grams = new ArrayList<>();
    for (Tensor c : right) {
      grams.add(TensorScope.keep(() -> gram(shared, c, tall)));
    }
    return grams;
  }

  private static Tensor gram(Tensor shared, Tensor c, boolean tall) {
    Tensor product = Ops.matmul(shared, c);
    return tall ? Ops.matmul(c, product) : Ops.matmul(product, Ops.transpose(product));
  }

  private static Values fromGram(
      Tensor w, Tensor right, Ops.Eigen eigen, HasiConfig.Statistic statistic, int top) {
    double[] sigma = Tensors.doubles(eigen.values());
    for (int i = 0; i < sigma.length; i++) {
      sigma[i] = Math.sqrt(Math.max(0, sigma[i]));
    }
    if (statistic != HasiConfig.Statistic.X && sigma[top - 1] < WEAK * sigma[0]) {
      return direct(w, right, top);
    }
    double tolerance = Math.max(RANK_TOLERANCE, Math.sqrt(sigma.length * Math.ulp(1.0)));
    Tensor vectors = eigen.vectors();
    if (statistic != HasiConfig.Statistic.X && w.size(0) > w.size(1)) {
      Tensor v = Tensors.to(vectors, new Placement(Tensors.device(w), DType.F64));
      vectors = leftFromRight(Ops.matmul(w, Ops.matmul(right, v)), sigma);
    }
    return new Values(sigma, vectors, tolerance);
  }

  /** u = K v / σ, orthonormalised again, since weak vectors lose digits in the division. */
  private static Tensor leftFromRight(Tensor kv, double[] sigma) {
    int top = Math.toIntExact(kv.size(1));
    double[] inverse = new double[top];
    for (int i = 0; i < top; i++) {
      inverse[i] = sigma[i] > 0 ? 1 / sigma[i] : 0;
    }
    Tensor scaled =
        Ops.mul(Tensors.to(kv, new Placement("cpu", DType.F64)), Tensors.of(inverse, 1, top));
    return Threads.onOne(() -> Ops.orthonormal(scaled));
  }

  /** The symmetric square root of C. */
  private static Tensor root(Tensor c) {
    return TensorScope.keep(
        () -> {
          Ops.Eigen eigen = Ops.eigen(c);
          Tensor roots = Ops.sqrt(Ops.atLeast(eigen.values(), 0));
          return Ops.matmul(Ops.mul(eigen.vectors(), roots), Ops.transpose(eigen.vectors()));
        });
  }

  private static double[] descending(double[] ascending) {
    double[] values = new double[ascending.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = Math.max(0, ascending[values.length - 1 - i]);
    }
    return values;
  }
}
