package thanora.hasi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import thanora.LoadedModel;
import thanora.Recipe;
import thanora.SmolLm2;
import thanora.data.Row;
import thanora.data.Sample;
import thanora.tensor.TensorScope;

/** Plans of the real SmolLM2 by estimates, beside the exact ones. */
@Tag("slow")
class EstimatedSpectraTest {
  private static final List<String> FILES =
      List.of("README.md", "src/main/java/thanora/hasi/Hasi.java", "recipes/six-tasks.yaml");
  private static final int LAYER = 10;
  private static final int R = 32;

  private static List<List<Sample>> rows(LoadedModel model) throws IOException {
    List<List<Sample>> rows = new ArrayList<>();
    for (String file : FILES) {
      String text = Files.readString(Path.of(file));
      List<Sample> own = new ArrayList<>();
      for (int from = 0; from + 250 < text.length() && own.size() < 12; from += 250) {
        int[] ids = model.encode(Row.of("", text.substring(from, from + 250))).ids();
        own.add(new Sample(rows.size(), own.size(), ids, 0));
      }
      rows.add(own);
    }
    return rows;
  }

  private static List<ModulePlan> plans(LoadedModel model, HasiConfig.Spectra spectra) throws IOException {
    HasiConfig preset = HasiConfig.thanora();
    Hasi start = new Hasi(
        preset.with(preset.preview().withSpectra(spectra)), FILES, R, 2 * R, 0);
    Set<String> targets = model.decoder().projectionNames().stream()
        .filter(name -> name.contains("layers." + LAYER + ".")).collect(Collectors.toSet());
    PreviewPass pass = new PreviewPass(model.decoder(), start.config().preview(), targets);
    MomentSpectra measured = new MomentSpectra(List.of(start));
    List<ModulePlan> plans = new ArrayList<>();
    pass.runByTask(rows(model), (layer, task, inputs) -> {
      List<Hasi.Module> modules = inputs.stream().flatMap(input -> input.modules().stream().map(name ->
          new Hasi.Module(name, model.decoder().projection(name).weight(), input.byTask()))).toList();
      measured.add(modules);
      if (layer == LAYER && task == FILES.size() - 1) {
        try (TensorScope scope = TensorScope.open()) {
          new HasiStarts(List.of(start)).layer(modules, measured).get(0)
              .forEach(result -> plans.add(result.plan()));
        }
      }
    });
    return plans;
  }

  @Test
  void ranksAreTheExactOnesOrOneBesideThem() throws IOException {
    try (LoadedModel model = LoadedModel.load(SmolLm2.folder().toString(), "cpu", Recipe.Dtype.FLOAT32, 1)) {
      List<ModulePlan> exact = plans(model, HasiConfig.Spectra.EXACT);
      List<ModulePlan> estimated = plans(model, HasiConfig.Spectra.ESTIMATED);
      assertThat(estimated).hasSize(7).hasSameSizeAs(exact);
      for (int i = 0; i < exact.size(); i++) {
        for (int task = 0; task < FILES.size(); task++) {
          String where = exact.get(i).name() + ", " + FILES.get(task);
          ModulePlan.TaskRank wanted = exact.get(i).tasks().get(task);
          ModulePlan.TaskRank got = estimated.get(i).tasks().get(task);
          assertThat(got.entropy()).as(where).isCloseTo(wanted.entropy(), within(0.015));
          assertThat(Math.abs(got.rank() - wanted.rank())).as(where).isLessThanOrEqualTo(1);
        }
      }
    }
  }
}
