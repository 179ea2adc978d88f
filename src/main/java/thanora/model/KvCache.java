package thanora.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.Tensors;

/**
 * Keys and values of rows being generated: room for {@code capacity} tokens a row, allocated once.
 *
 * <p>Layout (rows · capacity, Hkv · Dh) a layer, so that a step is one indexed copy.
 */
public final class KvCache implements Past {
  private final int rows;
  private final int capacity;
  private final List<Tensor> keys = new ArrayList<>();
  private final List<Tensor> values = new ArrayList<>();
  private final int[] lengths;
  private final String device;
  // Both belong to the scope of the step that made them.
  private Tensor slots; // (N) where this step's tokens go
  private Tensor mask; // (rows, 1, 1, longest): which keys a row's new token sees
  private int longest;

  KvCache(ModelConfig config, int rows, int capacity, Placement placement) {
    this.rows = rows;
    this.device = placement.device();
    this.capacity = capacity;
    this.lengths = new int[rows];
    for (int layer = 0; layer < config.layers(); layer++) {
      keys.add(Tensors.zeros(placement, (long) rows * capacity, config.kvWidth()));
      values.add(Tensors.zeros(placement, (long) rows * capacity, config.kvWidth()));
    }
  }

  void startRows(int[] rowStarts) {
    long[] where = new long[rowStarts[rows]];
    for (int row = 0; row < rows; row++) {
      lengths[row] = rowStarts[row + 1] - rowStarts[row];
      if (lengths[row] > capacity) {
        throw new IllegalArgumentException("row of " + lengths[row] + " tokens does not fit a cache of " + capacity);
      }
      for (int i = 0; i < lengths[row]; i++) {
        where[rowStarts[row] + i] = (long) row * capacity + i;
      }
    }
    slots = Tensors.of(where, device);
    longest = 0;
  }

  /** Whether some row holds exactly that many tokens. */
  boolean hasRowOf(int tokens) {
    return Arrays.stream(lengths).anyMatch(length -> length == tokens);
  }

  int[] nextPositions() {
    int[] positions = lengths.clone();
    long[] where = new long[rows];
    longest = 0;
    for (int row = 0; row < rows; row++) {
      if (lengths[row] == capacity) {
        throw new IllegalStateException("the cache of " + capacity + " tokens a row is full");
      }
      where[row] = (long) row * capacity + lengths[row];
      longest = Math.max(longest, ++lengths[row]);
    }
    float[] seen = new float[rows * longest];
    for (int row = 0; row < rows; row++) {
      Arrays.fill(seen, row * longest, row * longest + lengths[row], 1f);
    }
    slots = Tensors.of(where, device);
    mask = Tensors.to(Tensors.of(seen, rows, 1, 1, longest), new Placement(device, DType.BOOL));
    return positions;
  }

  @Override
  public Optional<Tensor> attend(int layer, Tensor q, Tensor k, Tensor v, ModelConfig config) {
    keys.get(layer).index_copy_(0, slots, k);
    values.get(layer).index_copy_(0, slots, v);
    boolean isDecoding = longest > 0; // rows go on token by token, after their first pass
    return isDecoding ? Optional.of(attend(layer, q.unsqueeze(2), config)) : Optional.empty();
  }

  /** Attention of one new token a row, q (rows, H, 1, Dh), over what the cache holds. */
  private Tensor attend(int layer, Tensor q, ModelConfig config) {
    int window = config.byLayer().get(layer).window();
    Tensor seen = window > 0 && longest > window ? Ops.mul(mask, windowMask(window)) : mask;
    return config.scores().masked(q, heads(keys.get(layer), config), heads(values.get(layer), config), seen);
  }

  private Tensor windowMask(int window) {
    float[] near = new float[rows * longest];
    for (int row = 0; row < rows; row++) {
      int from = Math.max(0, lengths[row] - window);
      Arrays.fill(near, row * longest + from, row * longest + lengths[row], 1f);
    }
    return Tensors.to(Tensors.of(near, rows, 1, 1, longest), new Placement(device, DType.BOOL));
  }

  private Tensor heads(Tensor stored, ModelConfig config) {
    return stored.view(rows, capacity, config.kvHeads(), config.headDim()).narrow(1, 0, longest).transpose(1, 2);
  }
}
