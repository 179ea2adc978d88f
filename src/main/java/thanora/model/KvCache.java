package thanora.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * Keys and values of rows being generated: room for {@code capacity} tokens a row, allocated once. The
 * rows in use come first; each is that row of every member.
 *
 * <p>Layout (members · rows · capacity, Hkv · Dh) a layer, so that a step is one indexed copy. What all rows
 * begin with can be read once and {@link #share shared}.
 */
public final class KvCache implements Past {
  /** Kernels of attention read masks in pieces of so many keys. */
  private static final int PIECE = 16;

  private final int members;
  private final int rows;
  private final int capacity;
  private final Placement placement;
  private final Tensor all; // (2 · layers, members, rows, capacity, Hkv · Dh): keys and values in turn
  private final List<Tensor> keys = new ArrayList<>();
  private final List<Tensor> values = new ArrayList<>();
  private final int[] lengths; // of each row, alike for all members
  private final Optional<Tensor> addresses; // of all rows
  private Optional<Tensor> prefix = Optional.empty(); // (2 · layers, members, shared tokens, Hkv · Dh)
  // What follows belongs to the scope of the step that made it.
  private Tensor slots; // (N) where this step's tokens go
  private Map<Integer, Tensor> seen = Map.of(); // by window: which keys a row's new token sees
  private int first; // row of this step
  private int used; // rows of this step, from the first one on
  private boolean behind; // whether they have tokens before those of this step
  private boolean oneMore; // whether this step's are one for each row
  private int longest;

  KvCache(ModelConfig config, int members, int rows, int capacity, Placement placement) {
    this.members = members;
    this.rows = rows;
    this.placement = placement;
    this.capacity = (capacity + PIECE - 1) / PIECE * PIECE;
    this.lengths = new int[rows];
    this.all = Tensors.zeros(placement, 2L * config.layers(), members, rows, this.capacity, config.kvWidth());
    for (int layer = 0; layer < config.layers(); layer++) {
      keys.add(all.select(0, 2L * layer).view(-1, config.kvWidth()));
      values.add(all.select(0, 2L * layer + 1).view(-1, config.kvWidth()));
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
   * Makes the next step's tokens the first ones of some rows, whatever was in them, or those behind the shared ones.
   *
   * @param begun the rows; one after another where they share tokens
   * @param rowStarts first token of each, for one member after the other, and N at the end
   * @param shared whether they do
   * @return tokens that they have already
   */
  int begin(int[] begun, int[] rowStarts, boolean shared, ModelConfig config) {
    int before = shared ? (int) prefix.orElseThrow().size(2) : 0;
    long[] where = new long[rowStarts[rowStarts.length - 1]];
    int more = 0;
    for (int i = 0; i + 1 < rowStarts.length; i++) {
      int row = begun[i % begun.length];
      int tokens = rowStarts[i + 1] - rowStarts[i];
      more = Math.max(more, tokens);
      lengths[row] = before + tokens;
      if (lengths[row] > capacity) {
        throw new IllegalArgumentException("row of " + lengths[row] + " tokens does not fit a cache of " + capacity);
      }
      for (int t = 0; t < tokens; t++) {
        where[rowStarts[i] + t] = slot(i / begun.length, row) + before + t;
      }
    }
    slots = Tensors.of(where, placement.device());
    step(begun[0], begun.length, shared);
    if (shared) {
      Ops.narrow(Ops.narrow(all, 2, first, used), 3, 0, before).copy_(prefix.get().unsqueeze(2));
      longest = pieces(before + more);
      int queries = more;
      seen(config, window -> maskBehind(before, queries, window, config));
    }
    return before;
  }

  /** Keeps the first tokens of the first row, which all rows to come begin with; the caller's scope owns them. */
  void share(int tokens) {
    prefix = Optional.of(Tensors.copy(Ops.narrow(all.select(2, 0), 2, 0, tokens)));
  }

  private void step(int firstRow, int rowsUsed, boolean goesOn) {
    first = firstRow;
    used = rowsUsed;
    behind = goesOn;
    oneMore = false;
  }

  /** Whole pieces, as far as there is room for them: its size is one, too. */
  private static int pieces(int tokens) {
    return (tokens + PIECE - 1) / PIECE * PIECE;
  }

  private void seen(ModelConfig config, IntFunction<Tensor> mask) {
    seen = new HashMap<>();
    config.byLayer().stream().mapToInt(ModelConfig.Layer::window).distinct()
        .forEach(window -> seen.put(window, mask.apply(window)));
  }

  /** (1, 1, heads of a key · queries, longest): alike for all rows, since what is behind a row's end is behind its queries. */
  private Tensor maskBehind(int before, int queries, int window, ModelConfig config) {
    int all = config.heads() / config.kvHeads() * queries;
    boolean[] near = new boolean[all * longest];
    for (int i = 0; i < all; i++) {
      int last = before + i % queries;
      int from = window > 0 ? Math.max(0, last - window + 1) : 0;
      Arrays.fill(near, i * longest + from, i * longest + last + 1, true);
    }
    return config.scores().mask(near, placement, 1, 1, all, longest);
  }

  /**
   * Makes the next step's tokens one more for each of the first rows; returns their positions, for one
   * member after the other.
   *
   * @param config says how far a token sees
   */
  int[] goOn(int running, ModelConfig config) {
    int[] positions = new int[members * running];
    long[] where = new long[members * running];
    for (int i = 0; i < where.length; i++) {
      int row = i % running;
      if (lengths[row] == capacity) {
        throw new IllegalStateException("the cache of " + capacity + " tokens a row is full");
      }
      positions[i] = lengths[row];
      where[i] = slot(i / running, row) + lengths[row];
    }
    longest = 0;
    for (int row = 0; row < running; row++) {
      longest = Math.max(longest, ++lengths[row]);
    }
    longest = pieces(longest);
    slots = Tensors.of(where, placement.device());
    step(0, running, true);
    oneMore = true;
    seen(config, window -> mask(window, config.scores()));
    return positions;
  }

  private long slot(int member, int row) {
    return ((long) member * rows + row) * capacity;
  }

  /** (members · used, 1, 1, longest). */
  private Tensor mask(int window, Scores scores) {
    boolean[] near = new boolean[members * used * longest];
    for (int i = 0; i < members * used; i++) {
      int length = lengths[i % used];
      int from = window > 0 ? Math.max(0, length - window) : 0;
      Arrays.fill(near, i * longest + from, i * longest + length, true);
    }
    return scores.mask(near, placement, (long) members * used, 1, 1, longest);
  }

  /** Copies a row of every member over another one. */
  void move(int from, int to) {
    try (TensorScope scope = TensorScope.open()) {
      Ops.narrow(all.select(2, to), 2, 0, lengths[from]).copy_(Ops.narrow(all.select(2, from), 2, 0, lengths[from]));
    }
    lengths[to] = lengths[from];
  }

  @Override
  public Optional<Tensor> attend(int layer, Tensor q, Tensor k, Tensor v, TokenBatch batch, ModelConfig config) {
    keys.get(layer).index_copy_(0, slots, k);
    values.get(layer).index_copy_(0, slots, v);
    return !behind ? Optional.empty()
        : Optional.of(oneMore ? attend(layer, q, config) : attendBehind(layer, q, batch, config));
  }

  /** Attention of tokens that are behind the shared ones, over all of their rows; heads grouped as in {@link #attend}. */
  private Tensor attendBehind(int layer, Tensor q, TokenBatch batch, ModelConfig config) {
    long group = config.heads() / config.kvHeads();
    long queries = batch.longestRow();
    Tensor rowsOfQueries = batch.toRows(q.reshape(q.size(0), -1)); // (B, L, H Dh)
    Tensor grouped = rowsOfQueries.view(batch.rows(), queries, config.kvHeads(), group, config.headDim())
        .permute(0, 2, 3, 1, 4).reshape(batch.rows(), config.kvHeads(), group * queries, config.headDim());
    Tensor mixed = masked(layer, grouped, config);
    return batch.fromRows(mixed.view(batch.rows(), config.kvHeads(), group, queries, config.headDim())
        .permute(0, 3, 1, 2, 4).reshape(batch.rows(), queries, -1));
  }

  /** {@inheritDoc} Of one member, whose rows in use come first. */
  @Override
  public Optional<Tensor> addresses() {
    return oneMore && members == 1 ? addresses : Optional.empty();
  }

  /**
   * Attention of one new token a row over what the cache holds. The heads that share keys are taken for
   * as many queries of one head: no kernel has to repeat the keys.
   *
   * @param q (N, H, Dh)
   */
  private Tensor attend(int layer, Tensor q, ModelConfig config) {
    Tensor grouped = q.view(q.size(0), config.kvHeads(), -1, config.headDim()); // (N, Hkv, H / Hkv, Dh)
    return masked(layer, grouped, config);
  }

  private Tensor masked(int layer, Tensor grouped, ModelConfig config) {
    return config.scores().masked(grouped, heads(keys.get(layer), config), heads(values.get(layer), config),
        seen.get(config.byLayer().get(layer).window()));
  }

  /** (members · used, Hkv, longest, Dh). */
  private Tensor heads(Tensor stored, ModelConfig config) {
    Tensor own = Ops.narrow(
        Ops.narrow(stored.view(members, rows, capacity, -1), 1, first, used), 2, 0, longest);
    Tensor flat = members == 1 ? own.squeeze(0) : own.reshape((long) members * used, longest, -1);
    return flat.view(flat.size(0), longest, config.kvHeads(), config.headDim()).transpose(1, 2);
  }
}
