package thanora;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URISyntaxException;
import java.nio.file.Path;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.Tensors;

/** Expected values made by the scripts in scripts/golden. */
public final class Golden {
  private Golden() {}

  /** A file or folder under src/test/resources/golden. */
  public static Path path(String name) {
    try {
      return Path.of(Golden.class.getResource("/golden/" + name).toURI());
    } catch (URISyntaxException e) {
      throw new IllegalArgumentException(name, e);
    }
  }

  /** Largest difference over the largest expected value must stay below {@code tolerance}. */
  public static void assertClose(String what, Tensor actual, Tensor expected, double tolerance) {
    assertThat(Tensors.shape(actual)).as(what + ": shape").isEqualTo(Tensors.shape(expected));
    assertClose(what, Tensors.doubles(actual), Tensors.doubles(expected), tolerance);
  }

  /** Largest difference over the largest expected value must stay below {@code tolerance}. */
  public static void assertClose(String what, double[] actual, double[] expected, double tolerance) {
    assertThat(actual.length).as(what + ": length").isEqualTo(expected.length);
    double largest = 1e-12;
    int worst = 0;
    for (int i = 0; i < expected.length; i++) {
      largest = Math.max(largest, Math.abs(expected[i]));
      if (!(Math.abs(actual[i] - expected[i]) <= Math.abs(actual[worst] - expected[worst]))) {
        worst = i;
      }
    }
    double relative = expected.length == 0 ? 0 : Math.abs(actual[worst] - expected[worst]) / largest;
    assertThat(relative)
        .as("%s: worst at %d: %s, expected %s", what, worst,
            expected.length == 0 ? "" : actual[worst], expected.length == 0 ? "" : expected[worst])
        .isLessThanOrEqualTo(tolerance);
  }
}
