package thanora.method;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import thanora.data.Sample;
import thanora.hasi.GradientPass;
import thanora.hasi.GradientSpectra;
import thanora.hasi.Hasi;
import thanora.hasi.HasiConfig;
import thanora.hasi.HasiStarts;
import thanora.hasi.ModulePlan;
import thanora.hasi.MomentSpectra;
import thanora.hasi.PreviewPass;
import thanora.hasi.RankPlan;
import thanora.lora.LoraAdapter;
import thanora.model.Decoder;
import thanora.tensor.TensorScope;

/**
 * The starts of members that share a preview of the same base and tasks.
 *
 * <p>Moments of activations come layer by layer, for all tasks at once or task by task where the model
 * is wide, and each layer starts before the next is measured. Gradients come task by task, for all layers at once, so that their spectra
 * are kept until the last task is measured, and then all layers start.
 */
final class ThanoraStart {
  private final List<Thanora.Place> places;
  private final AdapterMethod.Setting shared;
  private final HasiConfig.Preview preview;
  private final List<Hasi> starts = new ArrayList<>();
  private final HasiStarts together;
  private final List<List<ModulePlan>> plans = new ArrayList<>();

  /** Of places whose preview passes and rows are equal. */
  ThanoraStart(List<Thanora.Place> places) {
    this.places = places;
    this.shared = places.get(0).setting();
    this.preview = places.get(0).method().hasi().preview();
    for (Thanora.Place place : places) {
      AdapterMethod.Setting own = place.setting();
      Hasi start =
          new Hasi(place.method().hasi(), own.taskNames(), own.r(), own.alpha(), own.seed());
      starts.add(own.givenPlan().map(start::with).orElse(start));
      plans.add(new ArrayList<>());
    }
    this.together = new HasiStarts(starts);
  }

  /** Gives every member its start; returns the plans. */
  Map<Thanora.Place, RankPlan> run() {
    if (preview.statistic() == HasiConfig.Statistic.GRADIENT) {
      fromGradients();
    } else {
      fromMoments();
    }
    Map<Thanora.Place, RankPlan> result = new LinkedHashMap<>();
    for (int i = 0; i < places.size(); i++) {
      Thanora.Place place = places.get(i);
      result.put(place, starts.get(i).plan(
          place.method().name(), place.setting().fingerprint(), plans.get(i)));
    }
    return result;
  }

  private void fromMoments() {
    PreviewPass pass = new PreviewPass(shared.model(), preview, Set.copyOf(shared.modules()));
    if (pass.goesByTask()) {
      byTask(pass);
      return;
    }
    pass.run(shared.previewRows(), (stage, inputs) -> {
      try (TensorScope scope = TensorScope.open()) {
        take(together.layer(modules(inputs)));
      }
      shared.layersDone().accept(stage + 1);
    });
  }

  private void byTask(PreviewPass pass) {
    int last = shared.previewRows().size() - 1;
    MomentSpectra spectra = new MomentSpectra(starts);
    pass.runByTask(shared.previewRows(), (stage, task, inputs) -> {
      spectra.add(modules(inputs));
      if (task == last) {
        try (TensorScope scope = TensorScope.open()) {
          take(together.layer(modules(stage), spectra));
        }
        spectra.clear();
        shared.layersDone().accept(stage + 1);
      }
    });
  }

  private List<Hasi.Module> modules(List<PreviewPass.SharedInput> inputs) {
    List<Hasi.Module> modules = new ArrayList<>();
    for (PreviewPass.SharedInput input : inputs) {
      for (String module : input.modules()) {
        modules.add(new Hasi.Module(
            module, shared.model().projection(module).weight(), input.byTask()));
      }
    }
    return modules;
  }

  private void fromGradients() {
    List<List<Sample>> rows = shared.previewRows();
    int stages = shared.model().stages();
    GradientSpectra spectra = new GradientSpectra(starts);
    new GradientPass(shared.model(), shared.modules()).run(rows, (task, gradients) -> {
      spectra.add(gradients);
      // all layers advance with each task; the starts count as one task more
      shared.layersDone().accept(stages * (task + 1) / (rows.size() + 1));
    });
    for (int stage = 0; stage < stages; stage++) {
      try (TensorScope scope = TensorScope.open()) {
        take(together.layer(modules(stage), spectra));
      }
    }
    shared.layersDone().accept(stages);
  }

  private List<Hasi.Module> modules(int stage) {
    Decoder model = shared.model();
    return model.stageInputs(stage).stream().flatMap(List::stream)
        .filter(shared.modules()::contains)
        .map(module -> new Hasi.Module(module, model.projection(module).weight()))
        .toList();
  }

  /** Takes over a layer's starts. */
  private void take(List<List<Hasi.Result>> results) {
    for (int i = 0; i < places.size(); i++) {
      Thanora.Place place = places.get(i);
      for (Hasi.Result result : results.get(i)) {
        ((LoraAdapter) place.adapter()).set(
            result.plan().name(), place.member(), result.factors());
        plans.get(i).add(result.plan());
      }
    }
  }
}
