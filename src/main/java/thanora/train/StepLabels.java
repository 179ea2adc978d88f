package thanora.train;

import java.util.Arrays;
import java.util.List;
import thanora.data.MemberBatch;
import thanora.dist.ProcessGroup;

/**
 * How many labelled tokens a step has, over all its micro-batches and processes, so that what one weighs
 * does not depend on how a batch is cut.
 *
 * @param byTask labelled tokens of each task, by member: (K, T)
 * @param rows rows that have labelled tokens, by member: (K)
 */
record StepLabels(double[][] byTask, double[] rows) {
  /** Of this process's micro-batches and of the others in the group. */
  static StepLabels of(List<MemberBatch> microBatches, ProcessGroup group) {
    int members = microBatches.get(0).members();
    double[][] byTask = new double[members][microBatches.get(0).tasks()];
    double[] rows = new double[members];
    for (MemberBatch batch : microBatches) {
      int[] labelRows = batch.labelRows();
      for (int member = 0; member < members; member++) {
        int last = -1;
        for (int i = batch.labelStarts()[member]; i < batch.labelStarts()[member + 1]; i++) {
          byTask[member][batch.targetTasks()[i]]++;
          rows[member] += labelRows[i] == last ? 0 : 1;
          last = labelRows[i];
        }
      }
    }
    for (int member = 0; member < members; member++) {
      byTask[member] = Arrays.stream(byTask[member]).map(group::sum).toArray();
    }
    return new StepLabels(byTask, Arrays.stream(rows).map(group::sum).toArray());
  }

  /** All of a member. */
  double of(int member) {
    return Arrays.stream(byTask[member]).sum();
  }

  /**
   * What each labelled token of a micro-batch weighs in the loss of its member.
   *
   * @param weightings one a member
   */
  float[] weights(MemberBatch batch, List<LossWeighting> weightings) {
    int[] labelRows = batch.labelRows();
    int[] ofRow = new int[batch.rowTasks().length];
    for (int row : labelRows) {
      ofRow[row]++;
    }
    float[] weights = new float[labelRows.length];
    for (int member = 0; member < batch.members(); member++) {
      double all = of(member);
      double tasks = Arrays.stream(byTask[member]).filter(count -> count > 0).count();
      for (int i = batch.labelStarts()[member]; i < batch.labelStarts()[member + 1]; i++) {
        weights[i] = (float) (1 / switch (weightings.get(member)) {
          case TOKEN -> all;
          case ROW -> rows[member] * ofRow[labelRows[i]];
          case TASK -> tasks * byTask[member][batch.targetTasks()[i]];
        });
      }
    }
    return weights;
  }
}
