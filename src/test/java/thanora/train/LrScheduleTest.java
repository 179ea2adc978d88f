package thanora.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class LrScheduleTest {
  private static double[] factors(LrSchedule schedule, long warmup, long total) {
    return LongStream.rangeClosed(1, total)
        .mapToDouble(step -> schedule.factor(step, warmup, total)).toArray();
  }

  @Test
  void theWarmUpRisesInEqualPartsToThePeakAndIsFollowedByTheWholePeak() {
    for (LrSchedule schedule : LrSchedule.values()) {
      assertThat(factors(schedule, 4, 8)).startsWith(0.25, 0.5, 0.75, 1, 1);
    }
  }

  @Test
  void shapesByHand() {
    assertThat(factors(LrSchedule.CONSTANT, 1, 4)).containsExactly(1, 1, 1, 1);
    assertThat(factors(LrSchedule.LINEAR, 2, 6)).containsExactly(0.5, 1, 1, 0.75, 0.5, 0.25);
    double[] cosine = factors(LrSchedule.COSINE, 0, 4);
    double[] expected = {1, (1 + Math.sqrt(0.5)) / 2, 0.5, (1 - Math.sqrt(0.5)) / 2};
    assertThat(cosine).containsExactly(expected, within(1e-12));
  }

  @Test
  void aRunThatIsAllWarmUpNeverLeavesIt() {
    assertThat(factors(LrSchedule.COSINE, 3, 3)).containsExactly(1 / 3.0, 2 / 3.0, 1);
  }

  @Test
  void theConfigurationRoundsTheWarmUpUp() {
    TrainConfig config = new TrainConfig(2e-3, 50, 0.03, LrSchedule.LINEAR, 8, 0, 1, 1, 0, 0.9,
        0.999, 1e-8, 0, 0, 1, 0, false, false, 0, false);
    assertThat(config.learningRate(1)).isEqualTo(1e-3);
    assertThat(config.learningRate(2)).isEqualTo(2e-3);
    assertThat(config.learningRate(3)).isEqualTo(2e-3);
    assertThat(config.learningRate(27)).isCloseTo(1e-3, within(1e-15));
  }
}
