package thanora.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import thanora.tensor.Placement;

class BlocksTest {
  @Test
  void blocksLieSideBySideAndTheCooperativeOneIsLast() {
    Blocks blocks = new Blocks(new int[] {1, 2, 3}, 2);
    assertThat(blocks.r()).isEqualTo(8);
    assertThat(blocks.taskRows()).isEqualTo(6);
    assertThat(List.of(blocks.start(0), blocks.start(1), blocks.start(2), blocks.start(3)))
        .containsExactly(0, 1, 3, 6);
    assertThat(blocks.blockOfRow()).containsExactly(0, 1, 1, 2, 2, 2, 3, 3);
  }

  @Test
  void maskIsOneBetweenTasksOnly() {
    Blocks blocks = new Blocks(new int[] {1, 2}, 1);
    assertThat(blocks.mask(false)).containsExactly(0, 1, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0);
    assertThat(blocks.mask(true)).containsExactly(0, 1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 1, 1, 0);
  }

  @Test
  void byRowEveryRowThatCountsIsABlock() {
    assertThat(new Blocks(new int[] {1, 2}, 2).byRow(false)).isEqualTo(new Blocks(new int[] {1, 1, 1}, 2));
    assertThat(new Blocks(new int[] {1, 2}, 2).byRow(true)).isEqualTo(new Blocks(new int[] {1, 1, 1, 1, 1}, 0));
    assertThat(new Blocks(new int[] {2}, 1).byRow(false).mask(false)).containsExactly(0, 1, 0, 1, 0, 0, 0, 0, 0);
  }

  @ParameterizedTest
  @MethodSource("thanora.lora.MethodFixtures#all")
  void blockOfRowEqualsTheFixture(MethodFixtures fixture) {
    double[] expected = fixture.values("block_of_row");
    int[] actual = fixture.blocks().blockOfRow();
    for (int row = 0; row < expected.length; row++) {
      assertThat(actual[row])
          .isEqualTo(expected[row] < 0 ? fixture.integer("T") : (int) expected[row]);
    }
  }

  @Test
  void changingTheArrayGivenOrTakenChangesNothing() {
    int[] ranks = {1, 2};
    Blocks blocks = new Blocks(ranks, 0);
    ranks[0] = 5;
    blocks.taskRanks()[1] = 5;
    assertThat(blocks).isEqualTo(new Blocks(new int[] {1, 2}, 0));
  }

  @Test
  void refusesNegativeRanksAndUnequalStacks() {
    assertThatThrownBy(() -> new Blocks(new int[] {1, -1}, 0)).hasMessageContaining("[1, -1] + 0");
    assertThatThrownBy(
            () ->
                BlockMasks.of(
                    List.of(new Blocks(new int[] {1, 1}, 1), new Blocks(new int[] {2, 1}, 1)),
                    SprConfig.thanora(),
                    Placement.CPU_F32))
        .hasMessageContaining("rank 3 and 2 tasks");
  }
}
