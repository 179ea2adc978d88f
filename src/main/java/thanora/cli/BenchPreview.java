package thanora.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import thanora.data.Sample;
import thanora.hasi.HasiConfig;
import thanora.hasi.ModulePlan;
import thanora.hasi.PreviewPass;
import thanora.hasi.RankPlan;
import thanora.lora.LoraAdapter;
import thanora.lora.SprConfig;
import thanora.method.AdapterMethod;
import thanora.method.Thanora;
import thanora.model.Decoder;
import thanora.tensor.GpuMemory;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * Times preview and initialisation of the preset thanora, from rows to an adapter that is ready.
 *
 * @param seconds from the first row to the last factor
 * @param gpuBytes most that the GPU held beyond the model, adapter included; NaN without a GPU
 */
record BenchPreview(double seconds, double gpuBytes, RankPlan plan) {
  private static HasiConfig config(HasiConfig.Spectra spectra) {
    HasiConfig preset = HasiConfig.thanora();
    return preset.with(preset.preview().withSpectra(spectra));
  }

  /** Seconds of the forward pass and the moments alone. */
  static double pass(Decoder model, HasiConfig.Spectra spectra, List<List<Sample>> rowsByTask) {
    PreviewPass pass = new PreviewPass(model, config(spectra).preview(), model.projectionNames());
    long start = System.nanoTime();
    if (pass.goesByTask()) {
      pass.runByTask(rowsByTask, (layer, task, inputs) -> { });
    } else {
      pass.run(rowsByTask, (layer, inputs) -> { });
    }
    try (TensorScope scope = TensorScope.open()) {
      Tensors.item(Ops.sum(Ops.narrow(model.head(), 0, 0, 1))); // a GPU is done when this is there
    }
    return (System.nanoTime() - start) / 1e9;
  }

  /**
   * Runs it once.
   *
   * @param rowsByTask every row of each task is previewed
   */
  static BenchPreview of(
      Decoder model, int r, HasiConfig.Spectra spectra, List<List<Sample>> rowsByTask, Progress progress) {
    AdapterMethod method = new Thanora("thanora", config(spectra), SprConfig.thanora());
    List<String> names = IntStream.range(0, rowsByTask.size()).mapToObj(task -> "task" + task).toList();
    GpuMemory.resetPeak(model.placement());
    double before = GpuMemory.peakBytes(model.placement());
    long start = System.nanoTime();
    AdapterMethod.Setting setting = new AdapterMethod.Setting(
        model, new ArrayList<>(model.projectionNames()), names, rowsByTask, r, 2 * r, 0, "", Optional.empty(),
        progress::update);
    LoraAdapter adapter = (LoraAdapter) method.empty(setting);
    RankPlan plan = method.start(setting, adapter, 0).orElseThrow();
    double seconds = (System.nanoTime() - start) / 1e9;
    return new BenchPreview(seconds, GpuMemory.peakBytes(model.placement()) - before, plan);
  }

  /** How far the ranks and entropies of another plan of the same model and rows are from these. */
  Map<String, Object> beside(RankPlan exact) {
    int different = 0;
    int furthest = 0;
    double largest = 0;
    double sum = 0;
    int pairs = 0;
    for (int m = 0; m < plan.modules().size(); m++) {
      List<ModulePlan.TaskRank> own = plan.modules().get(m).tasks();
      List<ModulePlan.TaskRank> other = exact.modules().get(m).tasks();
      for (int task = 0; task < own.size(); task++) {
        int rank = Math.abs(own.get(task).rank() - other.get(task).rank());
        double entropy = Math.abs(own.get(task).entropy() - other.get(task).entropy());
        different += rank > 0 ? 1 : 0;
        furthest = Math.max(furthest, rank);
        largest = Math.max(largest, entropy);
        sum += entropy;
        pairs++;
      }
    }
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("ranks", pairs);
    result.put("ranks_different", different);
    result.put("largest_rank_difference", furthest);
    result.put("entropy_difference_mean", sum / pairs);
    result.put("entropy_difference_max", largest);
    return result;
  }
}
