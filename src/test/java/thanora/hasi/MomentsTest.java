package thanora.hasi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

class MomentsTest {
  private static Moments fresh(Moments.Normalisation normalisation, boolean centre) {
    return new Moments("model.layers.0.mlp.up_proj", 3, normalisation, centre, "cpu");
  }

  @Test
  void batchesAddUpToTheWhole() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor x = Synthetic.gaussian(20, 3, 1);
      Moments whole = fresh(Moments.Normalisation.TOKEN_MEAN, false);
      whole.add(x);
      Moments parts = fresh(Moments.Normalisation.TOKEN_MEAN, false);
      parts.add(Ops.narrow(x, 0, 0, 13));
      parts.add(Ops.narrow(x, 0, 13, 7));
      assertThat(parts.tokens()).isEqualTo(20);
      close(Tensors.doubles(parts.normalised(0)), Tensors.doubles(whole.normalised(0)), 1e-12);
    }
  }

  @Test
  void scaleOfActivationsDoesNotMatterAndTheMeanDiagonalIsOne() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor x = Synthetic.gaussian(20, 3, 1);
      Moments one = fresh(Moments.Normalisation.TOKEN_MEAN, false);
      one.add(x);
      Moments other = fresh(Moments.Normalisation.TOKEN_MEAN, false);
      other.add(Ops.scale(x, 37));
      close(Tensors.doubles(other.normalised(0)), Tensors.doubles(one.normalised(0)), 1e-12);
      assertThat(Ops.trace(one.normalised(0))).isCloseTo(3, within(1e-12));
      assertThat(Ops.trace(one.normalised(0.01))).isCloseTo(3.03, within(1e-12));
      assertThat(Ops.trace(one.normalised(0))).isCloseTo(3, within(1e-12));
    }
  }

  /** Float32 products are made by another routine than float64 ones. */
  @Test
  void float32ActivationsGiveTheWholeSymmetricMatrix() {
    try (TensorScope scope = TensorScope.open()) {
      for (int rows : new int[] {1, 2, 37}) {
        Tensor x = Tensors.cast(Synthetic.gaussian(3, rows, rows), DType.F32);
        Moments single = fresh(Moments.Normalisation.TOKEN_MEAN, true);
        Moments exact = fresh(Moments.Normalisation.TOKEN_MEAN, true);
        for (int part = 0; part < 2; part++) {
          Tensor turned = Ops.scale(Ops.transpose(x), 1 - 3 * part);
          single.add(Ops.transpose(Ops.scale(x, 1 - 3 * part)));
          exact.add(Tensors.cast(turned, DType.F64));
        }
        double[] c = Tensors.doubles(single.normalised(0));
        close(c, Tensors.doubles(exact.normalised(0)), 1e-6);
        assertThat(new double[] {c[1], c[2], c[5]}).isEqualTo(new double[] {c[3], c[6], c[7]});
      }
    }
  }

  @Test
  void bfloat16ActivationsAreMultipliedInFloat32() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor x = Tensors.cast(Synthetic.gaussian(50, 3, 1), DType.BF16);
      Moments half = fresh(Moments.Normalisation.TOKEN_MEAN, false);
      half.add(x);
      Moments exact = fresh(Moments.Normalisation.TOKEN_MEAN, false);
      exact.add(Tensors.cast(x, DType.F64));
      close(Tensors.doubles(half.normalised(0)), Tensors.doubles(exact.normalised(0)), 1e-6);
    }
  }

  @Test
  void centringGivesTheCovariance() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor x = Synthetic.gaussian(200, 3, 1);
      Moments plain = fresh(Moments.Normalisation.TOKEN_MEAN, true);
      plain.add(x);
      Moments shifted = fresh(Moments.Normalisation.TOKEN_MEAN, true);
      shifted.add(Ops.add(x, Tensors.of(new double[] {5, -2, 9}, 1, 3)));
      close(Tensors.doubles(shifted.normalised(0)), Tensors.doubles(plain.normalised(0)), 1e-9);
    }
  }

  @Test
  void cordaCountsEverySampleAlike() {
    try (TensorScope scope = TensorScope.open()) {
      Moments corda = fresh(Moments.Normalisation.CORDA, false);
      corda.add(Tensors.of(new double[] {10, 0, 0, 10, 0, 0}, 2, 3));
      corda.add(Tensors.of(new double[] {0, 1, 0.5}, 1, 3));
      // (diag(1, 0, 0) + [0 1 .5]ᵀ[0 1 .5]) / 2, scaled to trace 3
      double[] expected = {1, 0, 0, 0, 1, .5, 0, .5, .25};
      double[] actual = Tensors.doubles(corda.normalised(0));
      for (int i = 0; i < 9; i++) {
        assertThat(actual[i]).isCloseTo(expected[i] * 3 / 2.25, within(1e-12));
      }
    }
  }

  @Test
  void refusesWhatIsNotFiniteAndNamesTheModule() {
    try (TensorScope scope = TensorScope.open()) {
      Moments moments = fresh(Moments.Normalisation.TOKEN_MEAN, false);
      assertThatThrownBy(() -> moments.normalised(0)).hasMessageContaining("no token was measured");
      moments.add(Tensors.of(new double[] {1, Double.NaN, 2}, 1, 3));
      moments.add(Tensors.of(new double[] {1, 2, 3}, 1, 3));
      assertThatThrownBy(() -> moments.normalised(0))
          .hasMessageContaining("model.layers.0.mlp.up_proj")
          .hasMessageContaining("not finite");
      assertThatThrownBy(() -> moments.add(Synthetic.gaussian(2, 4, 1)))
          .hasMessageContaining("width 4 do not fit moments of width 3");
    }
  }

  private static void close(double[] actual, double[] expected, double tolerance) {
    for (int i = 0; i < expected.length; i++) {
      assertThat(actual[i]).isCloseTo(expected[i], within(tolerance));
    }
  }
}
