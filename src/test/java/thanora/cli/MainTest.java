package thanora.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MainTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... args) {
    return Main.run(new PrintWriter(out), new PrintWriter(err), args);
  }

  @ParameterizedTest
  @CsvSource({
    "demo, --run-dir --seed --set --model --data --resume --quiet --json --steps",
    "data preview, --rows --seed --set --model --data --quiet --json",
    "init, --model --out --yes --quiet --json",
    "plan, --seed --set --model --data --quiet --json",
    "doctor, --quiet --json",
    "analyze, --run-dir --seed --set --model --data --quiet --json --out",
    "train, --run-dir --seed --set --model --data --resume --quiet --json",
    "eval, --run-dir --seed --set --model --data --quiet --json --adapter --output-path",
    "report, --run-dir --out --quiet --json",
    "merge, --run-dir --seed --set --model --data --quiet --json --out --format --outtype --logits",
    "export, --run-dir --seed --set --model --data --quiet --json --out --format --outtype --logits",
    "verify, --seed --set --model --data --quiet --json --limit",
    "download, --dataset --config --quiet --json",
    "generate, --model --adapter --run --run-dir --prompt --max-new-tokens --quiet --json --system --temperature",
    "chat, --model --adapter --run --system --max-new-tokens --temperature --top-p --seed",
    "serve, --model --adapter --run --host --port --api-key --cors --parallel --queue --max-length --timeout"
  })
  void everyCommandExplainsItsOptions(String command, String options) {
    assertThat(run((command + " --help").split(" "))).isZero();
    assertThat(out.toString()).contains("Usage: thanora " + command).contains(options.split(" "));
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void helpNamesEveryCommandAndVersionIsThePoms() throws IOException {
    assertThat(run("--help")).isZero();
    assertThat(out.toString())
        .contains("demo", "init", "plan", "doctor", "completion", "help", "analyze", "train", "eval", "report", "merge", "export", "generate",
            "data", "verify", "chat", "serve", "download");
    out.getBuffer().setLength(0);
    assertThat(run("--version")).isZero();
    String version = out.toString().strip().replace("thanora ", "");
    assertThat(Files.readString(Path.of("pom.xml")))
        .contains("<artifactId>thanora</artifactId>\n  <version>" + version + "</version>");
  }

  @Test
  void stepsAreTimedForEveryMethodAndNobodyIsToldInHelp(@TempDir Path folder) throws IOException {
    Path config = Files.writeString(folder.resolve("config.json"), """
        {"model_type": "qwen3", "vocab_size": 50, "hidden_size": 16, "intermediate_size": 24,
         "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 4}
        """);
    for (String method : new String[] {"lora", "thanora"}) {
      assertThat(run("bench", "--config", config.toString(), "--method", method, "--tasks", "2",
          "--rank", "4", "--length", "6", "--steps", "3", "--threads", "1", "--json")).isZero();
    }
    // r (in + out) numbers a module: q and o, k and v, gate, up and down
    int parameters = 2 * 4 * (2 * (16 + 16) + 2 * (16 + 8) + 3 * (16 + 24));
    assertThat(out.toString().lines()).hasSize(2).allSatisfy(line -> {
      JsonNode result = new ObjectMapper().readTree(line);
      assertThat(result.get("trainable_parameters").asInt()).isEqualTo(parameters);
      assertThat(result.get("loss").asDouble()).isBetween(3.5, 4.3); // ln 50 = 3.91
      assertThat(result.get("seconds")).hasSize(3)
          .allSatisfy(value -> assertThat(value.asDouble()).isGreaterThanOrEqualTo(
              result.get("best").asDouble()));
    });
    out.getBuffer().setLength(0);
    run("--help");
    assertThat(out.toString()).doesNotContain("bench");
  }

  @Test
  void previewIsTimedAndItsPlanComparedWithTheExactOne(@TempDir Path folder) throws IOException {
    Path config = Files.writeString(folder.resolve("config.json"), """
        {"model_type": "qwen3", "vocab_size": 50, "hidden_size": 16, "intermediate_size": 24,
         "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 4}
        """);
    assertThat(run("bench", "--config", config.toString(), "--tasks", "2", "--rank", "6", "--length", "6",
        "--preview", "5", "--spectra", "estimated", "--beside-exact", "--threads", "1", "--json")).isZero();
    JsonNode result = new ObjectMapper().readTree(out.toString());
    assertThat(result.get("tokens").asInt()).isEqualTo(2 * 5 * 6);
    assertThat(result.get("preview_seconds").asDouble()).isPositive();
    assertThat(result.get("ranks").asInt()).isEqualTo(2 * 2 * 7);
    assertThat(result.get("ranks_different").asInt()).isZero();
    assertThat(result.get("entropy_difference_max").asDouble()).isLessThan(1e-3);
  }

  @Test
  void noCommandIsWrongUse() {
    assertThat(run()).isEqualTo(2);
    assertThat(err.toString()).contains("Usage: thanora");
    assertThat(out.toString()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "trian x.yaml", "train", "train x.yaml --sed 1", "train x.yaml --seed one",
        "merge run", "merge --out o", "report", "report x y", "merge a --run-dir b --out o", "eval", "generate",
        "generate --prompt x", "generate --prompt x --run a --adapter b",
        "export run --out o --format onnx", "train x.yaml --resume", "verify",
        "export run --out o --outtype f16", "merge run --out o.gguf --outtype q4_0",
        "merge run --out o.gguf --format hf --outtype f32", "verify run --limit x",
        "generate --model m --prompt x --max-new-tokens 0", "generate --model m --prompt x --prompts f",
        "chat", "chat --model m --temperature -1", "serve", "serve --model m --port 70000",
        "bench", "bench --model m --config c", "bench --config c --length 1", "bench --config c --preview -1",
        "bench --config bench/smollm2-135m.json --tasks 16",
        "download", "download a", "download a/b --config c", "download a/b/c",
        "compare demo --methods lora --first-seed -1", "join a.json --out o",
        "data previev r.yaml", "data preview", "data preview demo --rows x",
        "completion fish", "help trian", "init nowhere",
        "init . --model nowhere", "plan", "plan nowhere.yaml"
      })
  void wrongUseIsOneLineAndCodeTwo(String line) {
    assertThat(run(line.split(" "))).isEqualTo(2);
    assertThat(err.toString().lines()).singleElement().asString().startsWith("thanora: ");
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void aMisspeltCommandIsGuessed() {
    run("trian", "x.yaml");
    assertThat(err).hasToString(
        "thanora: trian is not a command; did you mean train? See thanora --help"
            + System.lineSeparator());
  }

  @Test
  void everyProblemOfARecipeIsALine(@TempDir Path folder) throws IOException {
    Path recipe =
        Files.writeString(folder.resolve("r.yaml"), "model: demo\ntasks: [{name: a}]\nmethd: x\n");
    assertThat(run("train", recipe.toString(), "--set", "train.max_stps=3", "--seed", "-1"))
        .isEqualTo(2);
    assertThat(err.toString().lines())
        .containsExactly(
            "thanora: methd: unknown key; did you mean method?",
            "thanora: train.max_stps: unknown key; did you mean train.max_steps?",
            "thanora: seed: -1 is smaller than 0; leave it out for 0");
  }

  @Test
  void aMissingRecipeIsWrongUse() {
    assertThat(run("train", "nowhere.yaml")).isEqualTo(2);
    assertThat(err.toString().strip())
        .isEqualTo("thanora: recipe nowhere.yaml: no such file; check the path");
  }

  @Test
  void aFolderWithoutARunIsWrongUse(@TempDir Path folder) {
    assertThat(run("eval", folder.toString())).isEqualTo(2);
    assertThat(err.toString()).contains("holds no recipe.yaml; give the folder of a run");
  }

  @Test
  void theStackIsShownOnlyForDebug() {
    run("train", "nowhere.yaml", "--debug");
    assertThat(err.toString()).contains("\tat thanora.RecipeReader");
  }
}
