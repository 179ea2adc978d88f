package thanora.hasi;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

/**
 * The spectra of one layer of a wide model, task by task, so that the moments of one task are enough.
 *
 * <p>Layers that are wide themselves are never decomposed: their leading vectors and the entropy of
 * their singular values come from products with a few columns ({@link SampledEigen}), of moments in
 * float32 that are normalised in place. The others go the exact way of {@link LayerSpectra}.
 */
public final class MomentSpectra implements TaskSpectra {
  /** Leading values below this part of the largest are rounding of float32 products. */
  private static final double TOLERANCE = 1e-6;

  private final Map<HasiStarts.Asked, Made> made = new LinkedHashMap<>();
  private final HasiConfig.Preview preview;
  private final Map<List<Integer>, float[]> draws = new ConcurrentHashMap<>();

  /** What starts that ask for the same have in common. */
  private record Made(HasiConfig.Preview preview, int top, Map<String, List<Spectrum>> byModule) {
    Made(Hasi start) {
      this(start.config().preview(), start.top(), new HashMap<>());
    }

    void put(Hasi.Module module, Spectrum spectrum) {
      byModule.computeIfAbsent(module.name(), name -> new ArrayList<>()).add(spectrum);
    }
  }

  /**
   * Of no task yet; for starts that share a preview pass.
   *
   * @throws IllegalArgumentException where deflation wants all vectors
   */
  public MomentSpectra(List<Hasi> starts) {
    starts.forEach(start -> made.putIfAbsent(new HasiStarts.Asked(start), new Made(start)));
    this.preview = starts.get(0).config().preview(); // which layers are wide is the same for all
    if (made.values().stream().anyMatch(own -> own.top == Integer.MAX_VALUE)) {
      throw new IllegalArgumentException("hasi.deflation_vectors 0 (all) needs all vectors of each linear"
          + " layer; set it to 48, or hasi.spectra to exact");
    }
  }

  /**
   * Takes in the next task's.
   *
   * @param modules of one layer, with moments of this task alone
   */
  public void add(List<Hasi.Module> modules) {
    Map<Boolean, List<Hasi.Module>> byWidth = modules.stream().collect(
        Collectors.partitioningBy(module -> preview.estimates(module.dOut(), module.dIn())));
    byWidth.get(true).forEach(module -> module.moments().get(0).normalisedInPlace());
    List<List<Spectrum>> estimated = estimates(byWidth.get(true));
    for (Made own : made.values()) {
      List<Hasi.Module> narrow = byWidth.get(false);
      List<List<Spectrum>> exact = exactly(own, narrow);
      for (int i = 0; i < narrow.size(); i++) {
        own.put(narrow.get(i), exact.get(i).get(0));
      }
    }
    for (int i = 0; i < estimated.size(); i++) {
      Iterator<Spectrum> spectra = estimated.get(i).iterator();
      Hasi.Module module = byWidth.get(true).get(i);
      made.values().forEach(own -> own.put(module, spectra.next()));
    }
  }

  /** Forgets the layer, so that the next one can come. */
  public void clear() {
    made.values().forEach(own -> own.byModule.clear());
  }

  private static List<List<Spectrum>> exactly(Made own, List<Hasi.Module> modules) {
    try (TensorScope scope = TensorScope.open(); NoGrad off = NoGrad.open()) {
      return new LayerSpectra(own.preview, own.top).of(modules.stream().map(module ->
          HasiStarts.source(module, HasiStarts.exact(module.w()), own.preview.damping())).toList());
    }
  }

  /**
   * Of each module, for all that is asked; in main memory a module a core, since products with a few
   * columns gain little from a second one.
   */
  private List<List<Spectrum>> estimates(List<Hasi.Module> modules) {
    if (modules.stream().anyMatch(module -> module.w().is_cuda())) {
      return Threads.onOne(() -> modules.stream().map(this::estimate).toList());
    }
    return Threads.sideBySide(modules.stream()
        .map(module -> (Callable<List<Spectrum>>) () -> estimate(module)).toList());
  }

