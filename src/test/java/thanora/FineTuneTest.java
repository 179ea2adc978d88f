package thanora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import thanora.eval.AnswersFile;
import thanora.hasi.ModulePlan;
import thanora.hasi.RankPlan;
import thanora.page.Markup;

/** The main path on the shipped model. */
class FineTuneTest {
  @TempDir static Path shared;
  private static Path data;
  private static Path whole;
  private static RunSummary summary;

  @TempDir Path folder;

  @BeforeAll
  static void oneRun() throws IOException {
    data = SmallRun.data(shared.resolve("data"));
    whole = shared.resolve("run");
    summary = SmallRun.run(
        SmallRun.recipe(data, "train.save_steps=3", "train.eval_steps=2"), whole, false);
  }

  private static List<String> names(Path folder) throws IOException {
    try (var entries = Files.list(folder)) {
      return entries.map(e -> e.getFileName().toString()).sorted().toList();
    }
  }

  private static List<String> keys(JsonNode node) {
    List<String> keys = new ArrayList<>();
    node.fieldNames().forEachRemaining(keys::add);
    return keys;
  }

  private static List<JsonNode> events(Path run, String event) {
    return SmallRun.log(run).stream().filter(row -> row.path("event").asText().equals(event)).toList();
  }

  @Test
  void theRunFolderHoldsWhatScriptsRelyOn() throws IOException {
    assertThat(names(whole)).map(name -> name.replaceAll("(tfevents)[.].*", "$1")).containsExactly(
        "adapter", "answers.jsonl", "before.json", "checkpoints", "environment.json",
        "events.out.tfevents", "log.jsonl", "plan.json", "recipe.yaml", "report.html", "summary.json",
        "trainer_state.json");
    assertThat(names(whole.resolve("checkpoints"))).containsExactly("step-000003", "step-000004");
    assertThat(names(whole.resolve("adapter"))).containsExactly(
        "README.md", "adapter_config.json", "adapter_model.safetensors", "thanora.json");
    assertThat(RunFolder.recipeOf(whole, List.of(), note -> {}))
        .isEqualTo(SmallRun.recipe(data, "train.save_steps=3", "train.eval_steps=2"));
    RankPlan plan = RankPlan.read(whole.resolve("plan.json"));
    assertThat(plan.tasks()).containsExactly("sums", "dates");
    assertThat(plan.modules()).hasSize(10).allSatisfy(module -> {
      assertThat(module.blocks().r()).isEqualTo(6);
      assertThat(module.coopRank()).isEqualTo(2);
    });
    assertThat(whole.resolve("adapter/thanora.json"))
        .hasSameBinaryContentAs(whole.resolve("plan.json"));
  }

  @Test
  void theLogHasARowAStepWithTheseFields() {
    List<JsonNode> rows = SmallRun.log(whole);
    List<JsonNode> steps = rows.stream().filter(row -> !row.has("event")).toList();
    assertThat(steps).extracting(row -> row.get("step").asInt()).containsExactly(1, 2, 3, 4);
    assertThat(steps).allSatisfy(row -> {
      assertThat(keys(row)).containsExactly(
          "step", "loss", "task_loss", "spr", "lr", "grad_norm", "tokens", "seconds");
      assertThat(row.get("loss").asDouble()).isBetween(0.1, 20.0);
      assertThat(row.get("spr").asDouble()).isPositive();
      assertThat(row.get("tokens").asInt()).isGreaterThan(20);
      assertThat(List.of("sums", "dates")).containsAll(keys(row.get("task_loss")));
    });
    long tokens = steps.stream().mapToLong(row -> row.get("tokens").asLong()).sum();
    assertThat(summary.tokens()).isEqualTo(tokens);
    // one warm-up step, ceil(0.03 * 4); then the cosine over 3
    assertThat(steps).extracting(row -> row.get("lr").asDouble())
        .usingElementComparator((a, b) -> Math.abs(a - b) < 1e-12 ? 0 : a.compareTo(b))
        .containsExactly(3e-3, 3e-3, 3e-3 * 0.75, 3e-3 * 0.25);
    assertThat(events(whole, "evaluation"))
        .hasSize(2).allSatisfy(row -> {
          assertThat(keys(row)).containsExactly("step", "event", "nll");
          assertThat(keys(row.get("nll"))).containsExactly("sums", "dates");
        });
  }

