package thanora.lora;

import java.util.Arrays;

/**
 * How the r rows of one module's A (columns of B) are shared: task 1 … task T, then the cooperative
 * block, which belongs to no task.
 *
 * @param taskRanks rows of each task, each at least 0
 * @param coopRank rows of the cooperative block, at least 0
 */
public record Blocks(int[] taskRanks, int coopRank) {
  public Blocks {
    taskRanks = taskRanks.clone();
    if (taskRanks.length == 0 || coopRank < 0
        || Arrays.stream(taskRanks).anyMatch(rank -> rank < 0)) {
      throw new IllegalArgumentException(
          "ranks " + Arrays.toString(taskRanks) + " + " + coopRank
          + " are no blocks; use one or more"
              + " tasks and ranks of at least 0");
    }
  }

  /** r rows shared out evenly between tasks; the later ones get what is left over. */
  public static Blocks even(int tasks, int r) {
    int[] ranks = new int[tasks];
    Arrays.setAll(ranks, task -> r * (task + 1) / tasks - r * task / tasks);
    return new Blocks(ranks, 0);
  }

  /**
   * The same rows, each that belongs to a task a block of its own.
   *
   * @param includeCoop those of the cooperative block as well
   */
  public Blocks byRow(boolean includeCoop) {
    int[] ones = new int[includeCoop ? r() : taskRows()];
    Arrays.fill(ones, 1);
    return new Blocks(ones, r() - ones.length);
  }

  /** A copy of the ranks. */
  @Override
  public int[] taskRanks() {
    return taskRanks.clone();
  }

  /** T. */
  public int tasks() {
    return taskRanks.length;
  }

  /** All rows: r. */
  public int r() {
    return taskRows() + coopRank;
  }

  /** Rows that belong to a task: R. */
  public int taskRows() {
    return Arrays.stream(taskRanks).sum();
  }

  /** Rows of one task. */
  public int rank(int task) {
    return taskRanks[task];
  }

  /** First row of a task; of the cooperative block for {@code task = T}. */
  public int start(int task) {
    return Arrays.stream(taskRanks, 0, task).sum();
  }

  /** The block of each row: 0 … T−1, and T for the cooperative block. */
  public int[] blockOfRow() {
    int[] block = new int[r()];
    for (int task = 0; task < taskRanks.length; task++) {
      Arrays.fill(block, start(task), start(task + 1), task);
    }
    Arrays.fill(block, taskRows(), r(), taskRanks.length);
    return block;
  }

  /**
   * Z (r x r, row-major): 1 where row and column belong to different tasks, else 0.
   *
   * @param includeCoop counts the cooperative block as one more task
   */
  public float[] mask(boolean includeCoop) {
    int[] block = blockOfRow();
    int r = block.length;
    float[] mask = new float[r * r];
    for (int i = 0; i < r; i++) {
      for (int j = 0; j < r; j++) {
        boolean counted = includeCoop || Math.max(block[i], block[j]) < taskRanks.length;
        mask[i * r + j] = counted && block[i] != block[j] ? 1 : 0;
      }
    }
    return mask;
  }

  /**
   * Membership (blocks x r, row-major): 1 where a row belongs to a block, else 0.
   *
   * @param includeCoop adds a last block, the cooperative one
   */
  public float[] members(boolean includeCoop) {
    int[] block = blockOfRow();
    int count = taskRanks.length + (includeCoop ? 1 : 0);
    float[] members = new float[count * block.length];
    for (int row = 0; row < block.length; row++) {
      if (block[row] < count) {
        members[block[row] * block.length + row] = 1;
      }
    }
    return members;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Blocks that
        && coopRank == that.coopRank
        && Arrays.equals(taskRanks, that.taskRanks);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(taskRanks) + coopRank;
  }

  @Override
  public String toString() {
    return Arrays.toString(taskRanks) + "+" + coopRank;
  }
}
