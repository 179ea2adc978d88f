package thanora.hasi;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * The spectra of the gradients that a {@link GradientPass} hands out: what stays of a task's when
 * the next one comes. Host arrays, k (d_in + d_out) numbers a module and task for k leading vectors.
 *
 * <p>From the Gram matrix of the smaller side, in float64. A gradient is a sum of float32 products,
 * so that values below {@value #NOISE} of the largest mean nothing; above it the Gram matrix knows
 * values and vectors well enough.
 */
public final class GradientSpectra implements TaskSpectra {
  /** Gram matrices alive at once: enough to fill the cores. */
  private static final int AT_ONCE = 16;

  private static final double NOISE = 1e-6;

  private final Map<Asked, Map<String, List<Spectrum>>> kept = new LinkedHashMap<>();

  /** What spectra depend on besides the gradients. */
  private record Asked(HasiConfig.EntropyPower power, int top) {
    Asked(Hasi start) {
      this(start.config().preview().entropyPower(), start.top());
    }
  }

  /** Of no task yet; keeps what these starts can make use of. */
  public GradientSpectra(List<Hasi> starts) {
    starts.forEach(start -> kept.putIfAbsent(new Asked(start), new HashMap<>()));
  }

  /**
   * Takes in the next task's.
   *
   * @param gradients G (d_out, d_in) of each module
   */
  public void add(Map<String, Tensor> gradients) {
    List<String> modules = List.copyOf(gradients.keySet());
    kept.forEach((asked, spectra) -> {
      for (int from = 0; from < modules.size(); from += AT_ONCE) {
        add(asked, modules.subList(from, Math.min(modules.size(), from + AT_ONCE)), gradients, spectra);
      }
    });
  }

  private static void add(
      Asked asked, List<String> modules, Map<String, Tensor> gradients,
      Map<String, List<Spectrum>> into) {
    Map<Integer, List<String>> byTop = new TreeMap<>();
    for (String module : modules) {
      Tensor g = gradients.get(module);
      int top = Math.toIntExact(Math.min(asked.top, Math.min(g.size(0), g.size(1))));
      byTop.computeIfAbsent(top, key -> new ArrayList<>()).add(module);
    }
    try (TensorScope scope = TensorScope.open(); NoGrad off = NoGrad.open()) {
      byTop.forEach((top, alike) -> {
        List<Ops.Eigen> eigen =
            Ops.topEigen(alike.stream().map(module -> gram(gradients.get(module))).toList(), top);
        for (int i = 0; i < alike.size(); i++) {
          into.computeIfAbsent(alike.get(i), key -> new ArrayList<>())
              .add(spectrum(asked, gradients.get(alike.get(i)), eigen.get(i)));
        }
      });
    }
  }

  private static boolean wide(Tensor g) {
    return g.size(1) > g.size(0);
  }

  /** Gᵀ G, or G Gᵀ where that is smaller. */
  private static Tensor gram(Tensor gradient) {
    return TensorScope.keep(() -> {
      Tensor g = exact(gradient);
      return wide(g) ? Ops.matmul(g, Ops.transpose(g)) : Ops.matmul(Ops.transpose(g), g);
    });
  }

  private static Spectrum spectrum(Asked asked, Tensor gradient, Ops.Eigen eigen) {
    try (TensorScope scope = TensorScope.open()) {
      Tensor g = exact(gradient);
      double[] sigma = LayerSpectra.sigma(eigen);
      Tensor vectors = beside(g, eigen.vectors());
      if (wide(g)) {
        vectors = LayerSpectra.otherSide(Ops.matmul(Ops.transpose(g), vectors), sigma);
      }
      Tensor images = Ops.matmul(g, beside(g, vectors));
      double tolerance = Math.max(NOISE, LayerSpectra.gramTolerance(sigma.length));
      return new Spectrum(
          sigma, vectors, images, tolerance, Spectrum.entropy(sigma, asked.power));
    }
  }

  private static Tensor exact(Tensor gradient) {
    return beside(gradient, gradient);
  }

  private static Tensor beside(Tensor g, Tensor vectors) {
    return Tensors.to(vectors, new Placement(Tensors.device(g), DType.F64));
  }

  @Override
  public List<List<Spectrum>> of(Hasi start, List<Hasi.Module> modules) {
    return TaskSpectra.complete(start, modules, kept.get(new Asked(start)), "gradients");
  }
}
