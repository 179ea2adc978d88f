package thanora.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import java.util.Random;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The kernel beside the formula in float64 on the CPU, from the same 16-bit logits. */
@Tag("gpu")
class CrossEntropyTest {
  private static final Placement EXACT = new Placement("cpu", DType.F64);

  @ParameterizedTest
  @CsvSource({"BF16, 1, 32000, 0", "BF16, 257, 49152, 30", "BF16, 3, 8, 0", "F16, 33, 4104, 0", "F16, 2, 151936, 5"})
  void equalsTheFormula(DType dtype, int rows, int vocabulary, double cap) {
    Placement gpu = new Placement("cuda", dtype);
    Random random = new Random(rows);
    int[] targets = random.ints(rows, 0, vocabulary).toArray();
    float[] factors = Seeds.uniform(random, rows, 2);
    try (TensorScope scope = TensorScope.open()) {
      Tensor logits = Tensors.to(Tensors.of(Seeds.uniform(random, rows * vocabulary, 4), rows, vocabulary), gpu);
      Tensor exact = Tensors.to(logits, EXACT);
      Tensor nll = Tensors.empty(gpu.with(DType.F32), rows);
      Tensor ids = Tensors.of(targets, "cuda");
      CrossEntropy kernel = CrossEntropy.of(gpu, vocabulary).orElseThrow();

      kernel.apply(logits, ids, Optional.empty(), cap, nll);
      Tensor column = Tensors.of(targets, "cpu").unsqueeze(1);
      Tensor total = Ops.logSumExp(exact);
      double[] losses = Tensors.doubles(Ops.sub(total, exact.gather(1, column)).view(-1));
      double[] measured = Tensors.doubles(nll);
      assertThat(Tensors.doubles(Tensors.to(logits, EXACT))).isEqualTo(Tensors.doubles(exact));

      kernel.apply(logits, ids, Optional.of(Tensors.to(Tensors.of(factors, rows, 1), gpu.with(DType.F32))), cap, nll);
      double[] gradient = Tensors.doubles(Tensors.to(logits, EXACT));
      double[] before = Tensors.doubles(exact);
      double[] totals = Tensors.doubles(total);
      double unit = dtype == DType.BF16 ? 0x1p-8 : 0x1p-11;
      for (int row = 0; row < rows; row++) {
        assertThat(Math.abs(measured[row] - losses[row])).as("row " + row).isLessThan(1e-5);
        double largest = 0;
        double error = 0;
        for (int i = 0; i < vocabulary; i++) {
          double logit = before[row * vocabulary + i];
          double slope = cap == 0 ? 1 : 1 - logit / cap * (logit / cap);
          double want = factors[row] * slope * (Math.exp(logit - totals[row]) - (i == targets[row] ? 1 : 0));
          largest = Math.max(largest, Math.abs(want));
          // float16 has no numbers between 0 and 2^-24
          double beyond = Math.abs(gradient[row * vocabulary + i] - want) - 0x1p-25;
          error = Math.max(error, beyond / Math.max(Math.abs(want), 0x1p-25));
        }
        assertThat(largest).isPositive();
        assertThat(error).as("row " + row).isBetween(0.0, unit); // not NaN either
      }
    }
  }
}
