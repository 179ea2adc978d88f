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
import thanora.model.Angles;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.Seeds;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/** Each kernel beside {@link PlainKernels} in float64 on the CPU, from the same numbers. */
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
    "BF16, 2, 7, 0", "F16, 4097, 576, 0", "F16, 1, 4096, 8", "F16, 33, 4100, 0", "F32, 33, 576, 8", "F32, 3, 4100, 1"
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
    "F16, 1, 2, 96, 24, 0", "F16, 33, 12, 64, 32, 3", "F32, 33, 12, 64, 32, 8", "F32, 5, 3, 20, 10, 3"
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
  @CsvSource({"BF16, 4097, 1536, 0", "BF16, 33, 11008, 16", "BF16, 1, 1100, 3", "F16, 33, 1536, 16", "F16, 2, 5, 0",
      "F32, 33, 1536, 16", "F32, 2, 5, 0"})
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

  /** Rows of unequal length go on by a token: what attention gives, and what then is in the cache of both layers. */
  @ParameterizedTest
  @CsvSource({
    "BF16, 9, 3, 64, 32, 0, 0", "BF16, 32, 8, 128, 64, 0, 16", "BF16, 4, 4, 80, 16, 5, 0", "BF16, 3, 1, 256, 128, 40, 3",
    "BF16, 4, 2, 20, 10, 0, 0", "BF16, 6, 2, 64, 0, 0, 0", "F16, 9, 3, 64, 32, 0, 8", "F16, 2, 1, 8, 4, 7, 0",
    "F32, 9, 3, 64, 32, 0, 0", "F32, 6, 2, 128, 64, 40, 4", "F32, 4, 2, 20, 10, 0, 3"
  })
  void attendsOneTokenMore(
      DType dtype, int queries, int keys, int width, int half, int window, int spareColumns) {
    use(dtype, spareColumns);
    NextTokens.Heads heads = new NextTokens.Heads(queries, keys, width, window, 0.5 / Math.sqrt(width));
    int[] lengths = {0, 1, 7, 39, 150, 1000};
    Cached cached = new Cached(keys * width, lengths);
    for (Placement ofAngles : List.of(gpu, gpu.with(DType.F32))) {
      Tensor qkv = matrix(lengths.length, (queries + 2 * keys) * width);
      Optional<Angles> angles = half == 0 ? Optional.empty() : Optional.of(angles(lengths.length, half, ofAngles));
      Tensor to = matrix(lengths.length, queries * width);
      Tensor untouched = exact(cached.keys.get(0));
      Tensor want = cached.attended(heads, exact(qkv), angles);
      kernels.nextTokens(width).orElseThrow().attend(
          new NextTokens.Cache(cached.addresses(), 1, Tensors.of(lengths, "cuda")), heads, qkv, angles, to);
      assertClose(to, want);
      assertClose(cached.keys.get(1), cached.wantKeys);
      assertClose(cached.values.get(1), cached.wantValues);
      assertClose(cached.keys.get(0), untouched);
    }
  }

  private Angles angles(int rows, int half, Placement placement) {
    List<Tensor> both = List.of(Seeds.uniform(random, rows * half, 1), Seeds.uniform(random, rows * half, 1)).stream()
        .map(values -> Tensors.to(Tensors.of(values, rows, half), placement)).toList();
    return new Angles(both.get(0).unsqueeze(1), both.get(1).unsqueeze(1), both.get(0), both.get(1));
  }

  /** Keys and values of two layers, and what they and attention come to in float64. */
  private final class Cached {
    static final int ROOM = 1008;

    final int width;
    final int[] lengths;
    final List<Tensor> keys;
    final List<Tensor> values;
    Tensor wantKeys;
    Tensor wantValues;

    Cached(int width, int[] lengths) {
      this.width = width;
      this.lengths = lengths;
      keys = List.of(side(), side());
      values = List.of(side(), side());
    }

    private Tensor side() {
      int rows = lengths.length * ROOM;
      return Tensors.to(Tensors.of(Seeds.uniform(random, rows * width, 3), rows, width), gpu);
    }

    Tensor addresses() {
      long[] found = new long[4 * lengths.length];
      for (int i = 0; i < found.length; i++) {
        Tensor side = (i / lengths.length % 2 == 0 ? keys : values).get(i / (2 * lengths.length));
        found[i] = Tensors.address(side) + (long) (i % lengths.length) * ROOM * width * side.element_size();
      }
      return Tensors.of(found, "cuda").view(2, 2, lengths.length);
    }

    /** Of layer 1. */
    Tensor attended(NextTokens.Heads heads, Tensor qkv, Optional<Angles> angles) {
      wantKeys = exact(keys.get(1));
      wantValues = exact(values.get(1));
      int both = (heads.queries() + heads.keys()) * heads.width();
      Tensor turned = Ops.narrow(qkv, 1, 0, both);
      angles.ifPresent(of -> PLAIN.turn(turned, heads.width(), exact(of.flatCos()), exact(of.flatSin()), false, turned));
      Tensor stored = exact(Tensors.to(turned, gpu)); // as the cache's type rounds it
      Tensor[] mixed = new Tensor[lengths.length];
      for (int row = 0; row < lengths.length; row++) {
        int length = lengths[row];
        Ops.narrow(wantKeys, 0, row * ROOM + length, 1)
            .copy_(Ops.narrow(Ops.narrow(stored, 0, row, 1), 1, heads.queries() * heads.width(), width));
        Ops.narrow(wantValues, 0, row * ROOM + length, 1).copy_(Ops.narrow(Ops.narrow(qkv, 0, row, 1), 1, both, width));
        int seen = heads.window() == 0 ? length + 1 : Math.min(heads.window(), length + 1);
        Tensor query = Ops.narrow(Ops.narrow(stored, 0, row, 1), 1, 0, heads.queries() * heads.width());
        mixed[row] = Ops.attention(ofHeads(query, heads), ofHeads(seen(wantKeys, row, length, seen), heads),
            ofHeads(seen(wantValues, row, length, seen), heads), heads.scale(), false).reshape(1, -1);
      }
      return Ops.cat(0, mixed);
    }

    private Tensor seen(Tensor side, int row, int length, int seen) {
      return Ops.narrow(side, 0, row * ROOM + length + 1 - seen, seen);
    }

    /** (n, H Dh) → (1, H, n, Dh). */
    private Tensor ofHeads(Tensor x, NextTokens.Heads heads) {
      return x.reshape(1, x.size(0), -1, heads.width()).transpose(1, 2);
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
