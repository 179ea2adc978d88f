package thanora.hasi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import thanora.hasi.HasiConfig.EntropyPower;
import thanora.hasi.HasiConfig.SpectrumOf;
import thanora.hasi.HasiConfig.Statistic;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

class SpectrumTest {
  private static final HasiConfig.Preview PREVIEW = HasiConfig.thanora().preview();

  @BeforeAll
  static void threads() {
    Threads.use(2);
  }

  @Test
  void entropyIsOneForEqualValuesAndZeroForOneValue() {
    for (EntropyPower power : EntropyPower.values()) {
      assertThat(Spectrum.entropy(new double[] {3, 3, 3, 3}, power)).isCloseTo(1, within(1e-12));
      assertThat(Spectrum.entropy(new double[] {3, 0, 0, 0}, power)).isZero();
      assertThat(Spectrum.entropy(new double[] {0, 0}, power)).isZero();
      assertThat(Spectrum.entropy(new double[] {2}, power)).isZero();
    }
    assertThat(Spectrum.entropy(new double[] {3, 1}, EntropyPower.SIGMA))
        .isCloseTo(-(.75 * Math.log(.75) + .25 * Math.log(.25)) / Math.log(2), within(1e-12));
    assertThat(Spectrum.entropy(new double[] {3, 1}, EntropyPower.SIGMA_SQUARED))
        .isCloseTo(-(.9 * Math.log(.9) + .1 * Math.log(.1)) / Math.log(2), within(1e-12));
    Random random = new Random(0);
    for (int run = 0; run < 1000; run++) {
      double[] values = random.doubles(1 + random.nextInt(20)).map(v -> Math.pow(v, 9)).toArray();
      assertThat(Spectrum.entropy(values, EntropyPower.SIGMA)).isBetween(0.0, 1.0);
    }
  }

  /** The oracle: a plain singular value decomposition of W C, or of W C^½. */
  @ParameterizedTest
  @CsvSource({
    "60,60,0.9,WC", "60,140,0.9,WC", "140,60,0.9,WC", "150,150,0.95,WC", "150,150,0.8,WC",
    "40,90,0.9,WC_HALF", "90,40,0.9,WC_HALF"
  })
  void theGramPathEqualsTheExactOne(int dOut, int dIn, double decay, Statistic statistic) {
    int top = 16;
    for (long seed = 0; seed < 3; seed++) {
      try (TensorScope scope = TensorScope.open()) {
        Tensor w = Synthetic.gaussian(dOut, dIn, seed);
        Tensor c = Synthetic.moments(Synthetic.activations(400, dIn, decay, seed)).normalised(0);
        HasiConfig.Preview preview = PREVIEW.withStatistic(statistic);
        Spectrum exact = Synthetic.spectra(w, List.of(c), preview, top, true).get(0);
        Spectrum fast = Synthetic.spectra(w, List.of(c, c), preview, top, false).get(1);
        assertThat(fast.entropy()).isCloseTo(exact.entropy(), within(1e-4));
        assertThat(fast.count()).isEqualTo(top);
        for (int k = 0; k < exact.sigma().length; k++) {
          assertThat(fast.sigma()[k]).isCloseTo(exact.sigma()[k], within(1e-7 * exact.sigma()[0]));
        }
        for (int k = 1; k <= top; k += 5) {
          assertThat(distance(exact, fast, k)).isLessThan(1e-5);
        }
      }
    }
  }

  /** The widths of a real model of 135M parameters, float32 products, one strong direction. */
  @Tag("slow")
  @ParameterizedTest
  @CsvSource({"576,576", "192,576", "1536,576"})
  void theGramPathEqualsTheExactOneAtTheSizeOfARealModel(int dOut, int dIn) {
    try (TensorScope scope = TensorScope.open()) {
      double[] scales = new double[dIn];
      for (int i = 0; i < dIn; i++) {
        scales[i] = i == 0 ? 30 : 1 / Math.sqrt(1 + i);
      }
      Tensor x = Ops.mul(Synthetic.gaussian(3000, dIn, 1), Tensors.of(scales, 1, dIn));
      Tensor c = Synthetic.moments(Tensors.cast(x, DType.F32)).normalised(0);
      Tensor w = Synthetic.gaussian(dOut, dIn, 2);
      Spectrum exact = Synthetic.spectra(w, List.of(c), PREVIEW, 48, true).get(0);
      Spectrum fast = Synthetic.spectra(w, List.of(c), PREVIEW, 48, false).get(0);
      assertThat(fast.entropy()).isCloseTo(exact.entropy(), within(1e-6));
      assertThat(distance(exact, fast, 32)).isLessThan(1e-5);
    }
  }

