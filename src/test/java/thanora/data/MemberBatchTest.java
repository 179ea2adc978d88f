package thanora.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class MemberBatchTest {
  private static Batch batch(long seed, int rows) {
    Random random = new Random(seed);
    List<Sample> samples = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      int[] ids = random.ints(2 + random.nextInt(9), 10, 99).toArray();
      samples.add(new Sample(random.nextInt(3), row, ids, 1 + random.nextInt(ids.length - 1)));
    }
    return Batch.of(samples, 4);
  }

  @Test
  void equalBatchesAreLaidSideBySideAsTheyAre() {
    Batch batch = batch(1, 7);
    MemberBatch two = MemberBatch.of(batch, 2);
    assertThat(two.tokensPerMember()).isEqualTo(batch.tokens());
    assertThat(Arrays.copyOf(two.ids(), batch.tokens())).isEqualTo(batch.ids());
    assertThat(Arrays.copyOfRange(two.ids(), batch.tokens(), 2 * batch.tokens())).isEqualTo(batch.ids());
    assertThat(Arrays.copyOf(two.rowStarts(), 8)).isEqualTo(batch.rowStarts());
    assertThat(two.labelStarts()).containsExactly(0, batch.labels(), 2 * batch.labels());
    assertThat(two.tokens()).containsExactly(batch.tokens(), batch.tokens());
  }

  @Test
  void everyMemberHasItsOwnRowsAndAsManyTokensOfEachTask() {
    List<Batch> batches = List.of(batch(2, 9), batch(3, 5), batch(4, 14));
    MemberBatch all = MemberBatch.of(batches);
    int longest = batches.stream().mapToInt(Batch::longestRow).max().orElseThrow();
    int row = 0;
    int[] first = null;
    for (int member = 0; member < 3; member++) {
      Batch own = batches.get(member);
      int[] byTask = new int[4];
      int real = 0;
      int end = (member + 1) * all.tokensPerMember();
      for (; all.rowStarts()[row] < end; row++) {
        int from = all.rowStarts()[row];
        int length = all.rowStarts()[row + 1] - from;
        assertThat(length).isBetween(1, longest);
        byTask[all.rowTasks()[row]] += length;
        if (all.ids()[from] != 0) { // a real row, perhaps lengthened
          int[] expected = Arrays.copyOfRange(own.ids(), own.rowStarts()[real], own.rowStarts()[real + 1]);
          assertThat(Arrays.copyOfRange(all.ids(), from, from + expected.length)).isEqualTo(expected);
          real++;
        }
      }
      assertThat(real).isEqualTo(own.rows());
      first = first == null ? byTask : first;
      assertThat(byTask).isEqualTo(first);
      for (int i = 0; i < own.labels(); i++) {
        int at = all.labelStarts()[member] + i;
        assertThat(all.ids()[all.labelled()[at]]).isEqualTo(own.ids()[own.labelled()[i]]);
        assertThat(all.targets()[at]).isEqualTo(own.targets()[i]);
        assertThat(all.targetTasks()[at]).isEqualTo(own.targetTasks()[i]);
      }
      assertThat(all.labelStarts()[member + 1] - all.labelStarts()[member]).isEqualTo(own.labels());
    }
  }
}
