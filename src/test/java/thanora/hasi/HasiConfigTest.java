package thanora.hasi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;

class HasiConfigTest {
  @Test
  void presetsAreWhatTheMethodSays() {
    assertThat(HasiConfig.thanora().toString())
        .isEqualTo(
            "HasiConfig[preview=Preview[statistic=WC, spectrumOf=STATISTIC, entropyPower=SIGMA,"
                + " damping=0.0, normalisation=TOKEN_MEAN, rows=200, tokens=ALL, dropFirstToken=false,"
                + " centre=false, spectra=AUTO], ranks=RankRule[ranks=ENTROPY, allocation=SOFTMAX, tau=0.5,"
                + " granularity=MODULE, rMin=1, coop=true, rounding=GREEDY], start=Start[subspaces=TASK,"
                + " split=UNIT, b=0.2, gamma=1.0, deflation=true, deflationVectors=48,"
                + " subtract=FROZEN]]");
    HasiConfig paper = HasiConfig.thanoraPaper();
    assertThat(paper.start().split()).isEqualTo(HasiConfig.Split.BALANCED);
    assertThat(paper.start().deflation()).isFalse();
    assertThat(paper.preview().rows()).isEqualTo(500);
    assertThat(paper.ranks()).isEqualTo(HasiConfig.thanora().ranks());
  }

  @Test
  void knowsWhenNothingNeedsToBeFrozen() {
    HasiConfig preset = HasiConfig.thanora();
    assertThat(preset.startsAtZero()).isFalse();
    assertThat(HasiConfig.thanoraPaper().startsAtZero()).isFalse();
    assertThat(preset.with(preset.start().withB(0)).startsAtZero()).isTrue();
    assertThat(preset.with(preset.start().withSubspaces(HasiConfig.Subspaces.RANDOM))
        .startsAtZero())
        .isTrue();
  }

  @Test
  void refusesWhatMeansNothing() {
    HasiConfig preset = HasiConfig.thanora();
    assertThatThrownBy(() -> preset.ranks().withTau(0))
        .hasMessage("hasi.tau 0.0 is not allowed; use a number above 0, or infinity");
    assertThatThrownBy(() -> preset.ranks().withTau(Double.NaN))
        .hasMessageContaining("hasi.tau NaN");
    assertThatThrownBy(() -> preset.start().withB(Double.NaN)).hasMessageContaining("hasi.b NaN");
    assertThatThrownBy(() -> preset.start().withGamma(0)).hasMessageContaining("hasi.gamma");
    assertThatThrownBy(() -> preset.preview().withRows(0))
        .hasMessageContaining("hasi.preview_rows 0");
    assertThatThrownBy(() -> preset.preview().withDamping(-1)).hasMessageContaining("hasi.damping");
    HasiConfig.Preview input = preset.preview().withStatistic(HasiConfig.Statistic.X);
    assertThatThrownBy(() -> HasiConfig.thanoraPaper().with(input))
        .hasMessageContaining("split unit");
  }

  @Test
  void theGradientRefusesWhatHasNoMeaningForIt() {
    HasiConfig preset = HasiConfig.thanora();
    HasiConfig.Preview gradient = preset.preview().withStatistic(HasiConfig.Statistic.GRADIENT);
    assertThatThrownBy(() -> HasiConfig.thanoraPaper().with(gradient))
        .hasMessage("hasi.statistic: gradient goes with hasi.split=unit only; set that, or take"
            + " hasi.statistic=wc");
    assertThatThrownBy(() -> preset.with(gradient).with(preset.start().withSplit(HasiConfig.Split.CORDA)))
        .hasMessageContaining("hasi.split=unit");
    Map<HasiConfig.Preview, String> refused = Map.of(
        gradient.withTokens(HasiConfig.PreviewTokens.LABELS), "hasi.preview_tokens=all",
        gradient.withDropFirstToken(true), "hasi.drop_first_token=false",
        gradient.withCentre(true), "hasi.centre=false",
        gradient.withNormalisation(Moments.Normalisation.CORDA), "hasi.covariance=token_mean",
        gradient.withDamping(0.01), "hasi.damping=0",
        gradient.withDamping(0.01).withCentre(true), "hasi.centre=false, hasi.damping=0",
        gradient.withSpectrumOf(HasiConfig.SpectrumOf.COVARIANCE), "SpectrumOf.STATISTIC");
    refused.forEach((preview, keys) -> assertThatThrownBy(() -> preset.with(preview))
        .hasMessage("hasi.statistic: gradient goes with " + keys + " only; set that, or take"
            + " hasi.statistic=wc"));
    assertThat(preset.with(gradient.withRows(7)).with(preset.start().withSubtract(HasiConfig.Subtract.NONE))
        .preview().rows()).isEqualTo(7);
  }
}