  @Test
  void onePrincipalDirectionAThousandTimesTheRestLeavesEntropyAndSubspaceRight() {
    int d = 160;
    try (TensorScope scope = TensorScope.open()) {
      Tensor x = Synthetic.activations(600, d, 0.98, 1);
      Tensor sink =
          Ops.scale(Ops.matmul(Synthetic.gaussian(600, 1, 2), Synthetic.gaussian(1, d, 3)), 1000);
      Tensor c = Synthetic.moments(Ops.add(x, sink)).normalised(0);
      Tensor w = Synthetic.gaussian(d, d, 4);
      Spectrum exact = Synthetic.spectra(w, List.of(c), PREVIEW, 48, true).get(0);
      Spectrum fast = Synthetic.spectra(w, List.of(c), PREVIEW, 48, false).get(0);
      assertThat(fast.entropy()).isCloseTo(exact.entropy(), within(1e-4));
      assertThat(distance(exact, fast, 8)).isLessThan(1e-5);
    }
  }

  @Test
  void halfStatisticIsTheSingularValueDecompositionOfWTimesTheRootOfC() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor x = Synthetic.activations(200, 12, 0.8, 5);
      Tensor w = Synthetic.gaussian(7, 12, 6);
      Tensor c = Synthetic.moments(x).normalised(0);
      Spectrum half =
          Synthetic.spectra(w, List.of(c), PREVIEW.withStatistic(Statistic.WC_HALF), 7, true)
              .get(0);
      double scale = Math.sqrt(12 / (Math.pow(Tensors.item(Ops.norm(x)), 2) / 200) / 200);
      double[] outputs = Tensors.doubles(Ops.singularValues(Ops.matmul(x, Ops.transpose(w))));
      for (int k = 0; k < 7; k++) {
        assertThat(half.sigma()[k]).isCloseTo(scale * outputs[k], within(1e-8 * outputs[0]));
      }
    }
  }

  @Test
  void inputStatisticGivesPrincipalDirectionsOfTheActivations() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor x = Synthetic.activations(200, 12, 0.8, 5);
      Spectrum input =
          Synthetic.spectra(
                  Synthetic.gaussian(5, 12, 6), List.of(Synthetic.moments(x).normalised(0)),
                  PREVIEW.withStatistic(Statistic.X), 3)
              .get(0);
      Tensor v = Ops.transpose(Ops.narrow(Ops.svd(x).vt(), 0, 0, 3));
      assertThat(distance(v, input.vectors())).isLessThan(1e-9);
      assertThat(input.sigma()).hasSize(12);
    }
  }

  @Test
  void covarianceSpectrumIsTheEntropyOfItsEigenvalues() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor c = Tensors.of(new double[] {1.5, 0, 0, 0.5}, 2, 2);
      Spectrum spectrum =
          Synthetic.spectra(
                  Synthetic.gaussian(3, 2, 1), List.of(c),
                  PREVIEW.withSpectrumOf(SpectrumOf.COVARIANCE), 2)
              .get(0);
      assertThat(spectrum.entropy())
          .isCloseTo(Spectrum.entropy(new double[] {3, 1}, EntropyPower.SIGMA), within(1e-12));
    }
  }

  @ParameterizedTest
  @CsvSource({"true", "false"})
  void rankOneActivationsHaveEntropyZeroAndNumericalRankOne(boolean exact) {
    try (TensorScope scope = TensorScope.open()) {
      Tensor x = Ops.matmul(Synthetic.gaussian(50, 1, 1), Synthetic.gaussian(1, 20, 2));
      Spectrum one =
          Synthetic.spectra(
                  Synthetic.gaussian(15, 20, 3), List.of(Synthetic.moments(x).normalised(0)),
                  PREVIEW, 8,
                  exact)
              .get(0);
      assertThat(one.entropy()).isCloseTo(0, within(1e-5));
      assertThat(one.numericalRank()).isEqualTo(1);
      assertThat(one.count()).isEqualTo(1);
      Tensor zero = Ops.scale(x, 0);
      Spectrum none =
          Synthetic.spectra(
                  Synthetic.gaussian(15, 20, 3), List.of(Synthetic.moments(zero).normalised(0)),
                  PREVIEW,
                  8, exact)
              .get(0);
      assertThat(none.entropy()).isZero();
      assertThat(none.numericalRank()).isZero();
    }
  }

  private static double distance(Spectrum a, Spectrum b, int k) {
    return distance(Ops.narrow(a.vectors(), 1, 0, k), Ops.narrow(b.vectors(), 1, 0, k));
  }

  /** Largest entry of the difference of two projectors. */
  private static double distance(Tensor a, Tensor b) {
    Tensor left = Ops.matmul(a, Ops.transpose(a));
    Tensor right = Ops.matmul(b, Ops.transpose(b));
    return Arrays.stream(Tensors.doubles(Ops.sub(left, right))).map(Math::abs).max().orElseThrow();
  }
}
