package thanora.hasi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.Map;
import java.util.ArrayList;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import thanora.Golden;
import thanora.Pico;
import thanora.data.Sample;
import thanora.hasi.HasiConfig.Spectra;
import thanora.lora.Starts;
import thanora.model.Decoder;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

/** Spectra of wide layers by estimates, beside the exact ones. */
class MomentSpectraTest {
  private static final int TASKS = 3;

  private final TensorScope scope = TensorScope.open();

  @BeforeAll
  static void threads() {
    Threads.use(1);
  }

  @AfterEach
  void close() {
    scope.close();
  }

  private static Hasi hasi(HasiConfig config) {
    return new Hasi(config, Synthetic.names(TASKS), 16, 32, 0);
  }

  private static HasiConfig config(HasiConfig.Statistic statistic, Spectra spectra) {
    HasiConfig base = HasiConfig.thanora();
    return base.with(base.preview().withStatistic(statistic).withSpectra(spectra));
  }

  private static Moments narrow(Tensor x, boolean centre, Moments.Normalisation normalisation, DType sums) {
    Moments moments = new Moments("m", (int) x.size(1), normalisation, centre, new Placement("cpu", sums));
    for (int part = 0; part < 2; part++) {
      long half = x.size(0) / 2;
      moments.add(Tensors.cast(Ops.narrow(x, 0, part * half, half), DType.F32));
    }
    return moments;
  }

  @ParameterizedTest
  @CsvSource({"false,TOKEN_MEAN", "true,TOKEN_MEAN", "false,CORDA"})
  void momentsInPlaceAreTheSame(boolean centre, Moments.Normalisation normalisation) {
    Tensor x = Ops.plus(Synthetic.activations(64, 1100, 0.99, 5), 0.1);
    try (Moments exact = narrow(x, centre, normalisation, DType.F64);
        Moments inPlace = narrow(x, centre, normalisation, DType.F32)) {
      double[] wanted = Tensors.doubles(exact.normalised(0));
      Golden.assertClose("from float32", Tensors.doubles(inPlace.normalised(0)), wanted, 1e-5);
      Golden.assertClose("in place", Tensors.doubles(inPlace.normalisedInPlace()), wanted, 1e-5);
      Golden.assertClose("afterwards", Tensors.doubles(inPlace.normalised(0)), wanted, 1e-5);
      assertThatThrownBy(() -> inPlace.add(x)).hasMessage(
          "m: its moments are normalised already; nothing can be added");
    }
  }

  /** W of a module, its activations by task. */
  private record Case(Tensor w, List<Tensor> x) {
    static Case of(int dOut, int dIn) {
      List<Tensor> x = new ArrayList<>();
      for (int task = 0; task < TASKS; task++) {
        x.add(Synthetic.activations(2 * dIn, dIn, 0.97 + 0.01 * task, 10 + task));
      }
      return new Case(Synthetic.gaussian(dOut, dIn, 1), x);
    }

    Hasi.Module module(DType sums, int task) {
      return new Hasi.Module("m", Tensors.cast(w, DType.F32), List.of(
          narrow(x.get(task), false, Moments.Normalisation.TOKEN_MEAN, sums)));
    }

    List<Spectrum> spectra(Hasi start) {
      MomentSpectra spectra = new MomentSpectra(List.of(start));
      for (int task = 0; task < TASKS; task++) {
        Hasi.Module module = module(DType.F32, task);
        spectra.add(List.of(module));
        module.moments().get(0).close();
      }
      return spectra.of(start, List.of(new Hasi.Module("m", w))).get(0);
    }
  }

  @ParameterizedTest
  @EnumSource(value = HasiConfig.Statistic.class, names = {"WC", "WC_HALF", "X"})
  void entropiesValuesAndSubspacesAreCloseToTheExactOnes(HasiConfig.Statistic statistic) {
    for (Case shape : List.of(Case.of(120, 260), Case.of(260, 120), Case.of(200, 200))) {
      compare(shape, config(statistic, Spectra.EXACT), config(statistic, Spectra.ESTIMATED));
    }
  }