  @Test
  void overlapIsLoggedFromTheStartToTheEnd() {
    List<JsonNode> overlaps = events(whole, "overlap");
    assertThat(overlaps).extracting(row -> row.get("step").asInt()).containsExactly(0, 1, 2, 3, 4);
    assertThat(overlaps).allSatisfy(row -> {
      assertThat(keys(row)).containsExactly("step", "event", "layers_a", "layers_b", "pairs_a", "pairs_b");
      assertThat(row.get("layers_a")).hasSize(5);
      assertThat(row.get("pairs_b").get(0).get(1).asDouble()).isBetween(0.0, 1.0);
    });
    assertThat(overlaps.get(0).get("pairs_b").get(0).get(1).asDouble())
        .as("deflation leaves the columns of B at right angles").isLessThan(1e-5);
  }

  @Test
  void everyScoredRowIsKeptAndGivesTheScores() {
    List<AnswersFile.Line> lines = AnswersFile.read(whole.resolve("answers.jsonl"));
    summary.tasks().forEach((name, task) -> {
      List<AnswersFile.Line> own = lines.stream().filter(line -> line.task().equals(name)).toList();
      double tokens = own.stream().mapToLong(AnswersFile.Line::tokens).sum();
      assertThat(own).hasSize(task.rows());
      assertThat(own.stream().mapToDouble(line -> line.before().nll()).sum() / tokens)
          .isCloseTo(task.nllBefore(), within(1e-9));
      assertThat(own.stream().mapToDouble(line -> line.after().nll()).sum() / tokens)
          .isCloseTo(task.nllAfter(), within(1e-9));
      assertThat(own.stream().mapToDouble(line -> line.after().score()).average().orElseThrow())
          .isCloseTo(task.after(), within(1e-9));
      assertThat(own).allSatisfy(line -> assertThat(line.after().answer()).isNotNull());
    });
  }

  @Test
  void theReportShowsIt() throws IOException {
    String page = Files.readString(whole.resolve("report.html"));
    Markup.isWellFormed(page);
    assertThat(Markup.withoutCode(page)).contains("id=\"scores\"", "id=\"training\"", "id=\"ranks\"", "id=\"overlap\"",
        "id=\"answers\"", "id=\"recipe\"", "id=\"environment\"", "2 tasks, 4 steps")
        .doesNotContain("id=\"conflicts\"", "NaN", "Infinity", "src=", "http://");
  }

  @Test
  void theSummaryHasExactlyTheKeysOfTheContract() throws IOException {
    JsonNode json = SmallRun.json(whole.resolve("summary.json"));
    assertThat(keys(json)).containsExactly("method", "model", "seed", "steps", "tokens", "seconds",
        "trainable_parameters", "tasks", "mean", "merge");
    assertThat(keys(json.get("tasks"))).containsExactly("sums", "dates");
    for (JsonNode task : json.get("tasks")) {
      assertThat(keys(task)).containsExactly(
          "metric", "before", "after", "nll_before", "nll_after", "rows");
      assertThat(task.get("rows").asInt()).isEqualTo(5);
    }
    assertThat(keys(json.get("mean")))
        .containsExactly("before", "after", "nll_before", "nll_after");
    assertThat(keys(json.get("merge"))).containsExactly("max_logit_difference");
    assertThat(json.get("method").asText()).isEqualTo("thanora");
    assertThat(json.get("steps").asInt()).isEqualTo(4);
    // 5 layers, r (in + out) of q (256 x 256) and v (128 x 256)
    assertThat(json.get("trainable_parameters").asInt()).isEqualTo(5 * 6 * (512 + 384));
    double mean = (summary.tasks().get("sums").nllAfter()
        + summary.tasks().get("dates").nllAfter()) / 2;
    assertThat(json.get("mean").get("nll_after").asDouble()).isCloseTo(mean, within(1e-12));
    assertThat(mean).isLessThan(summary.mean().nllBefore());
    assertThat(summary.merge().maxLogitDifference()).isBetween(0.0, 2e-2);
  }

  @Test
  void theLastEvaluationIsTheScoreAfterwards() {
    JsonNode nll = events(whole, "evaluation").get(1).get("nll");
    summary.tasks().forEach((name, task) ->
        assertThat(nll.get(name).asDouble()).isCloseTo(task.nllAfter(), within(1e-5)));
  }

