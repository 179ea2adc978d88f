package thanora.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import thanora.data.Batch;
import thanora.data.Batch.RowImage;
import thanora.data.MemberBatch;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.Tensors;

/**
 * The tokens of several rows, one after another, on a device: N tokens, no padding.
 *
 * <p>Only attention knows rows. Where it needs them side by side, rows of unequal length are padded on
 * the right by a gather; under a causal mask no real token sees the padding, so no mask is needed.
 */
public final class TokenBatch {
  final Tensor ids; // (N)
  final Tensor positions; // (N)
  private final int[] rowStarts;
  private final Tensor starts; // the same on the device, int32
  private final int[] rowTasks;
  private final OptionalInt onlyTask;
  private final int longest;
  private final int lastPosition;
  private final int[] hostIds;
  private final int[] hostPositions;
  private final Optional<Padding> padding;
  private final int members;
  private final Tensor tokenTasks; // (N / members)
  private final Optional<Past> past;
  private final TokenBatch whole;
  private final boolean endsWhole;
  private List<RowImage> images = List.of();
  private Optional<Tensor> features = Optional.empty();
  private Optional<Tape> tape = Optional.empty();

  private TokenBatch(int[] ids, int[] positions, int[] rowStarts, int[] rowTasks, int members, String device,
      Optional<Past> past) {
    this.members = members;
    this.tokenTasks = Tensors.of(tokenTasks(rowStarts, rowTasks, ids.length / members), device);
    this.ids = Tensors.of(ids, device);
    this.positions = Tensors.of(positions, device);
    this.hostIds = ids;
    this.hostPositions = positions;
    this.rowStarts = rowStarts;
    this.starts = Tensors.to(Tensors.of(rowStarts, device), new Placement(device, DType.I32));
    this.rowTasks = rowTasks;
    this.onlyTask = onlyTask(rowTasks);
    this.longest = longest(rowStarts);
    this.lastPosition = Arrays.stream(positions).max().orElse(0);
    this.padding = longest * rows() == ids.length
        ? Optional.empty() : Optional.of(Padding.of(rowStarts, longest, device));
    this.past = past;
    this.whole = this;
    this.endsWhole = true;
  }

  /** Rows of another one, from first to end. */
  private TokenBatch(TokenBatch whole, int first, int end) {
    int from = whole.rowStarts[first];
    int length = whole.rowStarts[end] - from;
    String device = Tensors.device(whole.ids);
    this.members = whole.members;
    this.tokenTasks = members > 1 ? whole.tokenTasks : Ops.narrow(whole.tokenTasks, 0, from, length);
    this.ids = Ops.narrow(whole.ids, 0, from, length);
    this.positions = Ops.narrow(whole.positions, 0, from, length);
    this.hostIds = Arrays.copyOfRange(whole.hostIds, from, from + length);
    this.hostPositions = Arrays.copyOfRange(whole.hostPositions, from, from + length);
    this.rowStarts = Arrays.stream(whole.rowStarts, first, end + 1).map(start -> start - from).toArray();
    this.starts = Tensors.to(Tensors.of(rowStarts, device), new Placement(device, DType.I32));
    this.rowTasks = Arrays.copyOfRange(whole.rowTasks, first, end);
    this.onlyTask = onlyTask(rowTasks);
    this.longest = longest(rowStarts);
    this.lastPosition = Arrays.stream(hostPositions).max().orElse(0);
    this.padding = longest * rows() == length
        ? Optional.empty() : Optional.of(Padding.of(rowStarts, longest, device));
    this.past = whole.past;
    this.whole = whole;
    this.endsWhole = end == whole.rows();
  }

  /**
   * Rows from their first token on, for training and scoring.
   *
   * @param rowStarts first token of each row, and N at the end
   * @param rowTasks task of each row
   */
  public static TokenBatch of(int[] ids, int[] rowStarts, int[] rowTasks, String device) {
    return new TokenBatch(
        ids, positionsOf(rowStarts), rowStarts, rowTasks, 1, device, Optional.empty());
  }

