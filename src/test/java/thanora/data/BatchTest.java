package thanora.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BatchTest {
  private static Sample sample(int task, int promptLength, int... ids) {
    return new Sample(task, 0, ids, promptLength);
  }

  @Test
  void aHandWorkedBatchHasExactlyTheseLabels() {
    // Three tasks, none of the rows of task 1; the rows of task 2 come first but are laid last.
    Batch batch =
        Batch.of(
            List.of(
                sample(2, 2, 10, 11, 12, 2), // predicts 12 from 11, 2 from 12
                sample(0, 1, 20, 21, 2), // predicts 21 from 20, 2 from 21
                sample(2, 3, 30, 31, 32, 2), // predicts 2 from 32
                sample(0, 0, 40, 41)), // nothing precedes 40; predicts 41 from 40
            3);

    assertThat(batch.ids()).containsExactly(20, 21, 2, 40, 41, 10, 11, 12, 2, 30, 31, 32, 2);
    assertThat(batch.positions()).containsExactly(0, 1, 2, 0, 1, 0, 1, 2, 3, 0, 1, 2, 3);
    assertThat(batch.rowStarts()).containsExactly(0, 3, 5, 9, 13);
    assertThat(batch.rowTasks()).containsExactly(0, 0, 2, 2);
    assertThat(batch.labelled()).containsExactly(0, 1, 3, 6, 7, 11);
    assertThat(batch.targets()).containsExactly(21, 2, 41, 12, 2, 2);
    assertThat(batch.targetTasks()).containsExactly(0, 0, 0, 2, 2, 2);
    assertThat(batch.taskTokenStarts()).containsExactly(0, 5, 5, 13);
    assertThat(batch.labelsByTask()).containsExactly(3, 0, 3);
    assertThat(batch.tokens()).isEqualTo(13);
    assertThat(batch.rows()).isEqualTo(4);
    assertThat(batch.labels()).isEqualTo(6);
    assertThat(batch.tasks()).isEqualTo(3);
    assertThat(batch.longestRow()).isEqualTo(4);
  }

  @Test
  void aRowWithNothingToPredictHasNoLabel() {
    Batch batch = Batch.of(List.of(sample(0, 3, 1, 2, 3), sample(0, 0, 4)), 1);

    assertThat(batch.labels()).isZero();
    assertThat(batch.labelsByTask()).containsExactly(0);
    assertThat(sample(0, 3, 1, 2, 3).labels()).isZero();
    assertThat(sample(0, 0, 4).labels()).isZero();
  }

  @Test
  void splitKeepsRowsWholeAndInBatchOrderUnderTheBudget() {
    Sample a = sample(1, 1, 1, 2, 3);
    Sample b = sample(0, 1, 1, 2, 3, 4);
    Sample c = sample(1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    Sample d = sample(0, 1, 1, 2);

    assertThat(Batch.split(List.of(a, b, c, d), 7))
        .containsExactly(List.of(b, d), List.of(a), List.of(c));
    assertThat(Batch.split(List.of(a, b, c, d), 9))
        .containsExactly(List.of(b, d, a), List.of(c));
    assertThat(Batch.splitRows(List.of(a, b, c, d), 3))
        .containsExactly(List.of(b, d, a), List.of(c));
    assertThat(Batch.split(List.of(), 7)).isEmpty();
  }

  @Test
  void theTokensAndLabelsOfTheSplitAreThoseOfTheWhole() {
    Random random = new Random(4);
    List<Sample> samples = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      int[] ids = random.ints(1 + random.nextInt(20), 0, 50).toArray();
      samples.add(new Sample(random.nextInt(3), i, ids, random.nextInt(ids.length + 1)));
    }
    Batch whole = Batch.of(samples, 3);
    List<Integer> ids = new ArrayList<>();
    List<Integer> targets = new ArrayList<>();
    for (List<Sample> part : Batch.split(samples, 64)) {
      Batch batch = Batch.of(part, 3);
      assertThat(batch.tokens()).isLessThanOrEqualTo(64);
      for (int id : batch.ids()) {
        ids.add(id);
      }
      for (int target : batch.targets()) {
        targets.add(target);
      }
    }

    assertThat(ids.stream().mapToInt(i -> i)).containsExactly(box(whole.ids()));
    assertThat(targets.stream().mapToInt(i -> i)).containsExactly(box(whole.targets()));
  }

  @Test
  void wrongSamplesAreRefused() {
    assertThatThrownBy(() -> Batch.of(List.of(), 1)).hasMessageContaining("at least one sample");
    assertThatThrownBy(() -> Batch.of(List.of(sample(1, 0, 5)), 1)).hasMessageContaining("task 1");
    assertThatThrownBy(() -> Batch.of(List.of(sample(0, 0)), 1)).hasMessageContaining("no token");
    assertThatThrownBy(() -> sample(0, 3, 1, 2)).hasMessageContaining("prompt length 3");
    assertThatThrownBy(() -> Batch.split(List.of(), 0)).hasMessageContaining("0 tokens");
  }

  private static Integer[] box(int[] values) {
    return java.util.Arrays.stream(values).boxed().toArray(Integer[]::new);
  }
}
