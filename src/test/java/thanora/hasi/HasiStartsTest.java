package thanora.hasi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import thanora.hasi.HasiConfig.EntropyPower;
import thanora.hasi.HasiConfig.Granularity;
import thanora.hasi.HasiConfig.PreviewTokens;
import thanora.hasi.HasiConfig.Ranks;
import thanora.hasi.HasiConfig.Split;
import thanora.hasi.HasiConfig.SpectrumOf;
import thanora.hasi.HasiConfig.Statistic;
import thanora.hasi.HasiConfig.Subspaces;
import thanora.hasi.HasiConfig.Subtract;
import thanora.lora.Factors;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

class HasiStartsTest {
  private static final List<String> TASKS = Synthetic.names(3);
  private static final HasiConfig PRESET = HasiConfig.thanora();

  private final TensorScope scope = TensorScope.open();

  @BeforeAll
  static void threads() {
    Threads.use(2);
  }

  @AfterEach
  void close() {
    scope.close();
  }

  /** Modules of every path: small, Gram of either side, activations of one direction only. */
  private static List<Hasi.Module> modules() {
    List<Moments> narrow = Synthetic.tasks(3, 30, 1);
    List<Moments> wide = Synthetic.tasks(3, 140, 2);
    List<Moments> thin = new ArrayList<>(wide.subList(0, 2));
    thin.add(Synthetic.moments(Synthetic.activations(2, 140, 0.9, 9)));
    return List.of(
        new Hasi.Module("q_proj", Synthetic.gaussian(24, 30, 1), narrow),
        new Hasi.Module("k_proj", Synthetic.gaussian(30, 30, 2), narrow),
        new Hasi.Module("o_proj", Synthetic.gaussian(150, 140, 3), wide),
        new Hasi.Module("up_proj", Synthetic.gaussian(130, 140, 4), wide),
        new Hasi.Module("down_proj", Synthetic.gaussian(190, 140, 5), thin));
  }

  private static List<HasiConfig> configurations() {
    HasiConfig.Preview preview = PRESET.preview();
    HasiConfig.RankRule ranks = PRESET.ranks();
    HasiConfig.Start start = PRESET.start();
    return Stream.of(
        List.of(PRESET, HasiConfig.thanoraPaper().with(preview)),
        Stream.of(
                ranks.withRanks(Ranks.UNIFORM), ranks.withCoop(false), ranks.withTau(0.05),
                ranks.withGranularity(Granularity.LAYER))
            .map(PRESET::with).toList(),
        Stream.of(
                start.withDeflation(false), start.withB(0), start.withSplit(Split.CORDA),
                start.withSubspaces(Subspaces.RANDOM), start.withSubtract(Subtract.NONE),
                start.withDeflationVectors(12), start.withDeflationVectors(0))
            .map(PRESET::with).toList(),
        Stream.of(
                preview.withStatistic(Statistic.X), preview.withStatistic(Statistic.WC_HALF),
                preview.withSpectrumOf(SpectrumOf.COVARIANCE), preview.withDamping(0.01),
                preview.withEntropyPower(EntropyPower.SIGMA_SQUARED))
            .map(PRESET::with).toList()).flatMap(List::stream).toList();
  }

  private static void assertSame(List<Hasi.Result> actual, List<Hasi.Result> expected) {
    assertThat(actual).hasSameSizeAs(expected);
    for (int i = 0; i < expected.size(); i++) {
      assertThat(actual.get(i).plan()).isEqualTo(expected.get(i).plan());
      Factors a = actual.get(i).factors();
      Factors b = expected.get(i).factors();
      assertThat(a.blocks()).isEqualTo(b.blocks());
      assertThat(Tensors.floats(a.a())).isEqualTo(Tensors.floats(b.a()));
      assertThat(Tensors.floats(a.bt())).isEqualTo(Tensors.floats(b.bt()));
      assertThat(Tensors.floats(a.a0())).isEqualTo(Tensors.floats(b.a0()));
      assertThat(Tensors.floats(a.b0t())).isEqualTo(Tensors.floats(b.b0t()));
    }
  }

  @Test
  void everyStartIsBitByBitWhatItIsAlone() {
    List<Hasi.Module> modules = modules();
    List<Hasi> starts = new ArrayList<>();
    for (HasiConfig config : configurations()) {
      starts.add(new Hasi(config, TASKS, 10, 20, 11));
    }
    starts.add(new Hasi(PRESET, TASKS, 10, 20, 12));
    starts.add(new Hasi(PRESET, TASKS, 16, 16, 11));
    List<ModulePlan> plan =
        starts.get(0).layer(modules).stream().map(Hasi.Result::plan).toList();
    starts.add(starts.get(2).with(starts.get(0).plan("thanora", "base", plan)));

    List<List<Hasi.Result>> together = new HasiStarts(starts).layer(modules);
    assertThat(together).hasSameSizeAs(starts);
    for (int i = 0; i < starts.size(); i++) {
      assertSame(together.get(i), starts.get(i).layer(modules));
    }
    assertThat(Tensors.floats(together.get(0).get(2).factors().bt()))
        .isNotEqualTo(Tensors.floats(together.get(4).get(2).factors().bt()));
  }

  @Test
  void modulesOfALayerDoNotDependOnEachOther() {
    Hasi start = new Hasi(PRESET, TASKS, 10, 20, 11);
    List<Hasi.Module> modules = modules();
    List<Hasi.Result> alone =
        modules.stream().map(module -> start.layer(List.of(module)).get(0)).toList();
    assertSame(start.layer(modules), alone);
  }

  @Test
  void onlyStartsOfOnePreviewPassGoTogether() {
    Hasi start = new Hasi(PRESET, TASKS, 10, 20, 11);
    HasiConfig labels = PRESET.with(PRESET.preview().withTokens(PreviewTokens.LABELS));
    HasiConfig rows = PRESET.with(PRESET.preview().withRows(16));
    for (Hasi other : List.of(
        new Hasi(labels, TASKS, 10, 20, 11), new Hasi(rows, TASKS, 10, 20, 11),
        new Hasi(PRESET, List.of("a", "b", "c"), 10, 20, 11))) {
      assertThatThrownBy(() -> new HasiStarts(List.of(start, other)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("no preview pass in common");
    }
  }

  @Test
  void aFaultOfOneModuleNamesIt() {
    List<Hasi.Module> modules = new ArrayList<>(modules());
    modules.add(new Hasi.Module("v_proj", Synthetic.gaussian(6, 30, 1), modules.get(0).moments()));
    assertThatThrownBy(() -> new Hasi(PRESET, TASKS, 10, 20, 11).layer(modules))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("v_proj: 8 task directions do not fit a width of 6");
  }

  /** Threads that seek directions have scopes of their own. */
  @Test
  void noTensorOutlivesItsLayer() {
    List<Hasi.Module> modules = modules();
    HasiStarts starts = new HasiStarts(List.of(new Hasi(PRESET, TASKS, 10, 20, 11)));
    System.gc();
    long before = Pointer.totalCount();
    for (int i = 0; i < 5; i++) {
      try (TensorScope layer = TensorScope.open()) {
        starts.layer(modules);
      }
    }
    assertThat(Pointer.totalCount()).isLessThanOrEqualTo(before);
  }
}
