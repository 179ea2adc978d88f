package thanora.hasi;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.function.IntFunction;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

/**
 * The spectra of a layer's modules for every task: what the initialisation spends its time on.
 *
 * <p>Small modules are decomposed as they are. Above {@value #EXACT_UP_TO} the Gram matrix of the
 * smaller side is, in float64, at a fifth of the time. Squaring costs digits below 1e-8 of the
 * largest value; the entropy does not notice, and where one of the vectors asked for is so weak
 * that it would, the matrix is decomposed as it is after all.
 *
 * <p>All matrices are decomposed side by side, so that they fill the cores. The second moments
 * are wider; they are normalised one at a time, and again where they are needed again.
 */
final class LayerSpectra {
  static final int EXACT_UP_TO = 128;
  private static final double RANK_TOLERANCE = 1e-10;

  /** Vectors of values below this part of the largest are not taken from a Gram matrix. */
  private static final double WEAK = 1e-5;

  private final HasiConfig.Preview preview;
  private final boolean ofInput;
  private final int top;

  /**
   * With these options.
   *
   * @param preview statistic, spectrum and entropy to use
   * @param top leading vectors to keep of each, at most; all where larger than there are
   */
  LayerSpectra(HasiConfig.Preview preview, int top) {
    this.preview = preview;
    this.ofInput = preview.statistic() == HasiConfig.Statistic.X;
    this.top = top;
  }

  /**
   * One module.
   *
   * @param w W (d_out, d_in), float64
   * @param tasks how many
   * @param moments makes a task's C (d_in, d_in), float64, on W's device, in the caller's scope
   */
  record Source(Tensor w, int tasks, IntFunction<Tensor> moments) {
    boolean tall() {
      return w.size(0) > w.size(1);
    }
  }

  /** Of every module, for every task. */
  List<List<Spectrum>> of(List<Source> modules) {
    return of(modules, module -> !ofInput && smaller(module) <= EXACT_UP_TO);
  }

  /** The same by the path that is named, so that tests can compare them. */
  List<List<Spectrum>> of(List<Source> modules, Predicate<Source> exact) {
    try (TensorScope scope = TensorScope.open(); NoGrad off = NoGrad.open()) {
      List<Spectrum[]> spectra = new ArrayList<>();
      List<Statistic> small = new ArrayList<>();
      Map<Integer, List<Statistic>> grams = new TreeMap<>();
      for (Source module : modules) {
        Spectrum[] into = new Spectrum[module.tasks];
        spectra.add(into);
        if (exact.test(module)) {
          small.addAll(statistics(module, into));
        } else {
          grams.computeIfAbsent(kept(module), kept -> new ArrayList<>()).addAll(grams(module, into));
        }
      }
      direct(small);
      grams.forEach(this::decompose);
      return spectra.stream().map(Arrays::asList).toList();
    }
  }

  private int smaller(Source module) {
    long dIn = module.w.size(1);
    return Math.toIntExact(ofInput ? dIn : Math.min(module.w.size(0), dIn));
  }

  private int kept(Source module) {
    return Math.min(top, smaller(module));
  }

  /** C, or its root where the statistic wants that. */
  private Tensor right(Source module, int task) {
    Tensor c = module.moments.apply(task);
    return preview.statistic() == HasiConfig.Statistic.WC_HALF ? root(c) : c;
  }

  /** K, K Kᵀ or Kᵀ K of one module and task; where its spectrum goes. */
  private record Statistic(Source module, int task, Tensor matrix, Spectrum[] into) {}

  /** K = W C for each task. */
  private List<Statistic> statistics(Source module, Spectrum[] into) {
    return Threads.onOne(() -> IntStream.range(0, module.tasks)
        .mapToObj(task -> new Statistic(module, task, statistic(module, task), into)).toList());
  }

  private Tensor statistic(Source module, int task) {
    return TensorScope.keep(() -> Ops.matmul(module.w, right(module, task)));
  }

  /** Decompositions of K itself; in main memory one a core. */
  private void direct(List<Statistic> statistics) {
    if (statistics.stream().anyMatch(one -> one.matrix.is_cuda())) {
      Threads.onOne(() -> statistics.stream().map(this::direct).toList());
    } else {
      Threads.sideBySide(statistics.stream().map(one -> (Callable<Spectrum>) () -> direct(one)).toList());
    }
  }