  /** The rows of a batch, with their images. */
  public static TokenBatch of(Batch batch, String device) {
    return of(batch.ids(), batch.rowStarts(), batch.rowTasks(), device).with(batch.images());
  }

  /** The rows of all members, side by side, with their images. */
  public static TokenBatch of(MemberBatch batch, String device) {
    return new TokenBatch(batch.ids(), positionsOf(batch.rowStarts()), batch.rowStarts(), batch.rowTasks(),
        batch.members(), device, Optional.empty()).with(batch.images());
  }

  /**
   * Tiles of images on their way through a vision tower: rows of vectors, which no token ids belong to.
   *
   * @param tasks of the tiles
   * @param length vectors of each
   */
  static TokenBatch tiles(int[] tasks, int length, int members, String device) {
    int[] starts = new int[tasks.length + 1];
    Arrays.setAll(starts, tile -> tile * length);
    return new TokenBatch(new int[tasks.length * length], positionsOf(starts), starts, tasks, members, device,
        Optional.empty());
  }

  /** As many rows of the same tasks, of another length. */
  TokenBatch ofLength(int length) {
    TokenBatch other = tiles(rowTasks, length, members, Tensors.device(ids));
    other.tape = tape;
    return other;
  }

  /** One row of task 0. */
  public static TokenBatch of(int[] ids, String device) {
    return of(ids, new int[] {0, ids.length}, new int[] {0}, device);
  }

  /**
   * Rows of a {@code cache} from their first token on, or behind what they share, for one member after the other.
   *
   * @param rows of the cache
   * @param shared whether they begin with the tokens that the cache was told to {@link KvCache#share share}
   */
  static TokenBatch begin(int[] ids, int[] rowStarts, int[] rowTasks, int members, KvCache cache, int[] rows,
      boolean shared, ModelConfig config, String device) {
    int before = cache.begin(rows, rowStarts, shared, config);
    int[] positions = Arrays.stream(positionsOf(rowStarts)).map(position -> before + position).toArray();
    return new TokenBatch(ids, positions, rowStarts, rowTasks, members, device, Optional.of(cache));
  }

  /** One further token for each of the first rows of a {@code cache}, for one member after the other. */
  static TokenBatch next(
      int[] ids, int[] rowTasks, int members, KvCache cache, ModelConfig config, String device) {
    int[] positions = cache.goOn(ids.length / members, config);
    int[] starts = new int[ids.length + 1];
    Arrays.setAll(starts, i -> i);
    return new TokenBatch(ids, positions, starts, rowTasks, members, device, Optional.of(cache));
  }

  /** Further tokens of texts, grouped by task. */
  static TokenBatch further(List<Reading> texts, List<int[]> tokens, String device) {
    int[] starts = new int[texts.size() + 1];
    for (int row = 0; row < texts.size(); row++) {
      starts[row + 1] = starts[row] + tokens.get(row).length;
    }
    int[] positions = positionsOf(starts);
    for (int row = 0; row < texts.size(); row++) {
      for (int i = starts[row]; i < starts[row + 1]; i++) {
        positions[i] += texts.get(row).length();
      }
    }
    int[] ids = tokens.stream().flatMapToInt(Arrays::stream).toArray();
    int[] tasks = texts.stream().mapToInt(Reading::task).toArray();
    return new TokenBatch(
        ids, positions, starts, tasks, 1, device, Optional.of(new ReadingPast(texts, starts, device)));
  }

  /**
   * The rows in parts of about equal length, of so many tokens, and a row more, at most; in one part where
   * there are several members. The caller's scope owns them.
   */
  List<TokenBatch> parts(int most) {
    int count = members > 1 ? 1 : (tokens() + most - 1) / most;
    int share = (tokens() + count - 1) / count;
    List<TokenBatch> parts = new ArrayList<>();
    int first = 0;
    for (int end = 1; end <= rows(); end++) {
      if (end == rows() || rowStarts[end] - rowStarts[first] >= share) {
        parts.add(new TokenBatch(this, first, end));
        first = end;
      }
    }
    return parts;
  }

