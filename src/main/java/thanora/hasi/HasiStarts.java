package thanora.hasi;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

/**
 * The starts of many adapters from one preview of the same base and tasks.
 *
 * <p>Spectra, which take most of the time, are made once for all starts that ask for the same
 * statistic and as many leading vectors; directions once for all that divide a module's rows alike.
 * The work of a layer is spread over the cores. Every start is, bit by bit, what {@link Hasi#layer}
 * makes of it alone.
 */
public final class HasiStarts {
  private final List<Hasi> starts;

  /**
   * Of these adapters.
   *
   * @throws IllegalArgumentException where they cannot share a preview pass
   */
  public HasiStarts(List<Hasi> starts) {
    this.starts = List.copyOf(starts);
    for (Hasi start : starts) {
      Hasi first = starts.get(0);
      HasiConfig.Preview own = start.config().preview();
      if (!own.pass().equals(first.config().preview().pass())
          || !start.tasks().equals(first.tasks())) {
        throw new IllegalArgumentException(
            "starts of tasks " + first.tasks() + " and " + start.tasks() + " with previews "
                + first.config().preview() + " and " + own
                + " have no preview pass in common; start them apart");
      }
    }
  }

  /** What spectra depend on besides what was measured. */
  record Asked(
      HasiConfig.Statistic statistic,
      HasiConfig.SpectrumOf spectrumOf,
      HasiConfig.EntropyPower power,
      double damping,
      int top) {
    Asked(Hasi start) {
      this(
          start.config().preview().statistic(), start.config().preview().spectrumOf(),
          start.config().preview().entropyPower(), start.config().preview().damping(), start.top());
    }
  }

  /** One set of directions: of which module, of which spectra, chosen how. */
  private record Wanted(int module, Asked asked, Directions.Choice choice) {}

  /** Makes the spectra that a start asks for, of each module for each task. */
  @FunctionalInterface
  private interface Measured {
    List<List<Spectrum>> of(Hasi start, List<Tensor> weights);
  }

  /**
   * Plans and factors of a layer's modules, for each adapter, from exact spectra; the factors belong to
   * the caller's scope. {@link MomentSpectra} has estimated ones.
   */
  public List<List<Hasi.Result>> layer(List<Hasi.Module> modules) {
    return layer(modules, HasiStarts::exact, (start, weights) -> spectra(start, modules, weights));
  }

  /**
   * The same from spectra that were made task by task; weights stay in their own type.
   *
   * @param measured made for these starts, with all tasks taken in
   */
  public List<List<Hasi.Result>> layer(List<Hasi.Module> modules, TaskSpectra measured) {
    return layer(modules, Tensor::detach, (start, weights) -> measured.of(start, modules));
  }

  private List<List<Hasi.Result>> layer(
      List<Hasi.Module> modules, UnaryOperator<Tensor> weight, Measured measured) {
    List<List<Hasi.Division>> divisions = new ArrayList<>();
    Map<Wanted, Directions> directions;
    try (TensorScope scope = TensorScope.open(); NoGrad off = NoGrad.open()) {
      List<Tensor> weights = modules.stream().map(module -> weight.apply(module.w())).toList();
      Map<Asked, List<List<Spectrum>>> spectra = new HashMap<>();
      for (Hasi start : starts) {
        divisions.add(start.divide(modules, spectra.computeIfAbsent(
            new Asked(start), asked -> measured.of(start, weights))));
      }
      directions = directions(modules, weights, spectra, divisions);
    }
    return results(modules, divisions, directions);
  }

  static Tensor exact(Tensor w) {
    return Tensors.to(w.detach(), new Placement(Tensors.device(w), DType.F64));
  }

  private static List<List<Spectrum>> spectra(
      Hasi start, List<Hasi.Module> modules, List<Tensor> weights) {
    HasiConfig.Preview preview = start.config().preview();
    if (preview.statistic() == HasiConfig.Statistic.GRADIENT) {
      throw new IllegalArgumentException(
          "moments say nothing of gradients; measure them with a GradientPass");
    }
    List<LayerSpectra.Source> sources = new ArrayList<>();
    for (int i = 0; i < modules.size(); i++) {
      List<Moments> moments = modules.get(i).moments();
      if (moments.size() != start.tasks().size()) {
        throw new IllegalArgumentException(
            modules.get(i).name() + ": moments of " + moments.size() + " tasks do not fit "
                + start.tasks().size());
      }
      sources.add(source(modules.get(i), weights.get(i), preview.damping()));
    }
    return new LayerSpectra(preview, start.top()).of(sources);
  }

  /** W in float64 and the moments of a module. */
  static LayerSpectra.Source source(Hasi.Module module, Tensor w, double damping) {
    List<Moments> moments = module.moments();
    return new LayerSpectra.Source(w, moments.size(), task -> moments.get(task).normalised(damping));
  }

  private Optional<Wanted> wanted(int start, int module, List<List<Hasi.Division>> divisions) {
    return divisions.get(start).get(module).directions()
        .map(choice -> new Wanted(module, new Asked(starts.get(start)), choice));
  }

  private Map<Wanted, Directions> directions(
      List<Hasi.Module> modules,
      List<Tensor> weights,
      Map<Asked, List<List<Spectrum>>> spectra,
      List<List<Hasi.Division>> divisions) {
    Map<Wanted, Callable<Directions>> searches = new LinkedHashMap<>();
    for (int i = 0; i < starts.size(); i++) {
      List<String> tasks = starts.get(i).tasks();
      for (int m = 0; m < modules.size(); m++) {
        wanted(i, m, divisions).ifPresent(wanted -> searches.put(wanted, () -> Directions.of(
            wanted.choice, modules.get(wanted.module).name(),
            spectra.get(wanted.asked).get(wanted.module), tasks)));
      }
    }
    List<Directions> found = Threads.sideBySide(List.copyOf(searches.values()));
    Map<Wanted, Directions> directions = new HashMap<>();
    for (Wanted wanted : searches.keySet()) { // on this thread, since each has its own workspace on a GPU
      Directions own = found.get(directions.size());
      directions.put(wanted, Threads.onOne(() -> own.times(weights.get(wanted.module))));
    }
    return directions;
  }

  private List<List<Hasi.Result>> results(
      List<Hasi.Module> modules,
      List<List<Hasi.Division>> divisions,
      Map<Wanted, Directions> directions) {
    List<Callable<Made>> builds = new ArrayList<>();
    for (int i = 0; i < starts.size(); i++) {
      Hasi start = starts.get(i);
      for (int m = 0; m < modules.size(); m++) {
        Hasi.Module module = modules.get(m);
        Hasi.Division division = divisions.get(i).get(m);
        Optional<Directions> own = wanted(i, m, divisions).map(directions::get);
        builds.add(() -> new Made(
            start.plan(module, division, own), start.rows(module, division, own)));
      }
    }
    List<Made> made = Threads.sideBySide(builds);
    List<List<Hasi.Result>> results = new ArrayList<>();
    for (int i = 0; i < starts.size(); i++) {
      results.add(made.subList(i * modules.size(), (i + 1) * modules.size()).stream()
          .map(one -> new Hasi.Result(one.plan, one.rows.tensors()))
          .toList());
    }
    return results;
  }

  /** A result before its factors are tensors. */
  private record Made(ModulePlan plan, FactorBuilder.Rows rows) {}
}
