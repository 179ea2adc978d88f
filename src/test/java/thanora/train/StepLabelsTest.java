package thanora.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import thanora.data.Batch;
import thanora.data.MemberBatch;
import thanora.data.Sample;
import thanora.dist.ProcessGroup;
import thanora.lora.Starts;

class StepLabelsTest {
  private static final LossWeighting TOKEN = LossWeighting.TOKEN;
  private static final LossWeighting ROW = new LossWeighting(LossWeighting.Unit.ROW, 1);
  private static final LossWeighting TASK = new LossWeighting(LossWeighting.Unit.TASK, 1);

  private static List<LossWeighting> weightings() {
    return List.of(TOKEN, ROW, TASK, new LossWeighting(LossWeighting.Unit.ROW, 0.3),
        new LossWeighting(LossWeighting.Unit.TASK, 0.7));
  }

  /** Rows of 2 and 3 labels of task 0, of none and 4 labels of task 2; task 1 has no row. */
  private static final List<Sample> ROWS = List.of(row(0, 5, 3), row(0, 6, 3), row(2, 4, 4), row(2, 5, 1));

  private static Sample row(int task, int tokens, int prompt) {
    return new Sample(task, 0, new int[tokens], prompt);
  }

  private static float[] weights(ProcessGroup group, LossWeighting weighting) {
    MemberBatch batch = MemberBatch.of(Batch.of(ROWS, 3), 1);
    return StepLabels.of(List.of(batch), List.of(weighting), group).weights(batch);
  }

  private static float[] of(double... values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }

  @Test
  void tokensRowsAndTasksWithLabelsWeighAlike() {
    ProcessGroup single = ProcessGroup.single();
    assertThat(weights(single, TOKEN)).containsExactly(of(
        1 / 9., 1 / 9., 1 / 9., 1 / 9., 1 / 9., 1 / 9., 1 / 9., 1 / 9., 1 / 9.));
    assertThat(weights(single, ROW)).containsExactly(of(
        1 / 6., 1 / 6., 1 / 9., 1 / 9., 1 / 9., 1 / 12., 1 / 12., 1 / 12., 1 / 12.));
    assertThat(weights(single, TASK)).containsExactly(of(
        0.1, 0.1, 0.1, 0.1, 0.1, 1 / 8., 1 / 8., 1 / 8., 1 / 8.));
  }

  /** Halfway: n^-1/2 of rows of 2, 3 and 4 labels, and of tasks of 5 and 4. */
  @Test
  void aPowerLiesBetweenTokensAndRowsOrTasks() {
    double rows = Math.sqrt(2) + Math.sqrt(3) + 2;
    double tasks = Math.sqrt(5) + 2;
    float[] byRow = weights(ProcessGroup.single(), new LossWeighting(LossWeighting.Unit.ROW, 0.5));
    float[] byTask = weights(ProcessGroup.single(), new LossWeighting(LossWeighting.Unit.TASK, 0.5));
    double[] expected = {1 / Math.sqrt(2) / rows, 1 / Math.sqrt(3) / rows, 0.5 / rows};
    int[] starts = {0, 2, 5};
    for (int row = 0; row < 3; row++) {
      assertThat(byRow[starts[row]]).isCloseTo((float) expected[row], within(1e-7f));
    }
    assertThat(byTask).startsWith(of(1 / Math.sqrt(5) / tasks)).endsWith(of(0.5 / tasks));
  }

  /** Beside a process of equal rows: the tasks that are there do not get more, rows and tokens do. */
  @Test
  void countsAreThoseOfAllProcesses() {
    ProcessGroup two = new ProcessGroup() {
      @Override
      public int rank() {
        return 0;
      }

      @Override
      public int size() {
        return 2;
      }

      @Override
      public void sum(Tensor tensor) {}

      @Override
      public double sum(double value) {
        return 2 * value;
      }
    };
    assertThat(weights(two, TOKEN)).containsOnly((float) (1 / 18.));
    assertThat(weights(two, ROW)).startsWith(of(1 / 12., 1 / 12., 1 / 18.));
    assertThat(weights(two, TASK)).startsWith(of(0.05)).endsWith(of(1 / 16.));
  }

  /** Members of other rows, laid side by side with rows that only fill up, in two micro-batches. */
  @ParameterizedTest
  @MethodSource("weightings")
  void fillingUpChangesNoMembersWeights(LossWeighting weighting) {
    List<List<Sample>> halves = List.of(Starts.rows(3, 8).get(0), Starts.rows(2, 9).get(1));
    List<Batch> own = halves.stream().map(rows -> Batch.of(rows, 3)).toList();
    List<Batch> other = List.of(Batch.of(ROWS, 3), Batch.of(Starts.rows(4, 10).get(2), 3));
    List<MemberBatch> filled = List.of(
        MemberBatch.of(List.of(other.get(0), own.get(0))), MemberBatch.of(List.of(other.get(1), own.get(1))));
    assertThat(filled.get(0).ids().length).isGreaterThan(own.get(0).tokens() + other.get(0).tokens());
    List<MemberBatch> plain = own.stream().map(batch -> MemberBatch.of(batch, 1)).toList();
    StepLabels alone = StepLabels.of(plain, List.of(weighting), ProcessGroup.single());
    StepLabels together = StepLabels.of(filled, List.of(TASK, weighting), ProcessGroup.single());
    double sum = 0;
    for (int i = 0; i < 2; i++) {
      float[] both = together.weights(filled.get(i));
      float[] expected = alone.weights(plain.get(i));
      assertThat(both).endsWith(expected).hasSize(other.get(i).labels() + expected.length);
      for (float weight : expected) {
        sum += weight;
      }
    }
    assertThat(sum).isCloseTo(1, within(1e-6));
  }
}
