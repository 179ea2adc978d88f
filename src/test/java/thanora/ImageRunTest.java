package thanora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import thanora.checkpoint.OutType;
import thanora.data.TaskSet;
import thanora.demo.DemoImages;
import thanora.demo.ImageModel;
import thanora.hasi.ModulePlan;
import thanora.hasi.RankPlan;
import thanora.train.StoppedException;

/** The main path on the small model that sees images, on two of its tasks and one of text. */
class ImageRunTest {
  @TempDir static Path shared;
  private static Path data;
  private static Path model;

  @TempDir Path folder;

  @BeforeAll
  static void make() throws IOException {
    data = shared.resolve("data");
    DemoImages.writeTo(data, 12, 3, 1);
    model = shared.resolve("model");
    ImageModel.assemble(Path.of("demo"), model);
  }

  private Recipe recipe(String... changes) {
    String yaml = """
        model: %s
        data: %s
        threads: 1
        tasks: [{name: things}, {name: scenes}, {name: dates}]
        images: {cache: %s}
        lora: {r: 4, target_modules: [q_proj, v_proj, linear_1]}
        hasi: {preview_rows: 4}
        train: {learning_rate: 3e-3, max_steps: 3, batch_size: 4, max_length: 160, save_steps: 1}
        eval: {batch_size: 10, max_new_tokens: 3}
        merge: {probe_rows: 2}
        """.formatted(model, data, folder.resolve("cache"));
    return RecipeReader.parse(yaml, "recipe", List.of(changes), note -> {});
  }

  private List<Path> kept() throws IOException {
    if (!Files.exists(folder.resolve("cache"))) {
      return List.of();
    }
    try (Stream<Path> files = Files.walk(folder.resolve("cache"))) {
      return files.filter(Files::isRegularFile).toList();
    }
  }

  private static List<Double> losses(Path run) {
    return SmallRun.log(run).stream().filter(row -> !row.has("event")).map(row -> row.get("loss").asDouble()).toList();
  }

  @Test
  void aRunThatWasStoppedGoesOnBitByBitWithOrWithoutTheCache() throws IOException {
    Recipe recipe = recipe("images.freeze_multi_modal_projector=false");
    Path whole = folder.resolve("whole");
    SmallRun.run(recipe, whole, false);
    assertThat(kept()).hasSize(30); // two tasks of 12 and 3 images
    Path stopped = folder.resolve("stopped");
    assertThatThrownBy(() -> run(recipe, stopped, false, new StopAfter(1))).isInstanceOf(StoppedException.class);
    for (Path file : kept()) {
      Files.delete(file);
    }
    SmallRun.run(recipe, stopped, true);
    assertThat(SmallRun.adapter(stopped)).isEqualTo(SmallRun.adapter(whole));
    assertThat(losses(stopped)).isEqualTo(losses(whole)).hasSize(3);
    RankPlan plan = RankPlan.read(whole.resolve("plan.json"));
    ModulePlan projector = plan.module("model.multi_modal_projector.linear_1").orElseThrow();
    assertThat(projector.blocks().taskRanks()[2]).as("text in the projector").isZero();
    assertThat(plan.modules()).hasSize(11);
  }

  @Test
  @Tag("slow")
  void towerAndProjectorAreTrainedMergedAndScored() throws IOException {
    Recipe recipe = recipe("images.freeze_vision_tower=false", "images.freeze_multi_modal_projector=false",
        "images.freeze_language_model=true");
    Path run = folder.resolve("run");
    RunSummary summary = SmallRun.run(recipe, run, false);
    assertThat(kept()).as("features of a tower that changes").isEmpty();
    assertThat(summary.tasks()).containsOnlyKeys("things", "scenes", "dates");
    assertThat(summary.tasks().get("things").nllAfter()).isNotEqualTo(summary.tasks().get("things").nllBefore());
    assertThat(summary.tasks().get("dates").nllAfter()).as("a task that nothing trained sees")
        .isEqualTo(summary.tasks().get("dates").nllBefore());
    assertThat(summary.merge().maxLogitDifference()).isLessThan(0.05);
    asTwoGgufFiles(recipe, run);
  }

