package thanora.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import thanora.tensor.Seeds;

/**
 * The endless order of rows of a run, a function of the seed alone.
 *
 * <p>{@link Mixing.Proportional}: the union of all tasks in a fresh random order each epoch, so
 * each row comes exactly once an epoch. Any other mixing: with shares p and c_t draws of task t
 * among the first n, the next task is the one furthest behind, argmax_t (p_t·(n + 1) − c_t), ties
 * at random. So a task is never a whole row ahead of its share, and over any run its share is exact
 * to a few rows, however rare it is. Within a task rows come in a random order without replacement,
 * anew whenever used up.
 *
 * <p>Nothing is stored to resume: a new sampler of the same seed, {@link #skip}ped, goes on alike.
 * Not safe for concurrent use.
 */
public final class MixtureSampler {
  private static final double TIE = 1e-9;

  /** A row of a task, both from 0. */
  public record Pick(int task, int row) {}

  private final int[] sizes;
  private final long seed;
  private final boolean union;
  private final double[] shares;
  private final Order[] orders;
  private final long[] counts;
  private final Random ties;
  private long drawn;

  /**
   * Starts the order of a seed.
   *
   * @param sizes rows of each task
   * @throws IllegalArgumentException if there is no task or one has no row
   */
  public MixtureSampler(int[] sizes, Mixing mixing, long seed) {
    if (sizes.length == 0 || Arrays.stream(sizes).anyMatch(n -> n < 1)) {
      throw new IllegalArgumentException(
          "task sizes " + Arrays.toString(sizes) + ": at least one task, each of at least one row");
    }
    this.sizes = sizes.clone();
    this.seed = seed;
    this.union = mixing instanceof Mixing.Proportional;
    this.shares = mixing.shares(sizes);
    this.counts = new long[sizes.length];
    this.ties = Seeds.stream(seed, "sampler/ties");
    this.orders = union ? new Order[] {unionOrder()} : taskOrders();
  }

  /** The next rows of the order. */
  public List<Pick> next(int rows) {
    List<Pick> picks = new ArrayList<>(rows);
    for (int i = 0; i < rows; i++) {
      picks.add(advance());
    }
    return picks;
  }

  /** Goes on as if {@code rows} rows had been drawn; costs their drawing, some 10⁷ a second. */
  public void skip(long rows) {
    for (long i = 0; i < rows; i++) {
      advance();
    }
  }

  /** How many rows have been drawn. */
  public long drawn() {
    return drawn;
  }

  /** How many of them were of each task. */
  public long[] counts() {
    return counts.clone();
  }

  /** The share of each task; they sum to 1. */
  public double[] shares() {
    return shares.clone();
  }

  private Pick advance() {
    Pick pick;
    if (union) {
      int at = orders[0].at(drawn);
      int task = 0;
      while (at >= sizes[task]) {
        at -= sizes[task++];
      }
      pick = new Pick(task, at);
    } else {
      int task = furthestBehind();
      pick = new Pick(task, orders[task].at(counts[task]));
    }
    counts[pick.task()]++;
    drawn++;
    return pick;
  }

  private int furthestBehind() {
    double most = Double.NEGATIVE_INFINITY;
    int chosen = 0;
    int equal = 0;
    for (int task = 0; task < shares.length; task++) {
      double behind = shares[task] * (drawn + 1) - counts[task];
      if (behind > most + TIE) {
        most = behind;
        chosen = task;
        equal = 1;
      } else if (behind >= most - TIE && ties.nextInt(++equal) == 0) {
        chosen = task;
      }
    }
    return chosen;
  }

  private Order unionOrder() {
    int total = 0;
    for (int size : sizes) {
      total = Math.addExact(total, size);
    }
    return new Order(total, "sampler/union/");
  }

  private Order[] taskOrders() {
    Order[] each = new Order[sizes.length];
    for (int task = 0; task < sizes.length; task++) {
      each[task] = new Order(sizes[task], "sampler/task" + task + "/");
    }
    return each;
  }

  /** Epochs of n items, each in an order of its own that only the seed and the epoch decide. */
  private final class Order {
    private final int size;
    private final String purpose;
    private long epoch = -1;
    private int[] permutation = {};

    Order(int size, String purpose) {
      this.size = size;
      this.purpose = purpose;
    }

    int at(long index) {
      if (index / size != epoch) {
        epoch = index / size;
        permutation = Shuffle.permutation(size, Seeds.stream(seed, purpose + epoch));
      }
      return permutation[(int) (index % size)];
    }
  }
}
