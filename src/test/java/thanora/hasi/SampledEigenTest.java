package thanora.hasi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

class SampledEigenTest {
  private static final int DIM = 300;
  private static final int TOP = 24;

  private final TensorScope scope = TensorScope.open();

  @AfterEach
  void close() {
    scope.close();
  }

  /**
   * Singular values as those of W C fall: a few far above the others, then slowly. What eight probes miss
   * of a sum falls with the root of the dimension, which is small here.
   */
  static Stream<Arguments> spectra() {
    return Stream.of(
        Arguments.of("power law", (IntToDoubleFunction) i -> 1 / (1.0 + i)),
        Arguments.of("exponential", (IntToDoubleFunction) i -> Math.exp(-i / 30.0)),
        Arguments.of("flat behind a sink", (IntToDoubleFunction) i -> i == 0 ? 1e4 : 1),
        Arguments.of("falling behind a sink", (IntToDoubleFunction) i -> i == 0 ? 1e4 : Math.exp(-i / 60.0)),
        Arguments.of("of low rank", (IntToDoubleFunction) i -> i < 100 ? 1 : 0));
  }

  private static Tensor basis() {
    return Ops.orthonormal(Synthetic.gaussian(DIM, DIM, 1));
  }

  private static SampledEigen sampled(Tensor matrix, int top) {
    int dim = (int) matrix.size(0);
    float[] draws = SampledEigen.draws(dim, top);
    Tensor start = Tensors.cast(Tensors.of(draws, dim, draws.length / dim), DType.of(matrix));
    return SampledEigen.of(v -> Ops.matmul(matrix, v), start, top);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("spectra")
  void sumsOverAllEigenvaluesAndTheLeadingOnesAreClose(String name, IntToDoubleFunction sigma) {
    double[] values = IntStream.range(0, DIM).mapToDouble(sigma).toArray();
    double[] squares = Arrays.stream(values).map(s -> s * s).toArray();
    Tensor u = basis();
    Tensor matrix = Ops.matmul(Ops.mul(u, Tensors.of(squares, 1, DIM)), Ops.transpose(u));
    SampledEigen eigen = sampled(matrix, TOP);
    for (int i = 0; i < TOP; i++) {
      assertThat(Math.sqrt(eigen.values()[i])).as(name + " " + i).isCloseTo(values[i], within(5e-2 * values[i]));
    }
    double exact = Arrays.stream(values).sum();
    assertThat(eigen.sum(Math::sqrt)).isCloseTo(exact, within(0.08 * exact));
    assertThat(Arrays.stream(eigen.weights()).sum()).isCloseTo(DIM - eigen.values().length, within(1e-6));
  }

  @Test
  void leadingVectorsLeaveHardlyMoreThanTheBestOnes() {
    double[] squares = IntStream.range(0, DIM).mapToDouble(i -> Math.pow(1 + i, -1.2)).toArray();
    Tensor u = basis();
    Tensor matrix = Ops.matmul(Ops.mul(u, Tensors.of(squares, 1, DIM)), Ops.transpose(u));
    Tensor p = Ops.narrow(sampled(matrix, TOP).vectors(), 1, 0, TOP);
    double left = Ops.trace(matrix) - Ops.trace(Ops.matmul(Ops.matmul(Ops.transpose(p), matrix), p));
    assertThat(left).isCloseTo(Arrays.stream(squares).skip(TOP).sum(), within(0.01 * left));
  }

  @Test
  void wherePartsAreAllThereIsNothingToSample() {
    Tensor x = Synthetic.gaussian(40, 12, 3);
    Tensor matrix = Ops.matmul(Ops.transpose(x), x);
    SampledEigen eigen = sampled(matrix, 12);
    assertThat(eigen.nodes()).isEmpty();
    double[] exact = Tensors.doubles(Ops.eigenvalues(matrix));
    for (int i = 0; i < 12; i++) {
      assertThat(eigen.values()[i]).isCloseTo(exact[11 - i], within(1e-9 * exact[11]));
    }
  }

  @Test
  void nothingComesOfNothing() {
    SampledEigen eigen = sampled(Tensors.cast(Ops.scale(Synthetic.gaussian(DIM, DIM, 1), 0), DType.F32), TOP);
    assertThat(eigen.sum(Math::sqrt)).isZero();
  }
}