  /** Seeds of a method that changes what it sees have images of different number; methods of other layers stand apart. */
  @Test
  void aComparisonPutsTogetherWhatCanStandSideBySide() {
    Recipe recipe = recipe("images.freeze_multi_modal_projector=false");
    Compare.Request request = new Compare.Request(recipe,
        Contestant.parse(recipe, "lora,dora,text=lora[lora.target_modules=q_proj;lr=1e-3],"
            + "other=thanora[lora.target_modules=q_proj;lr=1e-3]"),
        List.of(1e-3, 2e-3), List.of(0L, 1L), 9, false, false, "thanora compare");
    try (LoadedModel model = LoadedModel.load(recipe)) {
      TaskSet tasks = Tasks.read(recipe, model, RunListener.SILENT);
      assertThat(named(Compare.parts(request, model, tasks, true))).containsExactly(
          "text 0, text 1, other 0, other 1", "lora 0, lora 0, dora 0, dora 0", "lora 1, lora 1, dora 1, dora 1");
      assertThat(named(Compare.parts(request, model, tasks, false))).containsExactly(
          "lora 0, lora 0, dora 0, dora 0", "text 0, other 0", "lora 1, lora 1, dora 1, dora 1", "text 1, other 1");
    }
  }

  private static List<String> named(List<List<SideBySide.Run>> parts) {
    return parts.stream().map(runs -> runs.stream().map(run -> run.contestant().name() + " " + run.seed())
        .collect(Collectors.joining(", "))).toList();
  }

  private void asTwoGgufFiles(Recipe recipe, Path run) throws IOException {
    Path file = folder.resolve("m.gguf");
    Path vision = folder.resolve("mmproj-m.gguf");
    try (TrainedModel trained = TrainedModel.open(LoadedModel.load(recipe), Optional.of(TrainedModel.adapterOf(run)))) {
      TrainedModel.MergeReport report =
          trained.mergeGguf(recipe, file, Optional.of(OutType.F32), RunListener.SILENT);
      assertThat(report.maxLogitDifference()).isLessThan(1e-5);
      assertThat(report.merged().get("things").nll()).isCloseTo(report.adapter().get("things").nll(), within(1e-4));
      Verification.Result result = Verification.of(recipe, run, List.of(file), RunListener.SILENT).get(0);
      assertThat(result.passed()).as("%s", result).isTrue();
      Files.delete(file);
      assertThatThrownBy(() -> trained.mergeGguf(recipe, file, Optional.empty(), RunListener.SILENT))
          .hasMessage(vision + ": exists already; give another file or remove it");
      assertThat(file).doesNotExist();
    }
    Files.delete(vision);
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files.filter(path -> path.toString().contains(".gguf"))).isEmpty();
    }
  }

  @Test
  void aBrokenImageStopsTheRunBeforeItTrains() throws IOException {
    Path own = folder.resolve("data");
    DemoImages.writeTo(own, 12, 3, 1);
    Path broken = own.resolve("things/train/5.png");
    Files.write(broken, Arrays.copyOf(Files.readAllBytes(broken), 60));
    Path run = folder.resolve("run");
    assertThatThrownBy(() -> SmallRun.run(recipe("data=" + own), run, false))
        .hasMessageContaining("things/train.jsonl:6").hasMessageContaining("5.png");
    assertThat(run.resolve("checkpoints")).doesNotExist();
  }

  private static void run(Recipe recipe, Path folder, boolean resume, RunListener listener) {
    try (RunFolder run = RunFolder.create(folder, resume, note -> {})) {
      FineTune.run(recipe, run, listener);
    }
  }

  /** Asks to stop once so many steps are done. */
  private static final class StopAfter implements RunListener {
    private final long steps;
    private boolean stop;

    StopAfter(long steps) {
      this.steps = steps;
    }

    @Override
    public void trained(long step, Map<String, Double> losses) {
      stop = step >= steps;
    }

    @Override
    public boolean stopRequested() {
      return stop;
    }
  }
}
