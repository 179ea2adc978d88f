package thanora.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What scripts rely on: files of a run folder, their keys, and the JSON of every command. */
class ContractTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path folder;

  private static List<String> keys(JsonNode node) {
    Iterator<String> names = node.fieldNames();
    return Stream.generate(names::next).limit(node.size()).toList();
  }

  private static JsonNode result(SmallRun small) throws IOException {
    assertThat(small.stderr()).isEmpty();
    assertThat(small.stdout().lines()).hasSize(1);
    return JSON.readTree(small.stdout());
  }

  @Test
  void aRunFromTrainToMerge() throws IOException {
    SmallRun small = new SmallRun(folder);
    String out = small.out.toString();
    assertThat(small.train("--json", "--set", "method=thanora")).isZero();
    assertSummary(result(small));
    assertThat(JSON.readTree(small.out.resolve("summary.json").toFile()))
        .isEqualTo(JSON.readTree(small.stdout()));
    try (Stream<Path> files = Files.list(small.out)) {
      assertThat(files.map(file -> file.getFileName().toString().replaceAll("(tfevents)[.].*", "$1")))
          .containsExactlyInAnyOrder("recipe.yaml", "plan.json", "before.json", "environment.json",
              "log.jsonl", "events.out.tfevents", "checkpoints", "adapter", "answers.jsonl",
              "summary.json", "report.html", "trainer_state.json");
    }
    List<String> log = Files.readAllLines(small.out.resolve("log.jsonl"));
    log.removeIf(line -> line.contains("\"event\""));
    assertThat(log).hasSize(2);
    assertThat(keys(JSON.readTree(log.get(0)))).containsExactly(
        "step", "loss", "task_loss", "spr", "lr", "grad_norm", "tokens", "seconds");

    assertThat(small.run("eval", out, "--json", "--quiet")).isZero();
    JsonNode scores = result(small);
    assertThat(keys(scores)).containsExactly("tasks", "mean");
    assertThat(keys(scores.at("/tasks/a"))).containsExactly("metric", "score", "nll", "rows");

    assertThat(small.run("report", out, "--out", folder.resolve("page.html").toString(), "--json")).isZero();
    assertThat(keys(result(small))).containsExactly("out");
    assertThat(folder.resolve("page.html")).hasSameTextualContentAs(small.out.resolve("report.html"));

    Path merged = folder.resolve("merged");
    assertThat(small.run("merge", out, "--out", merged.toString(), "--json", "--quiet")).isZero();
    assertThat(keys(result(small)))
        .containsExactly("out", "max_logit_difference", "adapter", "merged");

    Path adapter = folder.resolve("exported");
    assertThat(small.run("export", out, "--out", adapter.toString(), "--json", "--quiet")).isZero();
    assertThat(adapter.resolve("adapter_model.safetensors")).exists();

    Path model = folder.resolve("model.gguf");
    assertThat(small.run("merge", out, "--outtype", "f32", "--out", model.toString(), "--json", "--quiet")).isZero();
    assertThat(keys(result(small)))
        .containsExactly("out", "max_logit_difference", "adapter", "merged");

    Path lora = folder.resolve("adapter.gguf");
    assertThat(small.run("export", out, "--out", lora.toString(), "--json", "--quiet")).isZero();
    assertThat(result(small).toString()).isEqualTo("{\"format\":\"gguf\",\"out\":\"" + lora + "\"}");

    assertThat(small.run("verify", out, merged.toString(), adapter.toString(), model.toString(), lora.toString(),
        "--json", "--quiet")).isZero();
    JsonNode verified = result(small);
    assertThat(keys(verified)).containsExactly("run", "results");
    assertThat(verified.get("results").findValuesAsText("kind"))
        .containsExactly("model_folder", "peft_adapter", "gguf_model", "gguf_adapter");
    assertThat(keys(verified.at("/results/0"))).containsExactly("path", "kind", "max_logit_difference", "relative",
        "limit", "same_token", "positions", "passed");

    assertSameAnswers(small, List.of("--run", out), List.of("--model", model.toString()), List.of("--model", merged.toString()),
        List.of("--model", "demo", "--adapter", adapter.toString()));
  }

  private static void assertSummary(JsonNode summary) {
    assertThat(keys(summary)).containsExactly("method", "model", "seed", "steps", "tokens",
        "seconds", "trainable_parameters", "tasks", "mean", "merge");
    assertThat(keys(summary.at("/tasks/b"))).containsExactly(
        "metric", "before", "after", "nll_before", "nll_after", "rows");
    assertThat(keys(summary.get("mean")))
        .containsExactly("before", "after", "nll_before", "nll_after");
    assertThat(keys(summary.get("merge"))).containsExactly("max_logit_difference");
    assertThat(summary.get("steps").intValue()).isEqualTo(2);
  }

  @SafeVarargs
  private static void assertSameAnswers(SmallRun small, List<String>... models)
      throws IOException {
    String first = "";
    for (List<String> model : models) {
      int code = small.run(Stream.concat(
          Stream.of("generate", "--prompt", "one a", "--max-new-tokens", "5", "--json", "--quiet"),
          model.stream()).toArray(String[]::new));
      assertThat(code).isZero();
      JsonNode answer = result(small);
      assertThat(keys(answer)).containsExactly("answer", "prompt");
      first = first.isEmpty() ? answer.toString() : first;
      assertThat(answer).hasToString(first);
    }
  }
}