  /** The batch that this is a part of; itself where it is no part. */
  public TokenBatch whole() {
    return whole;
  }

  /** Whether there are other parts of the batch beside this one. */
  public boolean isPart() {
    return tokens() < whole.tokens();
  }

  /** Whether it has the last rows of the batch that it is a part of. */
  public boolean endsWhole() {
    return endsWhole;
  }

  /** Has the forward pass recorded, so that {@link Tape#backward} can follow. */
  public TokenBatch on(Tape recorder) {
    tape = Optional.of(recorder);
    return this;
  }

  /** Has its image tokens stand for these. */
  TokenBatch with(List<RowImage> seen) {
    images = seen;
    return this;
  }

  /** Has its image tokens stand for what a vision tower and its connector gave: (image tokens, D). */
  public TokenBatch with(Tensor given) {
    features = Optional.of(given);
    return this;
  }

  /** What its image tokens stand for, in the order of the tokens. */
  public List<RowImage> images() {
    return images;
  }

  /** What was given for its image tokens. */
  Optional<Tensor> features() {
    return features;
  }

  /** The places of a token. */
  int[] places(int id) {
    return IntStream.range(0, hostIds.length).filter(at -> hostIds[at] == id).toArray();
  }

  private static OptionalInt onlyTask(int[] rowTasks) {
    return Arrays.stream(rowTasks).distinct().count() == 1 ? OptionalInt.of(rowTasks[0]) : OptionalInt.empty();
  }

  private static int[] tokenTasks(int[] rowStarts, int[] rowTasks, int tokens) {
    int[] tasks = new int[tokens];
    for (int row = 0; rowStarts[row] < tokens; row++) {
      Arrays.fill(tasks, rowStarts[row], rowStarts[row + 1], rowTasks[row]);
    }
    return tasks;
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

  /** Configurations side by side; the rows of one come after another's. */
  public int members() {
    return members;
  }

  /** The recorder of a forward pass that trains. */
  public Optional<Tape> tape() {
    return tape;
  }

  /**
   * What belongs to each token's task, for the tokens of one member.
   *
   * @param byTask (T, c), or (K, T, c) where members differ
   * @return (N, c) or (K, N, c)
   */
  public Tensor perToken(Tensor byTask) {
    return Ops.select(byTask, (int) byTask.dim() - 2, tokenTasks);
  }

  /** First token of each task among those of one member, and their number; rows are grouped by task. */
  public int[] taskStarts(int tasks) {
    int[] starts = new int[tasks + 1];
    for (int row = 0; rowStarts[row] < tokens() / members; row++) {
      starts[rowTasks[row] + 1] += rowStarts[row + 1] - rowStarts[row];
    }
    for (int task = 0; task < tasks; task++) {
      starts[task + 1] += starts[task];
    }
    return starts;
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
  public int longestRow() {
    return longest;
  }

  int lastPosition() {
    return lastPosition;
  }

  /** Position of each token (N), and {@code shift} more in rows of more than {@code border} tokens. */
  Tensor positionsWithShift(int border, int shift) {
    int[] shifted = hostPositions.clone();
    for (int row = 0; row < rows(); row++) {
      if (hostPositions[rowStarts[row + 1] - 1] >= border) {
        for (int i = rowStarts[row]; i < rowStarts[row + 1]; i++) {
          shifted[i] += shift;
        }
      }
    }
    return Tensors.of(shifted, Tensors.device(ids));
  }

  /** What its tokens see besides each other, if they go on or begin in a cache. */
  public Optional<Past> past() {
    return past;
  }

  /** Position of each token in its row (N), int64, on the device. */
  public Tensor positions() {
    return positions;
  }

  /** The task of all rows, if it is one. */
  public OptionalInt onlyTask() {
    return onlyTask;
  }

  /** First token of each row, and N at the end: int32, on the device. */
  public Tensor starts() {
    return starts;
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