  @Test
  void theSameSeedGivesTheSameBytesAndAnotherDoesNot() throws IOException {
    SmallRun.run(SmallRun.recipe(data), folder.resolve("same"), false);
    assertThat(SmallRun.adapter(folder.resolve("same"))).isEqualTo(SmallRun.adapter(whole));
    SmallRun.run(SmallRun.recipe(data, "seed=1"), folder.resolve("other"), false);
    assertThat(SmallRun.adapter(folder.resolve("other"))).isNotEqualTo(SmallRun.adapter(whole));
  }

  /** A listener that throws stands for a crash after that step. */
  @ParameterizedTest
  @ValueSource(ints = {1, 4})
  void aRunThatBrokeOffGoesOnToTheSameBytes(int step) throws IOException {
    Recipe recipe = SmallRun.recipe(data, "train.save_steps=3", "train.eval_steps=2");
    RunListener crash = new RunListener() {
      @Override
      public void trained(long done, Map<String, Double> losses) {
        if (done == step) {
          throw new IllegalStateException("crash");
        }
      }
    };
    try (RunFolder run = RunFolder.create(folder, true, note -> {})) {
      assertThatThrownBy(() -> FineTune.run(recipe, run, crash)).hasMessage("crash");
    }
    RunSummary resumed = SmallRun.run(recipe, folder, true);
    assertThat(SmallRun.adapter(folder)).isEqualTo(SmallRun.adapter(whole));
    assertThat(resumed.tasks()).isEqualTo(summary.tasks());
    assertThat(resumed.tokens()).isEqualTo(summary.tokens());
    assertThat(SmallRun.log(folder)).usingElementComparator((a, b) -> withoutSeconds(a)
        .equals(withoutSeconds(b)) ? 0 : 1).containsExactlyElementsOf(SmallRun.log(whole));
  }

  private static JsonNode withoutSeconds(JsonNode row) {
    return ((ObjectNode) row.deepCopy()).without("seconds");
  }

  /** A learning rate far too high: evaluations grow worse, and what they say decides. */
  @ParameterizedTest
  @ValueSource(strings = {"mean", "worst"})
  void itStopsEarlyAndGivesOutTheBestByMeanOrWorstTask(String watched) throws IOException {
    Recipe recipe = SmallRun.recipe(data, "method=lora", "train.learning_rate=0.3",
        "tasks=[{name: sums, validation: sums/test.jsonl},"
            + " {name: dates, validation: dates/test.jsonl}]",
        "train.max_steps=9", "train.eval_steps=1", "train.early_stopping_patience=2",
        "train.metric_for_best_model=" + watched, "train.load_best_model_at_end=true",
        "eval.generate=false");
    RunSummary stopped = SmallRun.run(recipe, folder, false);
    List<JsonNode> evaluations = events(folder, "evaluation");
    int best = 0;
    int last = 0;
    for (int i = 0; i < evaluations.size() && last - best < 2; i++) {
      last = i;
      best = value(evaluations.get(i), watched) < value(evaluations.get(best), watched) ? i : best;
    }
    assertThat(last - best).as("it stops after two without a new best").isEqualTo(2);
    assertThat(evaluations).hasSize(last + 1);
    assertThat(stopped.steps()).isEqualTo(last + 1).isLessThan(9);
    JsonNode nll = evaluations.get(best).get("nll");
    stopped.tasks().forEach((name, task) ->
        assertThat(nll.get(name).asDouble()).isCloseTo(task.nllAfter(), within(1e-5)));

    byte[] adapter = SmallRun.adapter(folder);
    assertThat(SmallRun.run(recipe, folder, true).steps()).isEqualTo(stopped.steps());
    assertThat(SmallRun.adapter(folder)).isEqualTo(adapter);
  }

  private static double value(JsonNode evaluation, String watched) {
    double sums = evaluation.get("nll").get("sums").asDouble();
    double dates = evaluation.get("nll").get("dates").asDouble();
    return watched.equals("worst") ? Math.max(sums, dates) : (sums + dates) / 2;
  }

