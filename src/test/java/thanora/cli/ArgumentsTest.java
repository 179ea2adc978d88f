package thanora.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ArgumentsTest {
  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "train r.yaml train.max_steps=10 | train r.yaml --set train.max_steps=10",
    "train r.yaml learning_rate=1e-4 lora.r=8 | train r.yaml --set learning_rate=1e-4 --set lora.r=8",
    "train r.yaml --learning_rate 1e-3 --seed 1 | train r.yaml --set --learning_rate=1e-3 --seed 1",
    "train r.yaml --learning-rate=1e-3 | train r.yaml --set --learning-rate=1e-3",
    "train r.yaml --lora_rank 8 --resume | train r.yaml --set --lora_rank=8 --resume",
    "train r.yaml --load_best_model_at_end --quiet | train r.yaml --set --load_best_model_at_end=true --quiet",
    "train r.yaml --bf16 true | train r.yaml --set --bf16=true",
    "train r.yaml trian.max_steps=1 | train r.yaml --set trian.max_steps=1",
    "train r.yaml --tasks.a.metric chrf | train r.yaml --set --tasks.a.metric=chrf",
    "train r.yaml --set train.max_steps=3 | train r.yaml --set train.max_steps=3",
    "train r.yaml --run-dir a.b=c | train r.yaml --run-dir a.b=c",
    "train r.yaml --learnig_rate 1 | train r.yaml --learnig_rate 1",
    "eval runs/a max_length=9 | eval runs/a --set max_length=9",
    "join a=b --learning_rate | join a=b --learning_rate",
    "--help | --help"
  })
  void keysBecomeSettings(String given, String declared) {
    assertThat(Arguments.declared(Main.commandLine(given.split(" ")), given.split(" ")))
        .containsExactly(declared.split(" "));
  }

  @Test
  void trainTakesThem(@TempDir Path folder) throws Exception {
    SmallRun small = new SmallRun(folder);
    assertThat(small.train("train.max_steps=1", "--learning-rate", "1e-4", "--lora_rank", "2")).isZero();
    assertThat(small.out.resolve("recipe.yaml")).content()
        .contains("max_steps: 1", "learning_rate: 1.0E-4", "r: 2");
  }

  @Test
  void whatIsWrongWithAKeyIsSaid(@TempDir Path folder) throws Exception {
    SmallRun small = new SmallRun(folder);
    assertThat(small.train("--bf16", "true", "train.max_stps=1")).isEqualTo(2);
    assertThat(small.stderr()).containsExactly(
        "thanora: bf16: unknown key; use dtype: bfloat16",
        "thanora: train.max_stps: unknown key; did you mean train.max_steps?");
    assertThat(small.train("--learnig_rate", "1")).isEqualTo(2);
    assertThat(small.stderr()).containsExactly(
        "thanora: option --learnig_rate is unknown; did you mean train.learning_rate? See thanora train --help");
  }
}
