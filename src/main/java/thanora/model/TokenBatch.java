package thanora.model;

import java.util.Arrays;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.Tensors;

/**
 * The tokens of several rows, one after another, on a device: N tokens, no padding.
 *
 * <p>Only attention needs rows side by side. Rows of unequal length are then padded on the right by
 * a gather; under a causal mask no real token sees the padding, so no mask is needed.
 */
public final class TokenBatch {
  final Tensor ids; // (N)
  final Tensor positions; // (N)
  private final int[] rowStarts;
  private final int[] rowTasks;
  private final int longest;
  private final int lastPosition;
  private final Optional<Padding> padding;
  private final Optional<KvCache> cache;

  private TokenBatch(int[] ids, int[] positions, int[] rowStarts, int[] rowTasks, String device, Optional<KvCache> cache) {
    this.ids = Tensors.of(ids, device);
    this.positions = Tensors.of(positions, device);
    this.rowStarts = rowStarts;
    this.rowTasks = rowTasks;
    this.longest = longest(rowStarts);
    this.lastPosition = Arrays.stream(positions).max().orElse(0);
    this.padding = longest * rows() == ids.length
        ? Optional.empty() : Optional.of(Padding.of(rowStarts, longest, device));
    this.cache = cache;
  }

  /**
   * Rows from their first token on, for training and scoring.
   *
   * @param rowStarts first token of each row, and N at the end
   * @param rowTasks task of each row
   */
  public static TokenBatch of(int[] ids, int[] rowStarts, int[] rowTasks, String device) {
    return new TokenBatch(ids, positionsOf(rowStarts), rowStarts, rowTasks, device, Optional.empty());
  }

  /** One row of task 0. */
  public static TokenBatch of(int[] ids, String device) {
    return of(ids, new int[] {0, ids.length}, new int[] {0}, device);
  }

  /** Rows from their first token on, whose keys and values fill an empty {@code cache}. */
  static TokenBatch prefill(int[] ids, int[] rowStarts, int[] rowTasks, KvCache cache, String device) {
    TokenBatch batch = new TokenBatch(ids, positionsOf(rowStarts), rowStarts, rowTasks, device, Optional.of(cache));
    cache.startRows(rowStarts);
    return batch;
  }

  /** One further token for each row of a {@code cache}. */
  static TokenBatch next(int[] ids, int[] rowTasks, KvCache cache, String device) {
    int[] positions = cache.nextPositions();
    int[] starts = new int[ids.length + 1];
    Arrays.setAll(starts, i -> i);
    return new TokenBatch(ids, positions, starts, rowTasks, device, Optional.of(cache));
  }

  private static int[] positionsOf(int[] rowStarts) {
    int[] positions = new int[rowStarts[rowStarts.length - 1]];
    for (int row = 0; row + 1 < rowStarts.length; row++) {
      for (int i = rowStarts[row]; i < rowStarts[row + 1]; i++) {
        positions[i] = i - rowStarts[row];
      }
    }
    return positions;
  }

  private static int longest(int[] rowStarts) {
    int longest = 0;
    for (int row = 0; row + 1 < rowStarts.length; row++) {
      longest = Math.max(longest, rowStarts[row + 1] - rowStarts[row]);
    }
    return longest;
  }

  /** Number of rows. */
  public int rows() {
    return rowStarts.length - 1;
  }

  /** Number of tokens, N. */
  public int tokens() {
    return rowStarts[rowStarts.length - 1];
  }

  /** First token of a row. */
  public int rowStart(int row) {
    return rowStarts[row];
  }

  /** Task of a row. */
  public int rowTask(int row) {
    return rowTasks[row];
  }

  /** Tokens of the longest row, L. */
  int longestRow() {
    return longest;
  }

  int lastPosition() {
    return lastPosition;
  }

  Optional<KvCache> cache() {
    return cache;
  }

  /** (N, C) → (rows, L, C). */
  Tensor toRows(Tensor x) {
    Tensor spread = padding.isPresent() ? x.index_select(0, padding.get().pad) : x;
    return spread.view(rows(), longest, -1);
  }

  /** (rows, L, C) → (N, C). */
  Tensor fromRows(Tensor x) {
    Tensor flat = x.reshape((long) rows() * longest, -1);
    return padding.isPresent() ? flat.index_select(0, padding.get().unpad) : flat;
  }

  /** Where each slot of the padded rows comes from, and where each token lies in them. */
  private record Padding(Tensor pad, Tensor unpad) {
    static Padding of(int[] starts, int longest, String device) {
      int rows = starts.length - 1;
      long[] pad = new long[rows * longest];
      long[] unpad = new long[starts[rows]];
      for (int row = 0; row < rows; row++) {
        int length = starts[row + 1] - starts[row];
        for (int i = 0; i < longest; i++) {
          pad[row * longest + i] = starts[row] + Math.min(i, length - 1);
        }
        for (int i = 0; i < length; i++) {
          unpad[starts[row] + i] = (long) row * longest + i;
        }
      }
      return new Padding(Tensors.of(pad, device), Tensors.of(unpad, device));
    }
  }
}