  private List<Spectrum> estimate(Hasi.Module module) {
    Moments moments = module.moments().get(0);
    if (moments.tokens() == 0) {
      return made.values().stream().map(own -> Spectrum.none(module.dOut(), module.dIn(), own.top)).toList();
    }
    try (TensorScope scope = TensorScope.open(); NoGrad off = NoGrad.open()) {
      Tensor c = moments.normalisedInPlace();
      Tensor w = Tensors.cast(module.w().detach(), DType.of(c));
      return made.values().stream().map(own -> estimate(own, w, c, moments.tokens())).toList();
    }
  }

  private Spectrum estimate(Made own, Tensor w, Tensor c, long tokens) {
    try (TensorScope scope = TensorScope.open()) {
      StatisticOperator operator =
          new StatisticOperator(own.preview.statistic(), w, c, own.preview.damping());
      int top = Math.min(own.top, operator.values());
      SampledEigen eigen = eigen(operator, top);
      double[] sigma = Arrays.stream(eigen.values()).limit(top).map(Math::sqrt).toArray();
      Tensor vectors = Ops.narrow(eigen.vectors(), 1, 0, top);
      HasiConfig.EntropyPower power = own.preview.entropyPower();
      double entropy = own.preview.spectrumOf() == HasiConfig.SpectrumOf.COVARIANCE
          ? entropy(eigen(operator.ofInput(), top), power, value -> value, operator.ofInput().values())
          : entropy(eigen, power, Math::sqrt, operator.values());
      return Spectrum.estimated(sigma, operator.right() ? left(operator, vectors, sigma) : vectors,
          TOLERANCE, entropy, (int) Math.min(operator.values(), tokens));
    }
  }

  private SampledEigen eigen(StatisticOperator operator, int top) {
    int dim = operator.dim();
    float[] random = draws.computeIfAbsent(List.of(dim, top), asked -> SampledEigen.draws(dim, top));
    Tensor start = Tensors.to(Tensors.of(random, dim, random.length / dim),
        new Placement(Tensors.device(operator.c()), DType.of(operator.c())));
    return SampledEigen.of(operator::times, start, top);
  }

  /** u = K v / σ, orthonormalised, since weak ones lose digits in the division. */
  private static Tensor left(StatisticOperator operator, Tensor right, double[] sigma) {
    double[] inverse = new double[sigma.length];
    for (int i = 0; i < inverse.length; i++) {
      inverse[i] = sigma[i] > 0 ? 1 / sigma[i] : 0;
    }
    Tensor factors = Tensors.to(Tensors.of(inverse, 1, inverse.length),
        new Placement(Tensors.device(right), DType.of(right)));
    return Ops.orthonormal(Ops.mul(operator.image(right), factors));
  }

  private static double entropy(
      SampledEigen eigen, HasiConfig.EntropyPower power, DoubleUnaryOperator sigma, int values) {
    boolean squared = power == HasiConfig.EntropyPower.SIGMA_SQUARED;
    DoubleUnaryOperator mass = value -> {
      double s = sigma.applyAsDouble(value);
      return squared ? s * s : s;
    };
    double total = eigen.sum(mass);
    if (total == 0 || values == 1) {
      return 0;
    }
    double sum = eigen.sum(value -> {
      double p = mass.applyAsDouble(value) / total;
      return p > 0 ? -p * Math.log(p) : 0;
    });
    return Math.min(1, Math.max(0, sum / Math.log(values)));
  }

  @Override
  public List<List<Spectrum>> of(Hasi start, List<Hasi.Module> modules) {
    Map<String, List<Spectrum>> own = made.get(new HasiStarts.Asked(start)).byModule;
    return TaskSpectra.complete(start, modules, own, "moments");
  }
}
