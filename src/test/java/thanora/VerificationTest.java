package thanora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import thanora.checkpoint.OutType;

/** Every way out of a short run, and what did not come out of it. */
class VerificationTest {
  @TempDir Path folder;

  @Test
  void everyWayOutComputesWhatTheRunComputes() throws IOException {
    Path data = SmallRun.data(folder.resolve("data"));
    Path run = folder.resolve("run");
    Recipe recipe = SmallRun.recipe(data, "train.max_steps=3", "train.learning_rate=1e-2",
        "lora.target_modules=all-linear", "eval.generate=false", "eval.max_rows=2");
    SmallRun.run(recipe, run, false);
    List<Path> exact = List.of(run, folder.resolve("peft"), folder.resolve("adapter.gguf"), folder.resolve("f32.gguf"));
    List<Path> rounded = List.of(folder.resolve("hf"), folder.resolve("q8.gguf"), folder.resolve("half.gguf"));
    try (TrainedModel model = TrainedModel.open(
        LoadedModel.load(recipe), Optional.of(TrainedModel.adapterOf(run)))) {
      model.export(exact.get(1));
      model.exportGguf(exact.get(2), OutType.F32);
      model.mergeGguf(recipe, exact.get(3), Optional.of(OutType.F32), RunListener.SILENT);
      model.merge(recipe, rounded.get(0), RunListener.SILENT);
      model.mergeGguf(recipe, rounded.get(1), Optional.of(OutType.Q8_0), RunListener.SILENT);
      model.exportGguf(rounded.get(2), OutType.F16);
    }
    for (Verification.Result result : Verification.of(recipe, run, exact, RunListener.SILENT)) {
      assertThat(result.difference().relative()).as("%s", result).isLessThan(1e-5);
      assertThat(result.difference().sameShare()).as("%s", result).isEqualTo(1);
      assertThat(result.limit()).isEqualTo(1e-4);
    }
    for (Verification.Result result : Verification.of(recipe, run, rounded, RunListener.SILENT)) {
      assertThat(result.difference().relative()).as("%s", result).isBetween(1e-6, 0.1);
      assertThat(result.difference().sameShare()).as("%s", result).isGreaterThan(0.9);
      assertThat(result.limit()).isEqualTo(0.1);
    }
    Path base = Path.of("demo", "model");
    Verification.Result other = Verification.of(
        recipe.with("merge.max_logit_difference=1e-2"), run, List.of(base), RunListener.SILENT).get(0);
    assertThat(other.passed()).as("%s", other).isFalse();
    assertThat(other.kind()).isEqualTo(Verification.Kind.MODEL_FOLDER);
    assertThatThrownBy(() -> Verification.of(recipe, run, List.of(data), RunListener.SILENT))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(data + ": holds nothing that can be verified: a run folder, a PEFT adapter,"
            + " a Hugging Face model or a .gguf file");
  }
}
