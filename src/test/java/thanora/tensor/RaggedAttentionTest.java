package thanora.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Beside padded attention in float64 on the CPU, from the same bfloat16 numbers, row by row. */
@Tag("gpu")
class RaggedAttentionTest {
  private static final int HEADS = 4;
  private static final int KEY_HEADS = 2;
  private static final int WIDTH = 64;
  private static final double SCALE = 0.2;
  private static final Placement GPU = new Placement("cuda", DType.BF16);
  private static final Placement EXACT = new Placement("cpu", DType.F64);

  private int[] starts;

  @ParameterizedTest
  @CsvSource({"0, false", "7, false", "0, true"})
  void equalsPaddedAttentionInValueAndGradients(int window, boolean equallyLong) {
    starts = equallyLong ? new int[] {0, 128, 256} : new int[] {0, 5, 6, 40, 57};
    try (TensorScope scope = TensorScope.open()) {
      Tensor q = heads(HEADS, 1);
      Tensor k = heads(KEY_HEADS, 2);
      Tensor v = heads(KEY_HEADS, 3);
      Tensor dy = heads(HEADS, 4);
      assertThat(RaggedAttention.serves(q)).isTrue();
      List<Tensor> inputs = List.of(leaf(q), leaf(k), leaf(v));
      Tensor firsts = Tensors.to(Tensors.of(starts, "cuda"), new Placement("cuda", DType.I32));

      RaggedAttention.Result result = RaggedAttention.forward(inputs.get(0), inputs.get(1), inputs.get(2),
          new RaggedAttention.Rows(SCALE, firsts, equallyLong ? 128 : 34, window));
      assertThat(result.dense()).isEqualTo(equallyLong);
      Tensor y = result.output();
      List<Tensor> gradients = Ops.gradients(y, inputs, dy);

      List<Tensor> wide = inputs.stream().map(x -> leaf(Tensors.to(x.detach(), EXACT))).toList();
      Tensor expected = byRow(wide.get(0), wide.get(1), wide.get(2), window);
      List<Tensor> expectedGradients = Ops.gradients(expected, wide, Tensors.to(dy, EXACT));
      assertThat(distance(y, expected)).isLessThan(1e-2);
      for (int i = 0; i < 3; i++) {
        assertThat(distance(gradients.get(i), expectedGradients.get(i))).as("gradient " + i).isLessThan(2e-2);
      }
    }
  }

  private Tensor heads(int count, long seed) {
    int tokens = starts[starts.length - 1];
    float[] values = Seeds.uniform(new Random(seed), tokens * count * WIDTH, 2);
    return Tensors.to(Tensors.of(values, tokens, count, WIDTH), GPU);
  }

  private static Tensor leaf(Tensor x) {
    Tensor leaf = x.detach();
    leaf.set_requires_grad(true);
    return leaf;
  }

  private Tensor byRow(Tensor q, Tensor k, Tensor v, int window) {
    List<Tensor> rows = new ArrayList<>();
    for (int row = 0; row + 1 < starts.length; row++) {
      int length = starts[row + 1] - starts[row];
      float[] seen = new float[length * length];
      for (int t = 0; t < length; t++) {
        for (int s = window == 0 ? 0 : Math.max(0, t - window + 1); s <= t; s++) {
          seen[t * length + s] = 1;
        }
      }
      Tensor mask = Tensors.to(Tensors.of(seen, 1, 1, length, length), new Placement("cpu", DType.BOOL));
      Tensor y = Ops.attention(row(q, row), row(k, row), row(v, row), SCALE, mask);
      rows.add(y.squeeze(0).transpose(0, 1));
    }
    return Ops.cat(0, rows.toArray(Tensor[]::new));
  }

  /** (1, H, L, Dh). */
  private Tensor row(Tensor x, int row) {
    return Ops.narrow(x, 0, starts[row], starts[row + 1] - starts[row]).transpose(0, 1).unsqueeze(0);
  }

  private static double distance(Tensor actual, Tensor expected) {
    Tensor wide = Tensors.to(actual.detach(), EXACT);
    return Ops.norm(Ops.sub(wide, expected.detach())).item_double() / Ops.norm(expected.detach()).item_double();
  }
}