  private Spectrum direct(Statistic one) {
    try (TensorScope scope = TensorScope.open(); NoGrad off = NoGrad.open()) {
      Ops.Svd svd = Ops.svd(one.matrix);
      Tensor vectors = Ops.narrow(svd.u(), 1, 0, kept(one.module));
      Spectrum spectrum =
          spectrum(one.module, one.task, Tensors.doubles(svd.sigma()), vectors, RANK_TOLERANCE);
      one.into[one.task] = spectrum;
      return spectrum;
    }
  }

  /** K Kᵀ or Kᵀ K = C (Wᵀ W) C, whichever is smaller; C itself for statistic X. */
  private List<Statistic> grams(Source module, Spectrum[] into) {
    boolean tall = module.tall() && !ofInput;
    Tensor shared = tall ? Ops.matmul(Ops.transpose(module.w), module.w) : module.w;
    List<Statistic> grams = new ArrayList<>();
    for (int i = 0; i < module.tasks; i++) {
      int task = i;
      Tensor matrix = TensorScope.keep(() -> {
        Tensor c = right(module, task);
        return ofInput ? c : gram(shared, c, tall);
      });
      grams.add(new Statistic(module, task, matrix, into));
    }
    return grams;
  }

  private static Tensor gram(Tensor shared, Tensor c, boolean tall) {
    Tensor product = Ops.matmul(shared, c);
    return tall ? Ops.matmul(c, product) : Ops.matmul(product, Ops.transpose(product));
  }

  private void decompose(int kept, List<Statistic> grams) {
    List<Ops.Eigen> eigen = Ops.topEigen(grams.stream().map(Statistic::matrix).toList(), kept);
    for (int i = 0; i < eigen.size(); i++) {
      try (TensorScope scope = TensorScope.open()) {
        Statistic gram = grams.get(i);
        gram.into[gram.task] = fromGram(gram, eigen.get(i), kept);
      }
    }
  }

  private Spectrum fromGram(Statistic gram, Ops.Eigen eigen, int kept) {
    Source module = gram.module;
    int task = gram.task;
    double[] sigma = sigma(eigen);
    if (!ofInput && sigma[kept - 1] < WEAK * sigma[0]) {
      return direct(new Statistic(module, task, statistic(module, task), gram.into));
    }
    double tolerance = Math.max(RANK_TOLERANCE, gramTolerance(sigma.length));
    Tensor vectors = eigen.vectors();
    if (!ofInput && module.tall()) {
      Tensor v = Tensors.to(vectors, new Placement(Tensors.device(module.w), DType.F64));
      vectors = otherSide(Ops.matmul(module.w, Ops.matmul(right(module, task), v)), sigma);
    }
    return spectrum(module, task, sigma, vectors, tolerance);
  }

  private Spectrum spectrum(
      Source module, int task, double[] sigma, Tensor vectors, double tolerance) {
    double[] measured =
        preview.spectrumOf() == HasiConfig.SpectrumOf.COVARIANCE
            ? descending(Tensors.doubles(Ops.eigenvalues(module.moments.apply(task))))
            : sigma;
    double entropy = Spectrum.entropy(measured, preview.entropyPower());
    return new Spectrum(sigma, vectors, tolerance, entropy);
  }

  /** Singular values of K from the eigenvalues of its Gram matrix. */
  static double[] sigma(Ops.Eigen eigen) {
    double[] sigma = Tensors.doubles(eigen.values());
    for (int i = 0; i < sigma.length; i++) {
      sigma[i] = Math.sqrt(Math.max(0, sigma[i]));
    }
    return sigma;
  }

  /** Part of the largest below which a value from an n x n Gram matrix may be rounding alone. */
  static double gramTolerance(int n) {
    return Math.sqrt(n * Math.ulp(1.0));
  }

  /**
   * Vectors of the other side from those that the Gram matrix has, u = K v / σ or v = Kᵀ u / σ, in
   * main memory; orthonormalised again, since weak ones lose digits in the division.
   *
   * @param product K v or Kᵀ u
   */
  static Tensor otherSide(Tensor product, double[] sigma) {
    int top = Math.toIntExact(product.size(1));
    double[] inverse = new double[top];
    for (int i = 0; i < top; i++) {
      inverse[i] = sigma[i] > 0 ? 1 / sigma[i] : 0;
    }
    Tensor scaled =
        Ops.mul(Tensors.to(product, new Placement("cpu", DType.F64)), Tensors.of(inverse, 1, top));
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
