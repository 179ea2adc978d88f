package thanora.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * The batches of K members, one after another, with as many tokens of each task in every one.
 *
 * <p>Where members have batches of their own, rows are lengthened by tokens that nothing is trained on
 * and that no real token sees under a causal mask, and rows of such tokens are added where that is not
 * enough. Members of equal batches are laid side by side as they are.
 *
 * @param members K
 * @param tasks how many tasks there are, with or without rows here
 * @param ids (K N)
 * @param rowStarts first token of each row, then K N
 * @param rowTasks task of each row, ascending within a member
 * @param labelled indices of the tokens whose next token is trained on, member by member
 * @param targets the ids of those next tokens
 * @param targetTasks their tasks
 * @param labelStarts (K + 1) first label of each member, then their number
 * @param tokens (K) real tokens of each member
 * @param images of all members' rows
 */
public record MemberBatch(
    int members,
    int tasks,
    int[] ids,
    int[] rowStarts,
    int[] rowTasks,
    int[] labelled,
    int[] targets,
    int[] targetTasks,
    int[] labelStarts,
    int[] tokens,
    List<Batch.RowImage> images) {

  /** The same batch for every member. */
  public static MemberBatch of(Batch batch, int members) {
    return of(Collections.nCopies(members, batch));
  }

  /**
   * Lays batches side by side.
   *
   * @param batches one a member, of the same tasks in the same numbering
   */
  public static MemberBatch of(List<Batch> batches) {
    int tasks = batches.get(0).tasks();
    int[] wanted = new int[tasks];
    int longest = 0;
    for (Batch batch : batches) {
      longest = Math.max(longest, batch.longestRow());
      for (int task = 0; task < tasks; task++) {
        wanted[task] = Math.max(wanted[task], tokensOf(batch, task));
      }
    }
    Layout layout = new Layout(longest);
    int[] labelStarts = new int[batches.size() + 1];
    for (int member = 0; member < batches.size(); member++) {
      layout.add(batches.get(member), wanted);
      labelStarts[member + 1] = layout.labelled.size();
    }
    return new MemberBatch(batches.size(), tasks, layout.ids.toArray(), layout.rowStarts.toArray(),
        layout.rowTasks.toArray(), layout.labelled.toArray(), layout.targets.toArray(),
        layout.targetTasks.toArray(), labelStarts, batches.stream().mapToInt(Batch::tokens).toArray(), List.copyOf(layout.images));
  }

  /** N, tokens of each member, those added included. */
  public int tokensPerMember() {
    return ids.length / members;
  }

  /** The row of each label. */
  public int[] labelRows() {
    int[] rows = new int[labelled.length];
    int row = 0;
    for (int i = 0; i < labelled.length; i++) {
      while (rowStarts[row + 1] <= labelled[i]) {
        row++;
      }
      rows[i] = row;
    }
    return rows;
  }

  private static int tokensOf(Batch batch, int task) {
    return batch.taskTokenStarts()[task + 1] - batch.taskTokenStarts()[task];
  }

  /** Numbers as they come. */
  private static final class Ints {
    private int[] values = new int[1024];
    private int size;

    void add(int value) {
      if (size == values.length) {
        values = Arrays.copyOf(values, 2 * size);
      }
      values[size++] = value;
    }

    int size() {
      return size;
    }

    int[] toArray() {
      return Arrays.copyOf(values, size);
    }
  }

  /** What has been laid out so far. */
  private static final class Layout {
    private final int longest;
    private final Ints ids = new Ints();
    private final Ints rowStarts = new Ints();
    private final Ints rowTasks = new Ints();
    private final Ints labelled = new Ints();
    private final Ints targets = new Ints();
    private final Ints targetTasks = new Ints();
    private final List<Batch.RowImage> images = new ArrayList<>();

    Layout(int longest) {
      this.longest = longest;
      rowStarts.add(0);
    }

    void add(Batch batch, int[] wanted) {
      int label = 0;
      int row = 0;
      int image = 0;
      for (int task = 0; task < wanted.length; task++) {
        int missing = wanted[task] - tokensOf(batch, task);
        for (; row < batch.rows() && batch.rowTasks()[row] == task; row++) {
          int from = batch.rowStarts()[row];
          int to = batch.rowStarts()[row + 1];
          int shift = ids.size() - from;
          for (; image < batch.images().size() && batch.images().get(image).row() == row; image++) {
            images.add(new Batch.RowImage(rowStarts.size() - 1, batch.images().get(image).image()));
          }
          for (int token = from; token < to; token++) {
            ids.add(batch.ids()[token]);
          }
          for (; label < batch.labels() && batch.labelled()[label] < to; label++) {
            labelled.add(batch.labelled()[label] + shift);
            targets.add(batch.targets()[label]);
            targetTasks.add(task);
          }
          int added = Math.min(missing, longest - (to - from));
          missing -= added;
          endRow(added, task);
        }
        while (missing > 0) {
          int added = Math.min(missing, longest);
          missing -= added;
          endRow(added, task);
        }
      }
    }

    /** Adds tokens that nothing is trained on, and ends the row. */
    private void endRow(int added, int task) {
      for (int i = 0; i < added; i++) {
        ids.add(0);
      }
      rowStarts.add(ids.size());
      rowTasks.add(task);
    }
  }
}
