package thanora.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import thanora.checkpoint.CheckpointException;

/** The two files of scored rows: our own, and lm-evaluation-harness's. */
class AnswersFileTest {
  @TempDir Path folder;

  private static ScoredRow row(int index, String answer, double score, double nll) {
    return new ScoredRow(index, "p\"" + index, "größe", Optional.ofNullable(answer), score, nll, 4,
        index == 7 ? List.of("/a/b.png") : List.of());
  }

  private static Map<String, ScoredTask> task(ScoredRow... rows) {
    return Map.of("t", new ScoredTask(Metric.EXACT_MATCH, 5, List.of(rows)));
  }

  @Test
  void rowsComeBackAndAfterFindsItsBefore() {
    Path file = folder.resolve("answers.jsonl");
    assertThat(AnswersFile.read(file)).isEmpty();
    List<AnswersFile.Line> before = AnswersFile.before(
        task(row(3, "x\ny", 0, 8), row(7, null, Double.NaN, Double.POSITIVE_INFINITY)));
    AnswersFile.write(file, before);
    assertThat(AnswersFile.read(file)).isEqualTo(before);
    assertThat(before.get(1).before()).isEqualTo(new AnswersFile.Judged(null, null, null));

    List<AnswersFile.Line> after =
        AnswersFile.after(AnswersFile.read(file), task(row(3, "größe", 1, 2), row(9, "z", 0, 3)));
    AnswersFile.write(file, after);
    assertThat(AnswersFile.read(file)).isEqualTo(after);
    assertThat(after.get(0).before()).isEqualTo(before.get(0).before());
    assertThat(after.get(0).after()).isEqualTo(new AnswersFile.Judged("größe", 1.0, 2.0));
    assertThat(after.get(1).before()).as("a row that was not scored before").isNull();
    assertThat(after.get(0).withoutAfter()).isEqualTo(before.get(0));
  }

  @Test
  void aDamagedLineIsNamed() throws IOException {
    Path file = folder.resolve("answers.jsonl");
    AnswersFile.write(file, AnswersFile.before(task(row(0, "x", 0, 8))));
    for (String wrong : List.of("{\"task\": ", "{}", "", "{\"unknown\": 1}")) {
      Files.writeString(file, Files.readAllLines(file).get(0) + "\n" + wrong + "\n");
      assertThatThrownBy(() -> AnswersFile.read(file)).isInstanceOf(CheckpointException.class)
          .hasMessageStartingWith(file + ":2: is not a row that a run wrote;");
    }
  }

  @Test
  void lmEvalsFilesHaveItsNamesHashesAndErrors() throws IOException {
    LmEvalFiles.Model model =
        new LmEvalFiles.Model("runs/a:b", "models/m", "runs/a/adapter", 16, "auto", 0, 3, 1.5e9, 2);
    Path results = LmEvalFiles.write(
        folder.resolve("out"), model, task(row(3, "x", 0, 8), row(7, "größe", 1, 2), row(8, "größe", 1, 2)));
    assertThat(results.getParent()).isEqualTo(folder.resolve("out").resolve("runs__a__b"));
    assertThat(results.getFileName().toString())
        .matches("results_\\d{4}-\\d\\d-\\d\\dT\\d\\d-\\d\\d-\\d\\d\\.\\d{6}\\.json");
    JsonNode json = new ObjectMapper().readTree(results.toFile());
    JsonNode task = json.at("/results/t");
    assertThat(task.get("exact_match,none").asDouble()).isCloseTo(2.0 / 3, within(1e-12));
    assertThat(task.get("exact_match_stderr,none").asDouble()).isCloseTo(1.0 / 3, within(1e-12));
    assertThat(task.get("nll,none").asDouble()).isCloseTo(1, within(1e-12));
    assertThat(json.at("/higher_is_better/t")).hasToString("{\"exact_match\":true,\"nll\":false}");
    assertThat(json.at("/config/model_args").asText()).isEqualTo("pretrained=models/m,peft=runs/a/adapter");

    Path samples = results.resolveSibling(
        results.getFileName().toString().replace("results_", "samples_t_") + "l");
    List<String> lines = Files.readAllLines(samples);
    assertThat(lines).hasSize(3);
    JsonNode sample = new ObjectMapper().readTree(lines.get(0));
    assertThat(sample.get("doc_id").asInt()).isEqualTo(3);
    // hashlib.sha256(json.dumps({"prompt": 'p"3', "completion": "größe"}, indent=2, ensure_ascii=False).encode())
    assertThat(sample.get("doc_hash").asText()).isEqualTo("53d309b11d694c9a114e2aa2e4a50cf37d5e33e3e69c17ffdf2a7fb9eeda7bd0");
    assertThat(sample.get("filtered_resps")).hasToString("[\"x\"]");
  }
}
