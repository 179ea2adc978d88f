package thanora.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import thanora.data.MixtureSampler.Pick;

class MixtureSamplerTest {
  private static final int[] SIZES = {7, 40, 3};

  static Stream<Mixing> mixings() {
    return Stream.of(
        new Mixing.Proportional(),
        new Mixing.Uniform(),
        new Mixing.Temperature(2),
        new Mixing.Weights(List.of(0.2, 1.5, 4.0)));
  }

  @Test
  void proportionalDrawsEachRowOnceAnEpochInAFreshOrder() {
    MixtureSampler sampler = new MixtureSampler(SIZES, new Mixing.Proportional(), 5);

    List<Pick> first = sampler.next(50);
    List<Pick> second = sampler.next(50);

    Set<Pick> all = new HashSet<>();
    for (int task = 0; task < SIZES.length; task++) {
      for (int row = 0; row < SIZES[task]; row++) {
        all.add(new Pick(task, row));
      }
    }
    assertThat(first).containsExactlyInAnyOrderElementsOf(all).isNotEqualTo(second);
    assertThat(second).containsExactlyInAnyOrderElementsOf(all);
    assertThat(sampler.counts()).containsExactly(14, 80, 6);
  }

  @ParameterizedTest
  @MethodSource("mixings")
  void withinATaskEveryRowComesOnceBeforeAnyComesTwice(Mixing mixing) {
    MixtureSampler sampler = new MixtureSampler(SIZES, mixing, 11);
    List<Pick> picks = sampler.next(2000);

    for (int task = 0; task < SIZES.length; task++) {
      int t = task;
      List<Integer> rows = picks.stream().filter(p -> p.task() == t).map(Pick::row).toList();
      int epochs = rows.size() / SIZES[task];
      assertThat(epochs).isGreaterThan(1);
      for (int epoch = 0; epoch < epochs; epoch++) {
        List<Integer> one = rows.subList(epoch * SIZES[task], (epoch + 1) * SIZES[task]);
        assertThat(new HashSet<>(one)).hasSize(SIZES[task]);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("mixings")
  void resumingIsTheUnbrokenOrder(Mixing mixing) {
    List<Pick> unbroken = new MixtureSampler(SIZES, mixing, 3).next(700);
    for (int at : new int[] {0, 1, 49, 50, 51, 333}) {
      MixtureSampler resumed = new MixtureSampler(SIZES, mixing, 3);
      resumed.skip(at);
      assertThat(resumed.next(100)).isEqualTo(unbroken.subList(at, at + 100));
      assertThat(resumed.drawn()).isEqualTo(at + 100);
    }
  }

  @ParameterizedTest
  @MethodSource("mixings")
  void theSeedDecidesTheOrder(Mixing mixing) {
    List<Pick> order = new MixtureSampler(SIZES, mixing, 3).next(100);

    assertThat(new MixtureSampler(SIZES, mixing, 3).next(100)).isEqualTo(order);
    assertThat(new MixtureSampler(SIZES, mixing, 4).next(100)).isNotEqualTo(order);
  }

  @ParameterizedTest
  @MethodSource("mixings")
  void batchSizeDoesNotChangeTheOrder(Mixing mixing) {
    MixtureSampler small = new MixtureSampler(SIZES, mixing, 8);
    List<Pick> parts = Stream.of(3, 4, 5, 38).flatMap(n -> small.next(n).stream()).toList();

    assertThat(parts).isEqualTo(new MixtureSampler(SIZES, mixing, 8).next(50));
  }

  @Test
  void sharesAreThoseOfTheFormula() {
    int[] sizes = {16, 1};

    assertThat(new Mixing.Proportional().shares(sizes)).containsExactly(16 / 17.0, 1 / 17.0);
    assertThat(new Mixing.Uniform().shares(sizes)).containsExactly(0.5, 0.5);
    assertThat(new Mixing.Temperature(1).shares(sizes)).containsExactly(16 / 17.0, 1 / 17.0);
    assertThat(new Mixing.Temperature(4).shares(sizes)[0]).isCloseTo(2 / 3.0, within(1e-12));
    assertThat(new Mixing.Weights(List.of(1.0, 3.0)).shares(sizes)).containsExactly(0.25, 0.75);
  }

  static Stream<Mixing> sharedMixings() {
    return mixings().filter(mixing -> !(mixing instanceof Mixing.Proportional));
  }

  @ParameterizedTest
  @MethodSource("sharedMixings")
  void everyPrefixHoldsTheSharesToAFewRows(Mixing mixing) {
    MixtureSampler sampler = new MixtureSampler(SIZES, mixing, 1);
    double[] shares = mixing.shares(SIZES);
    for (int drawn = 1; drawn <= 5000; drawn++) {
      sampler.next(1);
      for (int task = 0; task < SIZES.length; task++) {
        double ahead = sampler.counts()[task] - shares[task] * drawn;
        assertThat(ahead).isBetween(-2.0, 1.0 + 1e-6);
      }
    }
  }

  @Test
  void aTaskOfOneRowAmongAMillionKeepsItsShare() {
    int[] sizes = {1_000_000, 1};
    int draws = 100_000;

    MixtureSampler even = new MixtureSampler(sizes, new Mixing.Uniform(), 2);
    even.skip(draws);
    assertThat(even.counts()).containsExactly(draws / 2, draws / 2);

    MixtureSampler weighted = new MixtureSampler(sizes, new Mixing.Weights(List.of(99.0, 1.0)), 2);
    weighted.skip(draws);
    assertThat(weighted.counts()[1]).isBetween(draws / 100 - 1L, draws / 100 + 1L);

    MixtureSampler union = new MixtureSampler(sizes, new Mixing.Proportional(), 2);
    union.skip(3_000_003);
    assertThat(union.counts()).containsExactly(3_000_000, 3);
  }

  @Test
  void uniformMixesTasksWithoutAFixedCycle() {
    List<Pick> picks = new MixtureSampler(new int[] {9, 9, 9}, new Mixing.Uniform(), 6).next(300);

    Set<List<Integer>> cycles = new HashSet<>();
    for (int i = 0; i < 300; i += 3) {
      cycles.add(picks.subList(i, i + 3).stream().map(Pick::task).toList());
    }
    assertThat(cycles).hasSize(6);
    assertThat(cycles).allSatisfy(cycle -> assertThat(new HashSet<>(cycle)).hasSize(3));
  }

  @Test
  void permutationsAreEvenlySpread() {
    int[] counts = new int[6];
    java.util.Random random = new java.util.Random(12);
    for (int i = 0; i < 60_000; i++) {
      int[] p = Shuffle.permutation(3, random);
      counts[p[0] * 2 + (p[1] > p[2] ? 1 : 0)]++;
    }
    for (int count : counts) {
      assertThat(count).isBetween(9_600, 10_400);
    }
    assertThat(Shuffle.subset(10, 4, random)).hasSize(4).isSorted().doesNotHaveDuplicates();
  }

  @Test
  void wrongMixingsAreRefused() {
    assertThatThrownBy(() -> Mixing.of("proportionate", 1, List.of()))
        .hasMessageContainingAll("proportionate", "proportional, uniform, temperature, weights");
    assertThat(Mixing.of("temperature", 2, List.of())).isEqualTo(new Mixing.Temperature(2));
    assertThatThrownBy(() -> new Mixing.Temperature(0)).hasMessageContaining("above 0");
    assertThatThrownBy(() -> new Mixing.Weights(List.of(1.0, 0.0))).hasMessageContaining("above 0");
    assertThatThrownBy(() -> new Mixing.Weights(List.of(1.0)).shares(SIZES))
        .hasMessageContaining("1 mixing weights for 3 tasks");
    assertThatThrownBy(() -> new MixtureSampler(new int[] {3, 0}, new Mixing.Uniform(), 1))
        .hasMessageContaining("[3, 0]");
  }
}
