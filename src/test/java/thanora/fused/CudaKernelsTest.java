package thanora.fused;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import thanora.model.Activation;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.Seeds;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/** Each kernel beside {@link PlainKernels} in float64 on the CPU, from the same 16-bit numbers. */
@Tag("gpu")
class CudaKernelsTest {
  private static final double EPS = 1e-5;
  private static final Placement EXACT = new Placement("cpu", DType.F64);
  private static final PlainKernels PLAIN = new PlainKernels();

  private final Random random = new Random(7);
  private TensorScope scope;
  private Placement gpu;
  private Kernels kernels;
  private int spare;

  @BeforeEach
  void open() {
    scope = TensorScope.open();
  }

  @AfterEach
  void close() {
    scope.close();
  }

  private void use(DType dtype, int spareColumns) {
    gpu = new Placement("cuda", dtype);
    kernels = CudaKernels.of(gpu).orElseThrow();
    spare = spareColumns;
  }

  @ParameterizedTest
  @CsvSource({
    "BF16, 1, 576, 0", "BF16, 4097, 576, 16", "BF16, 33, 4096, 48", "BF16, 33, 4100, 3", "BF16, 3, 16384, 0",
    "BF16, 2, 7, 0", "F16, 4097, 576, 0", "F16, 1, 4096, 8", "F16, 33, 4100, 0"
  })
  void normsAndTheirBackwardPass(DType dtype, int rows, int width, int spareColumns) {
    use(dtype, spareColumns);
    for (Placement ofWeight : List.of(gpu, gpu.with(DType.F32))) {
      Tensor x = matrix(rows, width);
      Tensor more = matrix(rows, width);
      Tensor weight = Tensors.to(Tensors.of(Seeds.uniform(random, width, 1), width), ofWeight);
      Tensor rstd = Tensors.empty(gpu.with(DType.F32), rows);
      Tensor y = matrix(rows, width);
      Tensor want = exact(y);
      Tensor wantRstd = Tensors.empty(EXACT, rows);

      kernels.norm(x, weight, EPS, y, rstd);
      PLAIN.norm(exact(x), exact(weight), EPS, want, wantRstd);
      assertClose(y, want);
      assertClose(rstd, wantRstd);

      kernels.normAgain(x, weight, rstd, more);
      assertClose(more, want);

      Tensor dy = matrix(rows, width);
      Tensor residual = matrix(rows, width);
      PLAIN.normBackward(exact(dy), exact(x), exact(weight), wantRstd, exact(residual), want);
      kernels.normBackward(dy, x, weight, rstd, residual, residual);
      assertClose(residual, want);

      Tensor wantSum = Ops.add(exact(x), exact(dy));
      kernels.addNorm(x, dy, weight, EPS, dy, y, rstd);
      assertClose(dy, wantSum);
      PLAIN.norm(exact(dy), exact(weight), EPS, want, wantRstd);
      assertClose(y, want);
      assertClose(rstd, wantRstd);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "BF16, 4097, 9, 64, 32, 0", "BF16, 33, 64, 128, 64, 16", "BF16, 33, 4, 80, 16, 0", "BF16, 5, 3, 20, 10, 3",
    "F16, 1, 2, 96, 24, 0", "F16, 33, 12, 64, 32, 3"
  })
  void turns(DType dtype, int rows, int heads, int headDim, int half, int spareColumns) {
    use(dtype, spareColumns);
    for (Placement ofAngles : List.of(gpu, gpu.with(DType.F32))) {
      Tensor x = matrix(rows, heads * headDim);
      Tensor to = matrix(rows, heads * headDim);
      Tensor cos = Tensors.to(Tensors.of(Seeds.uniform(random, rows * half, 1), rows, half), ofAngles);
      Tensor sin = Tensors.to(Tensors.of(Seeds.uniform(random, rows * half, 1), rows, half), ofAngles);
      Tensor want = exact(to);

      kernels.turn(x, headDim, cos, sin, false, to);
      PLAIN.turn(exact(x), headDim, exact(cos), exact(sin), false, want);
      assertClose(to, want);

      PLAIN.turn(exact(x), headDim, exact(cos), exact(sin), true, want);
      kernels.turn(x, headDim, cos, sin, true, x);
      assertClose(x, want);
    }
  }

  @ParameterizedTest
  @CsvSource({"BF16, 4097, 1536, 0", "BF16, 33, 11008, 16", "BF16, 1, 1100, 3", "F16, 33, 1536, 16", "F16, 2, 5, 0"})
  void gates(DType dtype, int rows, int width, int spareColumns) {
    use(dtype, spareColumns);
    for (Activation activation : Activation.values()) {
      Tensor both = matrix(rows, 2 * width);
      Tensor gate = Ops.narrow(both, 1, 0, width);
      Tensor up = Ops.narrow(both, 1, width, width);
      Tensor y = matrix(rows, width);
      Tensor dy = matrix(rows, width);
      Tensor want = exact(y);
      Tensor wantGate = exact(y);
      Tensor wantUp = exact(y);
      PLAIN.gated(activation, exact(gate), exact(up), want);
      PLAIN.gatedBackward(activation, exact(gate), exact(up), exact(dy), wantGate, wantUp, Optional.empty());

      kernels.copy(gate, y);
      assertClose(y, exact(gate));
      kernels.gated(activation, gate, up, y);
      assertClose(y, want);
      Tensor dgate = matrix(rows, width);
      Tensor dup = matrix(rows, width);
      kernels.gatedBackward(activation, gate, up, dy, dgate, dup, Optional.empty());
      assertClose(dgate, wantGate);
      assertClose(dup, wantUp);
      kernels.gatedBackward(activation, gate, up, dy, gate, up, Optional.of(dy));
      assertClose(gate, wantGate);
      assertClose(up, wantUp);
      assertClose(dy, want);
    }
  }

  /** Its rows lie in wider ones. */
  private Tensor matrix(int rows, int width) {
    float[] values = Seeds.uniform(random, rows * (width + spare), 3);
    return Ops.narrow(Tensors.to(Tensors.of(values, rows, width + spare), gpu), 1, 0, width);
  }

  private static Tensor exact(Tensor x) {
    return Tensors.copy(Tensors.to(x, EXACT));
  }

  /** Half a unit in the last place, and what float32 loses on the way. */
  private static void assertClose(Tensor actual, Tensor expected) {
    double unit = Math.pow(2, switch (DType.of(actual)) {
      case BF16 -> -8;
      case F16 -> -11;
      default -> -18;
    });
    double[] got = Tensors.doubles(actual);
    double[] want = Tensors.doubles(expected);
    double largest = 0;
    for (double value : want) {
      largest = Math.max(largest, Math.abs(value));
    }
    assertThat(got).hasSameSizeAs(want);
    double worst = 0;
    for (int i = 0; i < want.length; i++) {
      double error = Math.abs(got[i] - want[i]) / (Math.abs(want[i]) + 0.05 * largest) / unit;
      worst = error <= worst ? worst : error; // NaN stays
    }
    assertThat(worst).isLessThan(1.1);
  }
}