  @Test
  void anEditedPlanIsWhatIsTrained() throws IOException {
    ObjectNode plan = (ObjectNode) SmallRun.json(whole.resolve("plan.json"));
    edit(plan.get("modules").get(0), 5, 1, 0);
    edit(plan.get("modules").get(3), 1, 1, 4);
    Path file = folder.resolve("edited.json");
    Files.writeString(file, plan.toString());
    Path run = folder.resolve("run");
    SmallRun.run(SmallRun.recipe(data, "plan=" + file, "train.max_steps=1"), run, false);
    RankPlan used = RankPlan.read(run.resolve("plan.json"));
    RankPlan before = RankPlan.read(whole.resolve("plan.json"));
    for (int i = 0; i < 10; i++) {
      assertThat(used.modules().get(i).blocks().toString()).isEqualTo(
          i == 0 ? "[5, 1]+0" : i == 3 ? "[1, 1]+4" : before.modules().get(i).blocks().toString());
    }
    JsonNode config = SmallRun.json(run.resolve("adapter/adapter_config.json"));
    assertThat(config.get("r").asInt()).isEqualTo(6 + 6);
  }

  private static void edit(JsonNode module, int first, int second, int coop) {
    ((ObjectNode) module).put("coop_rank", coop);
    ((ObjectNode) module.get("tasks").get(0)).put("rank", first);
    ((ObjectNode) module.get("tasks").get(1)).put("rank", second);
  }

  @Test
  void plainLoraHasNoPlanAndNoRegulariser() throws IOException {
    RunSummary lora = SmallRun.run(SmallRun.recipe(data, "method=lora"), folder, false);
    assertThat(lora.method()).isEqualTo("lora");
    assertThat(lora.trainableParameters()).isEqualTo(summary.trainableParameters());
    assertThat(folder.resolve("plan.json")).doesNotExist();
    assertThat(SmallRun.log(folder)).allSatisfy(row ->
        assertThat(row.get("spr").asDouble()).isZero());
    JsonNode config = SmallRun.json(folder.resolve("adapter/adapter_config.json"));
    assertThat(config.get("r").asInt()).isEqualTo(6);
    assertThat(new TreeSet<>(List.of("q_proj", "v_proj"))).isEqualTo(targets(config));
  }

  private static TreeSet<String> targets(JsonNode config) {
    TreeSet<String> targets = new TreeSet<>();
    config.get("target_modules").forEach(target -> targets.add(target.asText()));
    return targets;
  }

  @Test
  void oneTaskAloneIsTrainedToo() {
    RunSummary one = SmallRun.run(
        SmallRun.recipe(data, "tasks=[{name: dates}]", "lora.target_modules=[down_proj]",
            "lora.r=2"), folder, false);
    assertThat(one.tasks()).containsOnlyKeys("dates");
    assertThat(one.mean().nllAfter()).isLessThan(one.mean().nllBefore());
    assertThat(SmallRun.log(folder)).allSatisfy(row ->
        assertThat(row.get("spr").asDouble()).isZero());
  }

  @ParameterizedTest
  @Tag("slow")
  @ValueSource(strings = {"dtype=bfloat16", "method=thanora-paper", "hasi.subtract=none",
      "hasi.b=0", "hasi.statistic=gradient", "train.micro_batch_tokens=40", "train.mixing=uniform"})
  void otherSettingsTrainToo(String change) {
    RunSummary other = SmallRun.run(
        SmallRun.recipe(data, "eval.generate=false", change), folder, false);
    assertThat(other.mean().nllAfter()).isLessThan(other.mean().nllBefore());
    assertThat(other.mean().before()).isNaN();
    assertThat(other.merge().maxLogitDifference()).isBetween(0.0, 3e-2);
  }

  @Test
  void analyzeGivesTheRunsPlan() throws IOException {
    RankPlan plan = FineTune.analyze(SmallRun.recipe(data), RunListener.SILENT);
    assertThat(plan.toJson()).isEqualTo(Files.readString(whole.resolve("plan.json")));
    RankPlan ofGradients =
        FineTune.analyze(SmallRun.recipe(data, "hasi.statistic=gradient"), RunListener.SILENT);
    assertThat(ofGradients.modules()).extracting(ModulePlan::name)
        .isEqualTo(plan.modules().stream().map(ModulePlan::name).toList());
    assertThat(ofGradients.modules()).isNotEqualTo(plan.modules());
    assertThat(RankPlan.fromJson(ofGradients.toJson())).isEqualTo(ofGradients);
  }
}
