package thanora.page;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

class ScaleTest {
  @Test
  void scalesPlaceNumbersAndTheirTicks() {
    Scale linear = new Scale(0, 2, false);
    assertThat(linear.percent(0.5)).isEqualTo(25);
    assertThat(linear.percent(3)).isEqualTo(100);
    assertThat(linear.ticks(4)).containsExactly(0.0, 0.5, 1.0, 1.5, 2.0);
    assertThat(Scale.label(-0.5, linear.ticks(4))).isEqualTo("\u22120.5");
    Scale log = new Scale(1e-4, 1e-2, true);
    assertThat(log.percent(1e-3)).isCloseTo(50, within(1e-9));
    assertThat(new Scale(0.09, 20, true).ticks(4)).extracting(Figures::brief).containsExactly("0.1", "1", "10");
    assertThat(new Scale(0.9, 3, true).ticks(4)).extracting(Figures::brief).containsExactly("1", "2");
  }

  @Test
  void figuresHaveThreeDigitsAtMost() {
    assertThat(List.of(0.0, 16.0, 0.12345, 2e-4, -0.5, 12345.0)).map(Figures::brief)
        .containsExactly("0", "16", "0.123", "2e-4", "\u22120.5", "12300");
    assertThat(Figures.brief(Double.NaN)).isEqualTo("n/a");
  }

  @Test
  void anOutlierDoesNotSquashARobustScale() {
    Scale scale = Scale.robust(new double[] {1, 1.1, 1.2, 1.3, 50, Double.NaN}, 0.9);
    assertThat(scale.holds(1.3)).isTrue();
    assertThat(scale.holds(0.9)).isTrue();
    assertThat(scale.high()).isLessThan(1.5);
    assertThat(Scale.robust(new double[0]).holds(0.5)).isTrue();
    assertThat(Scale.robust(new double[] {2, 2, 2}).holds(2)).isTrue();
  }

  @Test
  void markupThatIsNotClosedIsRefused() {
    assertThatIllegalStateException().isThrownBy(() -> new Html().open("p").toString());
  }
}