  @Test
  void entropyOfTheMomentAloneIsServed() {
    HasiConfig base = HasiConfig.thanora();
    HasiConfig.Preview covariance = base.preview().withSpectrumOf(HasiConfig.SpectrumOf.COVARIANCE)
        .withEntropyPower(HasiConfig.EntropyPower.SIGMA_SQUARED).withDamping(0.01);
    compare(Case.of(120, 260), base.with(covariance), base.with(covariance.withSpectra(Spectra.ESTIMATED)));
  }

  private static void compare(Case shape, HasiConfig exact, HasiConfig estimated) {
    List<Spectrum> wanted = shape.spectra(hasi(exact));
    List<Spectrum> got = shape.spectra(hasi(estimated));
    for (int task = 0; task < TASKS; task++) {
      String where = shape.w.size(0) + " x " + shape.w.size(1) + ", task " + task;
      Spectrum a = wanted.get(task);
      Spectrum b = got.get(task);
      assertThat(b.entropy()).as(where).isCloseTo(a.entropy(), within(0.01));
      assertThat(b.numericalRank()).as(where).isEqualTo(a.sigma().length);
      for (int i = 0; i < 8; i++) {
        assertThat(b.sigma()[i]).as(where).isCloseTo(a.sigma()[i], within(5e-3 * a.sigma()[i]));
      }
      Tensor both = Ops.matmul(Ops.transpose(Ops.narrow(a.vectors(), 1, 0, 8)), Ops.narrow(b.vectors(), 1, 0, 8));
      assertThat(Tensors.item(Ops.sum(Ops.mul(both, both)))).as(where).isCloseTo(8, within(0.05));
    }
  }

  @Test
  void layersThatAreNotWideGoTheExactWay() {
    Case shape = Case.of(120, 140);
    HasiConfig exact = config(HasiConfig.Statistic.WC, Spectra.EXACT);
    List<Spectrum> auto = shape.spectra(hasi(config(HasiConfig.Statistic.WC, Spectra.AUTO)));
    List<Spectrum> wanted = shape.spectra(hasi(exact));
    for (int task = 0; task < TASKS; task++) {
      assertThat(auto.get(task).sigma()).isEqualTo(wanted.get(task).sigma());
    }
  }

  @Test
  void allVectorsAreRefused() {
    HasiConfig config = config(HasiConfig.Statistic.WC, Spectra.ESTIMATED);
    assertThatThrownBy(() -> new MomentSpectra(List.of(hasi(config.with(config.start().withDeflationVectors(0))))))
        .hasMessage("hasi.deflation_vectors 0 (all) needs all vectors of each linear layer; set it to 48, or"
            + " hasi.spectra to exact");
  }

  @Test
  void momentsOfATaskAreThoseOfAllTasksTogether() {
    Decoder model = Pico.load("llama");
    List<List<Sample>> rows = Starts.rows(6, 8);
    Map<String, double[]> wanted = new TreeMap<>();
    Map<String, double[]> got = new TreeMap<>();
    Set<String> targets = model.projectionNames();
    PreviewPass pass =
        new PreviewPass(model, HasiConfig.thanora().preview().withSpectra(Spectra.ESTIMATED), targets);
    assertThat(pass.goesByTask()).isTrue();
    pass.run(rows, (layer, inputs) -> inputs.forEach(input -> {
      for (int task = 0; task < rows.size(); task++) {
        wanted.put(input.modules().get(0) + task, Tensors.doubles(input.byTask().get(task).normalised(0)));
      }
    }));
    pass.runByTask(rows, (layer, task, inputs) -> inputs.forEach(input -> {
      assertThat(input.byTask()).hasSize(1);
      got.put(input.modules().get(0) + task, Tensors.doubles(input.byTask().get(0).normalisedInPlace()));
    }));
    assertThat(got.keySet()).isEqualTo(wanted.keySet());
    wanted.forEach((name, values) -> Golden.assertClose(name, got.get(name), values, 1e-4));
  }
}
