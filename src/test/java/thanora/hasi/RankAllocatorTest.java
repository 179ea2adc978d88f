package thanora.hasi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Comparator;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RankAllocatorTest {
  private static final HasiConfig.RankRule RULE = HasiConfig.thanora().ranks();
  private static final HasiConfig.RankRule NO_COOP = RULE.withCoop(false);

  private static int[] open(int tasks) {
    int[] caps = new int[tasks];
    Arrays.fill(caps, 100_000);
    return caps;
  }

  @Test
  void ranksSumToTheTaskRowsWhateverTheShares() {
    Random random = new Random(0);
    for (int run = 0; run < 2000; run++) {
      int tasks = 1 + random.nextInt(8);
      int r = tasks + 1 + random.nextInt(40);
      double[] entropies = random.doubles(tasks).toArray();
      HasiConfig.RankRule rule = RULE.withTau(Math.exp(4 * random.nextGaussian()));
      for (HasiConfig.Rounding rounding : HasiConfig.Rounding.values()) {
        RankAllocator allocator = new RankAllocator(rule.withRounding(rounding), tasks, r);
        double[] shares = allocator.shares(entropies);
        int[] ranks = allocator.ranks(shares, open(tasks));
        assertThat(Arrays.stream(shares).sum()).isCloseTo(1, within(1e-12));
        assertThat(Arrays.stream(ranks).min().orElseThrow()).isPositive();
        int sum = Arrays.stream(ranks).sum();
        if (rounding == HasiConfig.Rounding.FLOOR_COOP) {
          assertThat(sum).isBetween(tasks, r - r / (tasks + 1));
        } else {
          assertThat(sum + allocator.coopRank()).isEqualTo(r);
        }
      }
    }
  }

  @Test
  void greedyEqualsLargestRemainderWhereTheMinimumDoesNotBind() {
    Random random = new Random(1);
    int compared = 0;
    for (int run = 0; run < 5000; run++) {
      int tasks = 2 + random.nextInt(6);
      int r = 4 * tasks + random.nextInt(30);
      double[] mass = random.doubles(tasks, 0.2, 1).toArray();
      double total = Arrays.stream(mass).sum();
      double[] shares = Arrays.stream(mass).map(m -> m / total).toArray();
      int[] expected = largestRemainder(shares, r);
      if (Arrays.stream(expected).min().orElseThrow() >= 2) {
        RankAllocator allocator = new RankAllocator(NO_COOP, tasks, r);
        assertThat(allocator.ranks(shares, open(tasks))).isEqualTo(expected);
        compared++;
      }
    }
    assertThat(compared).isGreaterThan(1000);
  }

  private static int[] largestRemainder(double[] shares, int rows) {
    int[] ranks = Arrays.stream(shares).mapToInt(share -> (int) Math.floor(share * rows)).toArray();
    int[] order =
        IntStream.range(0, shares.length)
            .boxed()
            .sorted(Comparator.comparingDouble(
                t -> -(shares[t] * rows - Math.floor(shares[t] * rows))))
            .mapToInt(Integer::intValue)
            .toArray();
    int left = rows - Arrays.stream(ranks).sum();
    for (int i = 0; i < left; i++) {
      ranks[order[i]]++;
    }
    return ranks;
  }

  @Test
  void everyTaskKeepsOneRowBesideADominantOne() {
    RankAllocator allocator = new RankAllocator(NO_COOP, 3, 8);
    assertThat(allocator.ranks(new double[] {.98, .01, .01}, open(3))).containsExactly(6, 1, 1);
  }

  @Test
  void infiniteTauGivesEqualRanksAndTinyTauGivesTheWinnerAllButOneEach() {
    double[] entropies = {.3, .9, .1, .5};
    RankAllocator equal = new RankAllocator(RULE.withTau(Double.POSITIVE_INFINITY), 4, 20);
    assertThat(equal.ranks(equal.shares(entropies), open(4))).containsExactly(4, 4, 4, 4);
    RankAllocator winner = new RankAllocator(RULE.withTau(1e-6), 4, 20);
    assertThat(winner.ranks(winner.shares(entropies), open(4))).containsExactly(1, 13, 1, 1);
    RankAllocator linear =
        new RankAllocator(
            RULE.withTau(Double.POSITIVE_INFINITY).withAllocation(HasiConfig.Allocation.LINEAR), 4,
            20);
    assertThat(linear.shares(entropies)).containsOnly(.25);
  }

  @Test
  void linearSharesAreProportionalToEntropyAtTauOne() {
    RankAllocator linear =
        new RankAllocator(RULE.withTau(1).withAllocation(HasiConfig.Allocation.LINEAR), 3, 8);
    assertThat(linear.shares(new double[] {.1, .2, .2})[0]).isCloseTo(.2, within(1e-12));
    assertThat(linear.shares(new double[] {0, 0, 0})[0]).isCloseTo(1 / 3.0, within(1e-12));
  }

  @Test
  void uniformRanksGiveTheRestToLowerIndices() {
    RankAllocator uniform =
        new RankAllocator(RULE.withRanks(HasiConfig.Ranks.UNIFORM).withCoop(false), 3, 8);
    assertThat(uniform.ranks(uniform.shares(new double[] {.1, .5, .9}), open(3)))
        .containsExactly(3, 3, 2);
  }

  @Test
  void capsAreKeptUntilAllTasksAreAtTheirs() {
    RankAllocator allocator = new RankAllocator(NO_COOP, 3, 8);
    double[] shares = {.8, .1, .1};
    assertThat(allocator.ranks(shares, new int[] {2, 9, 9})).containsExactly(2, 3, 3);
    assertThat(Arrays.stream(allocator.ranks(shares, new int[] {1, 1, 1})).sum()).isEqualTo(8);
  }

  @Test
  void floorRoundingLeavesTheRestToTheCooperativeBlockOrToTheTop() {
    double[] shares = {.5, .3, .2};
    RankAllocator coop =
        new RankAllocator(RULE.withRounding(HasiConfig.Rounding.FLOOR_COOP), 3, 12);
    assertThat(coop.ranks(shares, open(3))).containsExactly(4, 2, 1);
    RankAllocator top = new RankAllocator(RULE.withRounding(HasiConfig.Rounding.FLOOR_TOP), 3, 12);
    assertThat(top.ranks(shares, open(3))).containsExactly(6, 2, 1);
  }

  @Test
  void refusesARankThatLeavesATaskWithoutARow() {
    assertThatThrownBy(() -> new RankAllocator(RULE, 3, 3))
        .hasMessage("rank 3 is smaller than 4 = tasks + 1; raise lora.r or drop a task");
    assertThatThrownBy(() -> new RankAllocator(NO_COOP, 3, 2))
        .hasMessage("rank 2 is smaller than 3 = tasks; raise lora.r or drop a task");
    assertThatThrownBy(() -> new RankAllocator(RULE.withRMin(3), 3, 8))
        .hasMessageContaining("hasi.r_min 3 for 3 tasks is more than the 6 rows");
    assertThat(new RankAllocator(RULE, 3, 4).taskRows()).isEqualTo(3);
  }
}
