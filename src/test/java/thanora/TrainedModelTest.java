package thanora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import thanora.checkpoint.Checkpoint;
import thanora.checkpoint.CheckpointException;

/** What is done with a trained adapter, on the shipped model. */
class TrainedModelTest {
  @TempDir static Path shared;
  private static Path run;
  private static Recipe recipe;
  private static RunSummary summary;

  @TempDir Path folder;

  @BeforeAll
  static void train() throws IOException {
    Path data = SmallRun.data(shared.resolve("data"));
    run = shared.resolve("run");
    recipe = SmallRun.recipe(data, "train.max_steps=3", "train.learning_rate=1e-2");
    summary = SmallRun.run(recipe, run, false);
  }

  private static TrainedModel open() {
    return TrainedModel.open(
        LoadedModel.load(recipe), Optional.of(TrainedModel.adapterOf(run)));
  }

  @Test
  void theAdapterReadBackScoresAsTheRunSaid() {
    try (TrainedModel model = open()) {
      model.score(recipe, RunListener.SILENT).forEach((name, score) -> {
        RunSummary.TaskResult said = summary.tasks().get(name);
        assertThat(score.score()).isEqualTo(said.after());
        assertThat(score.nll()).isCloseTo(said.nllAfter(), within(1e-5));
        assertThat(score.nll()).isNotCloseTo(said.nllBefore(), within(1e-2));
      });
    }
  }

  @Test
  void theMergedModelReadBackScoresAsTheAdapter() {
    Path target = folder.resolve("merged");
    try (TrainedModel model = open()) {
      TrainedModel.MergeReport report =
          model.merge(recipe.with("merge.dtype=float32"), target, RunListener.SILENT);
      assertThat(report.maxLogitDifference()).isBetween(0.0, 1e-5);
      report.merged().forEach((name, score) -> {
        assertThat(score.nll()).isCloseTo(summary.tasks().get(name).nllAfter(), within(1e-4));
        assertThat(score.nll()).isCloseTo(report.adapter().get(name).nll(), within(1e-4));
      });
    }
    try (TrainedModel merged = TrainedModel.open(
        LoadedModel.load(target.toString(), "cpu", Recipe.Dtype.FLOAT32, 1), Optional.empty());
        TrainedModel adapted = open()) {
      assertThat(merged.answer("12+30", 4)).isEqualTo(adapted.answer("12+30", 4));
    }
  }

  @Test
  void theChatTemplateOfTheRecipeGoesWithTheMergedModel() throws IOException {
    Path template = folder.resolve("own.jinja");
    String text = "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] }}{% if m['role'] == 'assistant' %}"
        + "{{ eos_token }}{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}{# own #}";
    Files.writeString(template, text);
    Recipe own = recipe.with("chat_template=" + template);
    Path merged = folder.resolve("merged");
    Path gguf = folder.resolve("merged.gguf");
    try (TrainedModel model = TrainedModel.open(LoadedModel.load(own), Optional.of(TrainedModel.adapterOf(run)))) {
      model.merge(own, merged, RunListener.SILENT);
      model.mergeGguf(own, gguf, Optional.empty(), RunListener.SILENT);
    }
    for (Path path : List.of(merged, gguf)) {
      try (Checkpoint checkpoint = Checkpoint.open(path)) {
        assertThat(checkpoint.chatTemplate()).as("%s", path).contains(text);
      }
    }
  }

  @Test
  void aMergeBeyondTheLimitLeavesNothing() throws IOException {
    Path target = folder.resolve("merged");
    try (TrainedModel model = open()) {
      Recipe strict = recipe.with("merge.max_logit_difference=1e-9");
      assertThatThrownBy(() -> model.merge(strict, target, RunListener.SILENT))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("the limit merge.max_logit_difference is 1.0E-9")
          .hasMessageNotContaining("\n");
    }
    try (var left = Files.list(folder)) {
      assertThat(left).isEmpty();
    }
  }

  @Test
  void whatIsExportedIsTheSameAdapter() throws IOException {
    Path target = folder.resolve("exported");
    try (TrainedModel model = open()) {
      model.export(target);
    }
    assertThat(Files.readAllBytes(target.resolve("adapter_model.safetensors")))
        .isEqualTo(SmallRun.adapter(run));
    assertThat(target.resolve("adapter_config.json"))
        .hasSameTextualContentAs(run.resolve("adapter/adapter_config.json"));
  }

  @Test
  void aRunWithoutAnAdapterSaysHowToGoOn() {
    assertThatThrownBy(() -> TrainedModel.adapterOf(folder))
        .isInstanceOf(RunFolderException.class)
        .hasMessage("run folder " + folder + ": has no adapter yet; go on with thanora train --resume --run-dir "
            + folder);
  }

  @Test
  void aTargetThatMatchesNothingIsNamedWithWhatThereIs() {
    assertThatThrownBy(() -> SmallRun.run(
        recipe.with("lora.target_modules=[q_proj, wq]"), folder.resolve("run"), false))
        .isInstanceOf(RecipeException.class)
        .hasMessage("lora.target_modules: wq matches no linear layer; there are q_proj, k_proj,"
            + " v_proj, o_proj, gate_proj, up_proj, down_proj");
  }
}
