package thanora.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Products of segments beside the same sums by hand in float64. */
class SegmentProductsTest {
  private static final int[] ENDS = {3, 3, 10, 17}; // the second is empty
  private static final int LEFT = 8;
  private static final int RIGHT = 24;

  private final TensorScope scope = TensorScope.open();
  private final Random random = new Random(1);

  @AfterEach
  void close() {
    scope.close();
  }

  @Test
  void theyAreThoseOfEachSegmentAlone() {
    Tensor left = draw(LEFT, DType.BF16);
    Tensor right = draw(RIGHT, DType.BF16);
    assertTrue(Ops.servesSegments(left, right));
    Tensor ends = Tensors.to(Tensors.of(ENDS, "cpu"), new Placement("cpu", DType.I32));
    Tensor products = Ops.segmentProducts(left, right, ends);
    assertArrayEquals(new long[] {ENDS.length, LEFT, RIGHT}, Tensors.shape(products));
    double[] a = Tensors.doubles(left);
    double[] b = Tensors.doubles(right);
    double[] found = Tensors.doubles(products);
    double[] expected = new double[found.length];
    for (int segment = 0, token = 0; segment < ENDS.length; segment++) {
      for (; token < ENDS[segment]; token++) {
        for (int i = 0; i < LEFT * RIGHT; i++) {
          expected[segment * LEFT * RIGHT + i] += a[token * LEFT + i / RIGHT] * b[token * RIGHT + i % RIGHT];
        }
      }
    }
    for (int i = 0; i < expected.length; i++) {
      assertTrue(Math.abs(found[i] - expected[i]) <= 0.01 * Math.max(1, Math.abs(expected[i])), i + ": " + found[i]);
    }
    assertTrue(Arrays.stream(found, LEFT * RIGHT, 2 * LEFT * RIGHT).allMatch(value -> value == 0));
  }

  @Test
  void otherTypesAndWidthsAreNotServed() {
    assertFalse(Ops.servesSegments(draw(LEFT, DType.F32), draw(RIGHT, DType.F32)));
    assertFalse(Ops.servesSegments(draw(LEFT - 1, DType.BF16), draw(RIGHT, DType.BF16)));
    assertFalse(Ops.servesSegments(draw(LEFT, DType.BF16), draw(RIGHT + 4, DType.BF16)));
  }

  private Tensor draw(int width, DType type) {
    double[] values = random.doubles((long) ENDS[ENDS.length - 1] * width, -1, 1).toArray();
    return Tensors.cast(Tensors.of(values, ENDS[ENDS.length - 1], width), type);
  }
}
