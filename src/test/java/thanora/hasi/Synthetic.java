package thanora.hasi;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.Ops;
import thanora.tensor.Tensors;

/** Random modules and activations, each the same for the same seed. */
final class Synthetic {
  private Synthetic() {}

  /** Gaussian (rows, columns), float64. */
  static Tensor gaussian(int rows, int columns, long seed) {
    Random random = new Random(seed);
    double[] values = new double[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextGaussian();
    }
    return Tensors.of(values, rows, columns);
  }

  /** Activations (tokens, width) whose directions lose variance by {@code decay} each. */
  static Tensor activations(int tokens, int width, double decay, long seed) {
    double[] scales = new double[width];
    for (int i = 0; i < width; i++) {
      scales[i] = Math.pow(decay, i);
    }
    Tensor turn = Ops.orthonormal(gaussian(width, width, seed + 7919));
    Tensor x = Ops.mul(gaussian(tokens, width, seed), Tensors.of(scales, 1, width));
    return Ops.matmul(x, Ops.transpose(turn));
  }

  static Moments moments(Tensor x) {
    Moments moments =
        new Moments("m", (int) x.size(1), Moments.Normalisation.TOKEN_MEAN, false, "cpu");
    moments.add(x);
    return moments;
  }

  /** Moments of tasks that differ in direction and decay. */
  static List<Moments> tasks(int count, int width, long seed) {
    List<Moments> all = new ArrayList<>();
    for (int task = 0; task < count; task++) {
      double decay = 0.6 + 0.35 * (task + 1) / count;
      all.add(moments(activations(3 * width, width, decay, 100 * seed + task)));
    }
    return all;
  }

  static List<String> names(int count) {
    List<String> names = new ArrayList<>();
    for (int task = 0; task < count; task++) {
      names.add("task" + task);
    }
    return names;
  }

  /** Spectra of one module. */
  static List<Spectrum> spectra(
      Tensor w, List<Tensor> moments, HasiConfig.Preview preview, int top) {
    LayerSpectra.Source module = new LayerSpectra.Source(w, moments.size(), moments::get);
    return new LayerSpectra(preview, top).of(List.of(module)).get(0);
  }

  /** The same by the path that is named. */
  static List<Spectrum> spectra(
      Tensor w, List<Tensor> moments, HasiConfig.Preview preview, int top, boolean exact) {
    LayerSpectra.Source module = new LayerSpectra.Source(w, moments.size(), moments::get);
    return new LayerSpectra(preview, top).of(List.of(module), any -> exact).get(0);
  }
}
