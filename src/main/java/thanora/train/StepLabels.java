package thanora.train;

import java.util.Arrays;
import java.util.List;
import thanora.data.MemberBatch;
import thanora.dist.ProcessGroup;

/**
 * How many labelled tokens a step has, over all its micro-batches and processes, so that what one weighs
 * does not depend on how a batch is cut.
 *
 * @param weightings one a member
 * @param byTask labelled tokens of each task, by member: (K, T)
 * @param totals Σ n^(1 − power) over the units of each member's weighting, by which weights sum to 1: (K)
 */
record StepLabels(List<LossWeighting> weightings, double[][] byTask, double[] totals) {
  /** Of this process's micro-batches and of the others in the group. */
  static StepLabels of(List<MemberBatch> microBatches, List<LossWeighting> weightings, ProcessGroup group) {
    double[][] byTask = new double[weightings.size()][microBatches.get(0).tasks()];
    double[] totals = new double[weightings.size()];
    for (MemberBatch batch : microBatches) {
      int[] labelRows = batch.labelRows();
      int[] ofRow = ofRow(batch);
      for (int member = 0; member < totals.length; member++) {
        double power = weightings.get(member).power();
        for (int i = batch.labelStarts()[member]; i < batch.labelStarts()[member + 1]; i++) {
          byTask[member][batch.targetTasks()[i]]++;
          totals[member] += 1 / power(ofRow[labelRows[i]], power); // n of a row: n^(1 - power)
        }
      }
    }
    for (int member = 0; member < totals.length; member++) {
      byTask[member] = Arrays.stream(byTask[member]).map(group::sum).toArray();
      double power = weightings.get(member).power();
      totals[member] = weightings.get(member).unit() == LossWeighting.Unit.ROW ? group.sum(totals[member])
          : Arrays.stream(byTask[member]).filter(n -> n > 0).map(n -> Math.pow(n, 1 - power)).sum();
    }
    return new StepLabels(weightings, byTask, totals);
  }

  /** Labelled tokens of the rows of a batch, where each is whole. */
  private static int[] ofRow(MemberBatch batch) {
    int[] ofRow = new int[batch.rowTasks().length];
    for (int row : batch.labelRows()) {
      ofRow[row]++;
    }
    return ofRow;
  }

  /** Math.pow takes a quarter of a millisecond for the tokens of a step, during which a GPU has nothing to do. */
  private static double power(double n, double exponent) {
    return exponent == 0 ? 1 : exponent == 1 ? n : Math.pow(n, exponent);
  }

  /** All of a member. */
  double of(int member) {
    return Arrays.stream(byTask[member]).sum();
  }

  /** What each labelled token of a micro-batch weighs in the loss of its member. */
  float[] weights(MemberBatch batch) {
    int[] labelRows = batch.labelRows();
    int[] ofRow = ofRow(batch);
    float[] weights = new float[labelRows.length];
    for (int member = 0; member < totals.length; member++) {
      LossWeighting weighting = weightings.get(member);
      for (int i = batch.labelStarts()[member]; i < batch.labelStarts()[member + 1]; i++) {
        double n = weighting.unit() == LossWeighting.Unit.ROW
            ? ofRow[labelRows[i]] : byTask[member][batch.targetTasks()[i]];
        weights[i] = (float) (1 / power(n, weighting.power()) / totals[member]);
      }
    }
    return weights;
  }
}
