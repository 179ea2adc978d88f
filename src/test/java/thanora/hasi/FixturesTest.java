package thanora.hasi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import thanora.lora.Blocks;
import thanora.lora.MethodFixtures;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/** Every stage of the initialisation against the numbers of golden/method/fixtures.json. */
class FixturesTest {
  private static final HasiConfig.Preview PREVIEW = HasiConfig.thanora().preview();

  private static List<Moments> moments(MethodFixtures fixture) {
    List<Moments> all = new ArrayList<>();
    for (JsonNode x : fixture.at("X")) {
      Moments moments =
          new Moments("m", fixture.integer("d_in"), Moments.Normalisation.TOKEN_MEAN, false, "cpu");
      Tensor rows = MethodFixtures.matrix(x);
      long half = rows.size(0) / 2;
      moments.add(Ops.narrow(rows, 0, 0, half));
      moments.add(Ops.narrow(rows, 0, half, rows.size(0) - half));
      all.add(moments);
    }
    return all;
  }

  private static List<Spectrum> spectra(MethodFixtures fixture, boolean exact) {
    List<Tensor> normalised = moments(fixture).stream().map(m -> m.normalised(0)).toList();
    int top = Math.min(fixture.integer("d_in"), fixture.integer("d_out"));
    return Synthetic.spectra(fixture.matrix("W"), normalised, PREVIEW, top, exact);
  }

  @ParameterizedTest
  @MethodSource("thanora.lora.MethodFixtures#all")
  void momentsHaveUnitMeanDiagonal(MethodFixtures fixture) {
    try (TensorScope scope = TensorScope.open()) {
      List<Moments> moments = moments(fixture);
      for (int task = 0; task < moments.size(); task++) {
        double[] expected = MethodFixtures.values(fixture.at("normalised_moments").get(task));
        close(Tensors.doubles(moments.get(task).normalised(0)), expected, 1e-10);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("thanora.lora.MethodFixtures#all")
  void singularValuesAndEntropies(MethodFixtures fixture) {
    double[] entropy = fixture.values("entropy");
    for (boolean exact : new boolean[] {true, false}) {
      try (TensorScope scope = TensorScope.open()) {
        List<Spectrum> spectra = spectra(fixture, exact);
        for (int task = 0; task < entropy.length; task++) {
          double[] sigma = MethodFixtures.values(fixture.at("sigma").get(task));
          assertThat(spectra.get(task).sigma()).hasSameSizeAs(sigma);
          close(spectra.get(task).sigma(), sigma, (exact ? 1e-9 : 1e-7) * (1 + sigma[0]));
          assertThat(spectra.get(task).entropy())
              .isCloseTo(entropy[task], within(exact ? 1e-9 : 1e-7));
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("thanora.lora.MethodFixtures#all")
  void sharesAndRanks(MethodFixtures fixture) {
    RankAllocator allocator =
        new RankAllocator(
            HasiConfig.thanora().ranks().withTau(fixture.number("tau")), fixture.integer("T"),
            fixture.integer("r"));
    int[] caps = new int[fixture.integer("T")];
    Arrays.fill(caps, 1000);
    close(allocator.shares(fixture.values("entropy")), fixture.values("shares"), 1e-9);
    assertThat(allocator.ranks(fixture.values("shares"), caps))
        .isEqualTo(fixture.blocks().taskRanks());
    assertThat(allocator.coopRank()).isEqualTo(fixture.integer("r_coop"));
  }

  @ParameterizedTest
  @MethodSource("thanora.lora.MethodFixtures#all")
  void deflatedProjectors(MethodFixtures fixture) {
    for (boolean exact : new boolean[] {true, false}) {
      for (int vectors : new int[] {0, 48}) {
        try (TensorScope scope = TensorScope.open()) {
          List<TaskSubspaces.Basis> bases =
              new TaskSubspaces(vectors, "m", 0, names(fixture))
                  .deflated(spectra(fixture, exact), fixture.blocks().taskRanks());
          for (int task = 0; task < bases.size(); task++) {
            Tensor p = bases.get(task).p();
            close(
                Tensors.doubles(Ops.matmul(p, Ops.transpose(p))),
                MethodFixtures.values(fixture.at("deflated_projectors").get(task)),
                exact ? 1e-8 : 1e-6);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("thanora.lora.MethodFixtures#all")
  void initialProducts(MethodFixtures fixture) {
    HasiConfig paper = HasiConfig.thanoraPaper();
    check(fixture, paper, "literal_sBA");
    check(fixture, paper.with(paper.start().withSplit(HasiConfig.Split.CORDA)), "literal_sBA");
    check(fixture, HasiConfig.thanora(), "unit_sBA");
  }

  /** One task at a time: s B_t A_t of the fixture, in float32. */
  private static void check(MethodFixtures fixture, HasiConfig config, String key) {
    double s = fixture.number("alpha") / fixture.integer("r");
    Hasi hasi =
        new Hasi(config, names(fixture), fixture.integer("r"), fixture.number("alpha"), 3);
    try (TensorScope scope = TensorScope.open()) {
      Hasi.Module module = new Hasi.Module("m", fixture.matrix("W"), moments(fixture));
      Hasi.Result result = hasi.layer(List.of(module)).get(0);
      Blocks blocks = result.factors().blocks();
      assertThat(blocks).isEqualTo(fixture.blocks());
      JsonNode expected = fixture.at(key);
      for (int task = 0; task < fixture.integer("T"); task++) {
        Tensor a = Ops.narrow(result.factors().a(), 0, blocks.start(task), blocks.rank(task));
        Tensor bt = Ops.narrow(result.factors().bt(), 0, blocks.start(task), blocks.rank(task));
        double[] product = Tensors.doubles(Ops.scale(Ops.matmul(Ops.transpose(bt), a), s));
        close(product, MethodFixtures.values(expected.get(task)), 1e-5);
      }
    }
  }

  private static List<String> names(MethodFixtures fixture) {
    return IntStream.range(0, fixture.integer("T")).mapToObj(task -> "task" + task).toList();
  }

  private static void close(double[] actual, double[] expected, double tolerance) {
    assertThat(actual).hasSameSizeAs(expected);
    for (int i = 0; i < actual.length; i++) {
      assertThat(actual[i]).isCloseTo(expected[i], within(tolerance));
    }
  }
}
