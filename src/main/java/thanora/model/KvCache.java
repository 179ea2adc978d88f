package thanora.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * Keys and values of rows being generated: room for {@code capacity} tokens a row, allocated once. The
 * rows in use come first; each is that row of every member.
 *
 * <p>Layout (members · rows · capacity, Hkv · Dh) a layer, so that a step is one indexed copy.
 */
public final class KvCache implements Past {
  /** Kernels of attention read masks in pieces of so many keys. */
  private static final int PIECE = 16;

  private final int members;
  private final int rows;
  private final int capacity;
  private final Placement placement;
  private final List<Tensor> keys = new ArrayList<>();
  private final List<Tensor> values = new ArrayList<>();
  private final int[] lengths; // of each row, alike for all members
  private final Optional<Tensor> addresses; // of all rows
  // What follows belongs to the scope of the step that made it.
  private Tensor slots; // (N) where this step's tokens go
  private Map<Integer, Tensor> seen = Map.of(); // by window: which keys a row's new token sees
  private int decoded; // rows that go on by a token; 0 where rows begin
  private int longest;

  KvCache(ModelConfig config, int members, int rows, int capacity, Placement placement) {
    this.members = members;
    this.rows = rows;
    this.placement = placement;
    this.capacity = (capacity + PIECE - 1) / PIECE * PIECE;
    this.lengths = new int[rows];
    for (int layer = 0; layer < config.layers(); layer++) {
      keys.add(Tensors.zeros(placement, (long) members * rows * this.capacity, config.kvWidth()));
      values.add(Tensors.zeros(placement, (long) members * rows * this.capacity, config.kvWidth()));
    }
    this.addresses = placement.isCpu() ? Optional.empty() : Optional.of(addressesOfRows());
  }

  private Tensor addressesOfRows() {
    long[] found = new long[2 * keys.size() * rows * members];
    int at = 0;
    for (int layer = 0; layer < keys.size(); layer++) {
      for (Tensor stored : List.of(keys.get(layer), values.get(layer))) {
        long bytes = (long) capacity * stored.size(1) * placement.dtype().bytes();
        for (int row = 0; row < members * rows; row++) {
          found[at++] = Tensors.address(stored) + row * bytes;
        }
      }
    }
    return Tensors.of(found, placement.device()).view(keys.size(), 2, (long) members * rows);
  }

  /** Tokens of a row. */
  int length(int row) {
    return lengths[row];
  }

  /**
   * Makes the next step's tokens the first ones of some rows, whatever was in them.
   *
   * @param begun the rows
   * @param rowStarts first token of each, for one member after the other, and N at the end
   */
  void begin(int[] begun, int[] rowStarts) {
    long[] where = new long[rowStarts[rowStarts.length - 1]];
    for (int i = 0; i + 1 < rowStarts.length; i++) {
      int row = begun[i % begun.length];
      lengths[row] = rowStarts[i + 1] - rowStarts[i];
      if (lengths[row] > capacity) {
        throw new IllegalArgumentException("row of " + lengths[row] + " tokens does not fit a cache of " + capacity);
      }
      long first = slot(i / begun.length, row);
      for (int t = 0; t < lengths[row]; t++) {
        where[rowStarts[i] + t] = first + t;
      }
    }
    slots = Tensors.of(where, placement.device());
    decoded = 0;
  }

  /**
   * Makes the next step's tokens one more for each of the first rows; returns their positions, for one
   * member after the other.
   *
   * @param config says how far a token sees
   */
  int[] goOn(int used, ModelConfig config) {
    int[] positions = new int[members * used];
    long[] where = new long[members * used];
    for (int i = 0; i < where.length; i++) {
      int row = i % used;
      if (lengths[row] == capacity) {
        throw new IllegalStateException("the cache of " + capacity + " tokens a row is full");
      }
      positions[i] = lengths[row];
      where[i] = slot(i / used, row) + lengths[row];
    }
    longest = 0;
    for (int row = 0; row < used; row++) {
      longest = Math.max(longest, ++lengths[row]);
    }
    longest = (longest + PIECE - 1) / PIECE * PIECE;
    slots = Tensors.of(where, placement.device());
    decoded = used;
    seen = new HashMap<>();
    config.byLayer().stream().mapToInt(ModelConfig.Layer::window).distinct()
        .forEach(window -> seen.put(window, mask(window, config.scores())));
    return positions;
  }

  private long slot(int member, int row) {
    return ((long) member * rows + row) * capacity;
  }

  /** (members · decoded, 1, 1, longest). */
  private Tensor mask(int window, Scores scores) {
    boolean[] near = new boolean[members * decoded * longest];
    for (int i = 0; i < members * decoded; i++) {
      int length = lengths[i % decoded];
      int from = window > 0 ? Math.max(0, length - window) : 0;
      Arrays.fill(near, i * longest + from, i * longest + length, true);
    }
    return scores.mask(near, placement, (long) members * decoded, 1, 1, longest);
  }

  /** Copies a row of every member over another one. */
  void move(int from, int to) {
    try (TensorScope scope = TensorScope.open()) {
      for (List<Tensor> side : List.of(keys, values)) {
        for (Tensor stored : side) {
          Tensor byRow = stored.view(members, rows, (long) capacity * stored.size(1));
          byRow.select(1, to).copy_(byRow.select(1, from));
        }
      }
    }
    lengths[to] = lengths[from];
  }

  @Override
  public Optional<Tensor> attend(int layer, Tensor q, Tensor k, Tensor v, ModelConfig config) {
    keys.get(layer).index_copy_(0, slots, k);
    values.get(layer).index_copy_(0, slots, v);
    return decoded > 0 ? Optional.of(attend(layer, q, config)) : Optional.empty();
  }

  /** {@inheritDoc} Of one member, whose rows in use come first. */
  @Override
  public Optional<Tensor> addresses() {
    return decoded > 0 && members == 1 ? addresses : Optional.empty();
  }

  /**
   * Attention of one new token a row over what the cache holds. The heads that share keys are taken for
   * as many queries of one head: no kernel has to repeat the keys.
   *
   * @param q (N, H, Dh)
   */
  private Tensor attend(int layer, Tensor q, ModelConfig config) {
    Tensor grouped = q.view(q.size(0), config.kvHeads(), -1, config.headDim()); // (N, Hkv, H / Hkv, Dh)
    return config.scores().masked(grouped, heads(keys.get(layer), config), heads(values.get(layer), config),
        seen.get(config.byLayer().get(layer).window()));
  }

  /** (N, Hkv, longest, Dh). */
  private Tensor heads(Tensor stored, ModelConfig config) {
    Tensor used = Ops.narrow(
        Ops.narrow(stored.view(members, rows, capacity, -1), 1, 0, decoded), 2, 0, longest);
    Tensor flat = members == 1 ? used.squeeze(0) : used.reshape((long) members * decoded, longest, -1);
    return flat.view(flat.size(0), longest, config.kvHeads(), config.headDim()).transpose(1, 2);
  }
}
