package thanora.lora;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * How far the tasks' subspaces lie in each other: the mean |cos| between rows of A, and between columns
 * of B, that belong to different tasks. What SPR holds down; 0 where all are at right angles.
 *
 * @param layersA of A, by decoder layer; NaN where no two tasks have rows
 * @param layersB of B
 * @param pairsA of A, T x T over all modules; NaN on the diagonal
 * @param pairsB of B
 */
public record Overlaps(double[] layersA, double[] layersB, double[][] pairsA, double[][] pairsB) {
  /** Mean over layers of A. */
  public double meanA() {
    return mean(layersA);
  }

  /** Mean over layers of B. */
  public double meanB() {
    return mean(layersB);
  }

  private static double mean(double[] values) {
    return Arrays.stream(values).filter(Double::isFinite).average().orElse(Double.NaN);
  }

  /**
   * Of the first member; a few products of r x r numbers a module.
   *
   * @return empty where the adapter has no A and B, or its rows do not belong to several tasks
   */
  public static Optional<Overlaps> of(Adapter adapter) {
    List<String> modules = new ArrayList<>(adapter.modules());
    Blocks first = adapter.blocks(modules.get(0));
    boolean hasFactors = adapter.stacks().stream().allMatch(stack ->
        stack.fields().keySet().containsAll(List.of(LoraAdapter.A, LoraAdapter.BT)));
    if (!hasFactors || first == null || first.tasks() < 2) {
      return Optional.empty();
    }
    Sums a = new Sums(first.tasks());
    Sums b = new Sums(first.tasks());
    for (Adapter.Stack stack : adapter.stacks()) {
      a.add(adapter, stack, LoraAdapter.A);
      b.add(adapter, stack, LoraAdapter.BT);
    }
    return Optional.of(new Overlaps(a.layers(), b.layers(), a.pairs(), b.pairs()));
  }

  /** Σ |cos| and how many of them, by layer and by pair of tasks. */
  private static final class Sums {
    private final int tasks;
    private final Map<Integer, double[]> byLayer = new TreeMap<>();
    private final double[][] sums;
    private final double[][] counts;

    Sums(int tasks) {
      this.tasks = tasks;
      this.sums = new double[tasks][tasks];
      this.counts = new double[tasks][tasks];
    }

    void add(Adapter adapter, Adapter.Stack stack, String field) {
      float[] grams = grams(stack.field(field).values());
      int r = adapter.rank();
      for (int module = 0; module < stack.names().size(); module++) {
        String name = stack.names().get(module);
        add(grams, module * r * r, adapter.blocks(name), Conflicts.layer(name));
      }
    }

    /** The products of all rows of each module, (n, r, r). */
    private static float[] grams(Tensor values) {
      try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
        Tensor rows = values.select(0, 0);
        return Tensors.floats(Ops.bmm(rows, Ops.transposeLast(rows)));
      }
    }

    private void add(float[] gram, int start, Blocks blocks, OptionalInt layer) {
      int r = blocks.r();
      int[] block = blocks.blockOfRow();
      double[] own = layer.isPresent()
          ? byLayer.computeIfAbsent(layer.getAsInt(), index -> new double[2]) : new double[2];
      for (int i = 0; i < blocks.taskRows(); i++) {
        for (int j = i + 1; j < blocks.taskRows(); j++) {
          double lengths = Math.sqrt((double) gram[start + i * r + i] * gram[start + j * r + j]);
          if (block[i] != block[j] && lengths > 0) {
            double cosine = Math.abs(gram[start + i * r + j]) / lengths;
            sums[block[i]][block[j]] += cosine;
            counts[block[i]][block[j]]++;
            own[0] += cosine;
            own[1]++;
          }
        }
      }
    }

    double[] layers() {
      return byLayer.values().stream().mapToDouble(sum -> sum[1] > 0 ? sum[0] / sum[1] : Double.NaN).toArray();
    }

    double[][] pairs() {
      double[][] pairs = new double[tasks][tasks];
      for (int i = 0; i < tasks; i++) {
        for (int j = 0; j < tasks; j++) {
          int low = Math.min(i, j);
          int high = Math.max(i, j);
          pairs[i][j] = counts[low][high] > 0 ? sums[low][high] / counts[low][high] : Double.NaN;
        }
      }
      return pairs;
    }
  }
}
