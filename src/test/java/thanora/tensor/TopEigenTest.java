package thanora.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Random;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TopEigenTest {
  @ParameterizedTest
  @CsvSource({"1,1", "2,1", "3,3", "17,5", "64,64", "200,48"})
  void equalsTheFullDecomposition(int n, int top) {
    Threads.use(2);
    try (TensorScope scope = TensorScope.open()) {
      Tensor matrix = gram(n, 4 * n, 7);
      Ops.Eigen exact = Ops.eigen(matrix);
      Ops.Eigen fast = Ops.topEigen(List.of(gram(n, n + 9, 3), matrix), top).get(1);
      double[] expected = Tensors.doubles(exact.values());
      double[] values = Tensors.doubles(fast.values());
      for (int i = 0; i < n; i++) {
        assertThat(values[i]).isCloseTo(expected[n - 1 - i], within(1e-11 * expected[n - 1]));
      }
      for (int i = 0; i < top; i++) {
        Tensor a = Ops.narrow(fast.vectors(), 1, i, 1);
        Tensor b = Ops.narrow(exact.vectors(), 1, n - 1 - i, 1);
        double cosine = Tensors.item(Ops.sum(Ops.mul(a, b)));
        assertThat(Math.abs(cosine)).isCloseTo(1, within(1e-9));
      }
    }
  }

  @Test
  void vectorsOfRepeatedEigenvaluesAreOrthonormal() {
    int n = 60;
    double[] values = new double[n * n];
    for (int i = 0; i < n; i++) {
      values[i * n + i] = i % 2 == 0 ? 3 : 0;
    }
    try (TensorScope scope = TensorScope.open()) {
      Tensor v = Ops.topEigen(List.of(Tensors.of(values, n, n)), 40).get(0).vectors();
      double[] gram = Tensors.doubles(Ops.matmul(Ops.transpose(v), v));
      for (int i = 0; i < gram.length; i++) {
        assertThat(gram[i]).isCloseTo(i % 41 == 0 ? 1 : 0, within(1e-12));
      }
    }
  }

  @Test
  void matricesOfSeveralSizesKeepTheirOrderAndTheirBits() {
    Threads.use(2);
    try (TensorScope scope = TensorScope.open()) {
      List<Tensor> matrices =
          List.of(
              gram(20, 50, 1), gram(90, 100, 2), Ops.transpose(gram(7, 30, 3)), gram(90, 95, 4));
      List<Ops.Eigen> together = Ops.topEigen(matrices, 5);
      for (int i = 0; i < matrices.size(); i++) {
        double[] before = Tensors.doubles(matrices.get(i));
        Ops.Eigen alone = Ops.topEigen(List.of(matrices.get(i)), 5).get(0);
        assertThat(Tensors.doubles(together.get(i).values()))
            .isEqualTo(Tensors.doubles(alone.values()));
        assertThat(Tensors.doubles(together.get(i).vectors()))
            .isEqualTo(Tensors.doubles(alone.vectors()));
        assertThat(Tensors.doubles(matrices.get(i))).isEqualTo(before);
      }
    }
  }

  @Test
  void entriesThatAreNotNumbersAreRefused() {
    Threads.use(2);
    try (TensorScope scope = TensorScope.open()) {
      Tensor bad = Ops.scale(gram(9, 20, 1), Double.NaN);
      assertThatThrownBy(() -> Ops.topEigen(List.of(gram(9, 20, 1), bad), 2))
          .isInstanceOf(ArithmeticException.class)
          .hasMessageContaining("not finite numbers");
    }
  }

  @Test
  void refusesMoreVectorsThanThereAre() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor matrix = gram(5, 5, 1);
      assertThatThrownBy(() -> Ops.topEigen(List.of(matrix), 6)).hasMessageContaining("top 6");
    }
  }

  private static Tensor gram(int n, int samples, long seed) {
    Random random = new Random(seed);
    double[] x = new double[samples * n];
    for (int i = 0; i < x.length; i++) {
      x[i] = random.nextGaussian() / (1 + i % n);
    }
    Tensor rows = Tensors.of(x, samples, n);
    return Ops.matmul(Ops.transpose(rows), rows);
  }
}
