package thanora.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import thanora.Golden;
import thanora.checkpoint.SafetensorsFile;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

class AdamWTest {
  /** Of all columns of a matrix. */
  private static List<AdamW.Rates> rates(Tensor parameters, double... byRow) {
    return List.of(new AdamW.Rates(0, parameters.size(1), byRow));
  }

  private static void update(
      AdamW optimizer, Tensor parameters, Tensor gradients, long step, List<AdamW.Rates> rates) {
    optimizer.update(parameters, gradients, step, rates, Ops.rowNorms(gradients), 0);
  }

  private final TensorScope scope = TensorScope.open();

  @AfterEach
  void close() {
    scope.close();
  }

  private static Tensor load(SafetensorsFile file, String name) {
    return file.load(name, Placement.CPU_F32);
  }

  @ParameterizedTest
  @CsvSource({"plain, 0.9, 0.999, 1e-8, 0", "decay, 0.9, 0.999, 1e-8, 0.1",
      "other, 0.8, 0.95, 1e-3, 0.01"})
  void tenStepsAreThoseOfTorch(
      String name, double beta1, double beta2, double epsilon, double weightDecay) {
    try (SafetensorsFile file = SafetensorsFile.open(Golden.path("train/adamw.safetensors"))) {
      Tensor parameters = load(file, "start").view(1, -1);
      Tensor gradients = load(file, "gradients");
      double[] rates = Tensors.doubles(load(file, "rates"));
      AdamW optimizer = new AdamW(parameters, beta1, beta2, epsilon, weightDecay);
      for (int step = 1; step <= 10; step++) {
        Tensor gradient = gradients.select(0, step - 1).view(1, -1);
        update(optimizer, parameters, gradient, step, rates(parameters, rates[step - 1]));
        Golden.assertClose("step " + step, parameters.view(-1), load(file, name + "." + step), 1e-6);
      }
    }
  }

  @Test
  void manyStepsAreThoseOfTheFormulaInFloat64() {
    double[] theta = {0.5, -2, 3e-3, 7};
    double[] m = new double[4];
    double[] v = new double[4];
    Tensor parameters = Tensors.cast(Tensors.of(theta, 1, 4), DType.F32);
    AdamW optimizer = new AdamW(parameters, 0.9, 0.99, 1e-6, 0.05);
    for (int step = 1; step <= 200; step++) {
      float[] gradient = new float[4];
      double rate = 0.02 / Math.sqrt(step);
      for (int i = 0; i < 4; i++) {
        gradient[i] = (float) Math.sin(step * (i + 1) * 0.7 + i);
        m[i] = 0.9 * m[i] + 0.1 * gradient[i];
        v[i] = 0.99 * v[i] + 0.01 * gradient[i] * gradient[i];
        double mHat = m[i] / (1 - Math.pow(0.9, step));
        double vHat = v[i] / (1 - Math.pow(0.99, step));
        theta[i] = (1 - rate * 0.05) * theta[i] - rate * mHat / (Math.sqrt(vHat) + 1e-6);
      }
      update(optimizer, parameters, Tensors.of(gradient, 1, 4), step, rates(parameters, rate));
    }
    Golden.assertClose("parameters", Tensors.doubles(parameters), theta, 3e-6);
    Golden.assertClose("first moment", Tensors.doubles(optimizer.firstMoment()), m, 3e-6);
    Golden.assertClose("second moment", Tensors.doubles(optimizer.secondMoment()), v, 3e-6);
  }

  @Test
  void restoredMomentsGoOnBitForBit() {
    Tensor one = Tensors.of(new float[] {1, 2, 3}, 1, 3);
    AdamW first = new AdamW(one, 0.9, 0.999, 1e-8, 0);
    update(first, one, Tensors.of(new float[] {1, -1, 0.5f}, 1, 3), 1, rates(one, 0.1));
    Tensor other = Tensors.copy(one);
    AdamW second = new AdamW(other, 0.9, 0.999, 1e-8, 0);
    second.restore(first.firstMoment(), first.secondMoment());
    Tensor gradient = Ops.scale(one, 0.3);
    update(first, one, gradient, 2, rates(one, 0.1));
    update(second, other, gradient, 2, rates(one, 0.1));
    assertThat(Tensors.floats(other)).isEqualTo(Tensors.floats(one));
  }

  /** Three rows of one update beside the formula in float64; the third has no finite gradient in the second update. */
  @Test
  void everyRowHasItsOwnRateAndOneWithoutAFiniteGradientStaysBitForBit() {
    double[] rates = {0.1, 0.003, 20};
    float[] gradient = {0.5f, -2, 3, 0.25f, -1, 1e-3f, 7, 4, -0.1f, 2, 0.3f, -6};
    Tensor parameters = Tensors.of(new float[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 3, 4);
    AdamW optimizer = new AdamW(parameters, 0.9, 0.99, 1e-6, 0.05);
    double[] theta = Tensors.doubles(parameters);
    double[] m = new double[12];
    double[] v = new double[12];
    for (int step = 1; step <= 2; step++) {
      int rows = step == 1 ? 3 : 2;
      float[] last = Tensors.floats(parameters.select(0, 2));
      for (int i = 0; i < 4 * rows; i++) {
        m[i] = 0.9 * m[i] + 0.1 * gradient[i];
        v[i] = 0.99 * v[i] + 0.01 * gradient[i] * gradient[i];
        double mHat = m[i] / (1 - Math.pow(0.9, step));
        double vHat = v[i] / (1 - Math.pow(0.99, step));
        double rate = rates[i / 4];
        theta[i] = (1 - rate * 0.05) * theta[i] - rate * mHat / (Math.sqrt(vHat) + 1e-6);
      }
      if (step == 2) {
        gradient[9] = Float.NaN;
      }
      update(optimizer, parameters, Tensors.of(gradient, 3, 4), step, rates(parameters, rates));
      if (step == 2) {
        assertThat(Tensors.floats(parameters.select(0, 2))).isEqualTo(last);
      }
      Golden.assertClose("parameters", Tensors.doubles(parameters), theta, 1e-6);
      Golden.assertClose("first moment", Tensors.doubles(optimizer.firstMoment()), m, 1e-6);
      Golden.assertClose("second moment", Tensors.doubles(optimizer.secondMoment()), v, 1e-6);
    }
  }

  @Test
  void longGradientsAreCutAndShortOnesAreNot() {
    float[] start = {1, 2, 3, 4};
    Tensor cut = Tensors.of(start, 2, 2);
    Tensor whole = Tensors.of(start, 2, 2);
    Tensor gradients = Tensors.of(new float[] {3, 4, 0.3f, 0.4f}, 2, 2);
    double[] rates = {0.1, 0.1};
    new AdamW(cut, 0.9, 0.99, 1, 0).update(cut, gradients, 1, rates(cut, rates), Ops.rowNorms(gradients), 2);
    Tensor shorter = Tensors.of(new float[] {1.2f, 1.6f, 0.3f, 0.4f}, 2, 2);
    update(new AdamW(whole, 0.9, 0.99, 1, 0), whole, shorter, 1, rates(whole, rates));
    Golden.assertClose("gradients", gradients, shorter, 1e-6);
    Golden.assertClose("parameters", cut, whole, 1e-6);
  }
}
