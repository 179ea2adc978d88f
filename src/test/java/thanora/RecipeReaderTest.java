package thanora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import thanora.Recipe.Hasi;
import thanora.Recipe.Lora;
import thanora.Recipe.Method;
import thanora.Recipe.Metric;
import thanora.Recipe.Spr;
import thanora.Recipe.Task;
import thanora.Recipe.Train;
import thanora.data.RowFormat;
import thanora.hasi.HasiConfig;

class RecipeReaderTest {
  private static final String SMALL = "model: demo\ntasks:\n- name: words\n- name: sums\n";

  private final List<String> notes = new ArrayList<>();

  private Recipe read(String yaml, String... overrides) {
    return RecipeReader.parse(yaml, "r.yaml", List.of(overrides), notes::add);
  }

  private List<String> problems(String yaml, String... overrides) {
    RecipeException e = catchThrowableOfType(RecipeException.class, () -> read(yaml, overrides));
    assertThat(e).as("a RecipeException").isNotNull();
    return e.problems();
  }

  private static Task plainTask(String name) {
    return new Task(
        name, Optional.empty(), Optional.empty(), List.of(name + "/train.jsonl"), List.of(name + "/test.jsonl"), List.of(),
        RowFormat.AUTO, Map.of(), Optional.empty(), Optional.empty(), Optional.empty(),
        Recipe.TrainOn.ALL, Metric.EXACT_MATCH, 1, 0, 0, 0, Optional.empty());
  }

  @Test
  void defaultsAreAsDocumented() {
    Task words = plainTask("words");
    Task sums = plainTask("sums");
    Recipe wanted =
        new Recipe(
            "demo", ".", Method.THANORA, 0, "auto", Recipe.Dtype.AUTO, 0, Optional.empty(),
            Optional.empty(), Map.of(), List.of(words, sums),
            ImageOptions.defaults(), new Lora(32, 64, List.of("all-linear"), 0),
            new Hasi(
                200, Recipe.PreviewTokens.ALL, Recipe.Statistic.WC, HasiConfig.Spectra.AUTO,
                Recipe.Entropy.SIGMA, 0, false, false, Recipe.Covariance.TOKEN_MEAN, Recipe.Allocation.SOFTMAX, 0.5,
                Recipe.Granularity.MODULE, Recipe.Ranks.ENTROPY, 1, Recipe.Rounding.GREEDY, true,
                Recipe.Subspaces.TASK, true, 48, Recipe.Split.UNIT, 0.2, 1, Recipe.Subtract.FROZEN),
            new Spr(0.1, Recipe.Norm.COSINE, Recipe.Mode.SEPARATE, Recipe.Pairs.SUM, false,
                Recipe.Between.TASKS, Recipe.SprSchedule.CONSTANT),
            new Train(
                2e-4, 1, 0, 1, 32, 0, 1, Recipe.Schedule.COSINE, 0.03, 1.0, 0, 0.9, 0.999, 1e-8,
                Recipe.Loss.TOKEN, 1, 512,
                Recipe.LongRows.REFUSE, Recipe.Mixing.PROPORTIONAL, 2, 0, 0, 0, 2, 0,
                Recipe.BestMetric.MEAN, false, Recipe.Gradients.SUM, 0.3, 0, false),
            new Recipe.Eval(200, 16, 0, true),
            new Recipe.Merge(0, 8, Recipe.Dtype.AUTO));
    assertThat(read(SMALL)).isEqualTo(wanted);
    assertThat(notes).isEmpty();
  }

  @Test
  void thePaperPresetIsTheLiteralReading() {
    Recipe recipe = read(SMALL + "method: thanora-paper\n");
    assertThat(recipe.hasi().deflation()).isFalse();
    assertThat(recipe.hasi().split()).isEqualTo(Recipe.Split.BALANCED);
    assertThat(recipe.spr())
        .isEqualTo(
            new Spr(1e-3, Recipe.Norm.SQUARED, Recipe.Mode.SEPARATE, Recipe.Pairs.SUM, false,
                Recipe.Between.TASKS, Recipe.SprSchedule.CONSTANT));
  }

  @Test
  void aGivenKeyWinsOverThePreset() {
    Recipe recipe = read(SMALL + "method: thanora_paper\nspr: {lambda: 0.5}\n");
    assertThat(recipe.spr().lambda()).isEqualTo(0.5);
    assertThat(recipe.spr().norm()).isEqualTo(Recipe.Norm.SQUARED);
  }

  @Test
  void plainLoraSaysThatHasiAndSprAreIgnored() {
    Recipe recipe = read(SMALL + "method: lora\nhasi: {tau: 3}\nlora: {r: 1}\n");
    assertThat(recipe.hasi()).isEqualTo(Hasi.defaults(Method.LORA));
    assertThat(notes).containsExactly("hasi is ignored: method lora has no use for it");
    assertThat(recipe.toYaml()).doesNotContain("hasi:");
    assertThat(read(recipe.toYaml())).isEqualTo(recipe);
  }

  @Test
  void everyProblemIsReportedAtOnce() {
    String yaml =
        """
        model: demo
        methd: lora
        seed: 1.5
        device: gpu
        tasks:
        - name: words
          metrik: chrf
          weight: 0
        - name: words
          metric: bleu
        - {train: a.jsonl}
        lora: {r: 3, dropout: 0.1}
        hasi: {tau: -1, deflation: maybe}
        spr: cosine
        train:
          learnig_rate: 1e-3
          max_steps: many
          adam_beta1: 1
          lr_scheduler_type: cosin
        zzzzzzzzzzzz: 1
        """;
    assertThat(problems(yaml))
        .containsExactlyInAnyOrder(
            "methd: unknown key; did you mean method?",
            "seed: 1.5 is not a whole number; leave it out for 0",
            "device: gpu is not auto, cpu, cuda or cuda:N",
            "tasks.0.metrik: unknown key; did you mean metric?",
            "tasks.0.weight: 0 is not greater than 0; leave it out for 1",
            "tasks.1.name: words is the name of another task; rename one",
            "tasks.1.metric: bleu is not one of exact_match, accuracy, answer, chrf, contains",
            "tasks.2.name: is missing; give the task a name",
            "lora.r: rank 3 is smaller than 4 = tasks + 1; raise lora.r or drop a task",
            "lora.dropout: 0.1 is not 0, the only value so far; leave it out for 0",
            "hasi.tau: -1 is not greater than 0; leave it out for 0.5",
            "hasi.deflation: maybe is not true or false; leave it out for true",
            "spr: cosine is not a section; put keys below it",
            "train.learnig_rate: unknown key; did you mean train.learning_rate?",
            "train.max_steps: many is not a whole number; leave it out for 0",
            "train.adam_beta1: 1 is not 0 or greater and smaller than 1; leave it out for 0.9",
            "train.lr_scheduler_type: cosin is not one of cosine, linear, constant; did you mean"
                + " cosine?",
            "zzzzzzzzzzzz: unknown key; see docs/recipe.md for all keys");
  }

  @Test
  void valuesOfHasiThatDoNotGoTogetherAreRefused() {
    assertThat(problems(SMALL, "hasi.statistic=gradient", "hasi.preview_tokens=labels", "hasi.damping=0.1",
        "train.max_steps=many"))
        .containsExactlyInAnyOrder(
            "hasi.statistic: gradient goes with hasi.preview_tokens=all, hasi.damping=0 only; set that, or"
                + " take hasi.statistic=wc",
            "train.max_steps: many is not a whole number; leave it out for 0");
    assertThat(problems(SMALL + "method: thanora-paper\nhasi: {statistic: gradient}\n")).containsExactly(
        "hasi.statistic: gradient goes with hasi.split=unit only; set that, or take hasi.statistic=wc");
    assertThat(problems(SMALL, "hasi.statistic=gradient", "hasi.spectra=estimated")).containsExactly(
        "hasi.statistic: gradient goes with hasi.spectra=exact or auto only; set that, or take"
            + " hasi.statistic=wc");
    assertThat(Settings.hasi(read(SMALL, "hasi.spectra=exact").hasi()).preview().spectra())
        .isEqualTo(HasiConfig.Spectra.EXACT);
    assertThat(problems(SMALL, "hasi.statistic=x", "hasi.split=corda")).containsExactly(
        "hasi.statistic x gives A only; use hasi.split unit, or hasi.statistic wc");
    Recipe gradient = read(SMALL, "hasi.statistic=gradient");
    assertThat(Settings.hasi(gradient.hasi()).preview().statistic())
        .isEqualTo(HasiConfig.Statistic.GRADIENT);
    assertThat(read(gradient.toYaml())).isEqualTo(gradient);
  }

  @Test
  void aMisspeltKeyOutsideItsSectionIsFoundInAllSections() {
    assertThat(problems(SMALL + "learnig_rate: 1\n"))
        .containsExactly("learnig_rate: unknown key; did you mean train.learning_rate?");
    assertThat(problems(SMALL + "output_dir: x\n"))
        .containsExactly("output_dir: unknown key; give the folder as --run-dir");
  }

  @Test
  void keysThatMeanSomethingElseSayWhatToDo() {
    assertThat(problems(SMALL + "finetuning_type: lora\ntemplate: qwen\neval_strategy: no\nuse_dora: true\n"
        + "lora_parameters: {scale: 20}\n"))
        .containsExactly(
            "finetuning_type: unknown key; use method: lora or another one of docs/methods.md",
            "template: unknown key; leave it out; the model's own chat template is used",
            "eval_strategy: unknown key; use train.eval_steps",
            "use_dora: unknown key; use method: dora",
            "lora_parameters.scale: unknown key; set lora.alpha to it times lora.r");
  }

  @Test
  void duplicatesAreRefused() {
    assertThat(problems(SMALL + "train:\n  max_steps: 1\n  max_steps: 2\n"))
        .containsExactly("train.max_steps: is given twice (again in line 7); keep one");
    assertThat(problems(SMALL + "lora: {r: 8, lora_rank: 9}\n"))
        .containsExactly("lora.lora_rank: means lora.r, which is given already; keep one");
  }

  @Test
  void namesOfOtherToolsAreTakenWithANote() {
    String yaml =
        """
        model_name_or_path: demo
        tasks: [{name: a}]
        lora_rank: 8
        lora_target: all
        cutoff_len: 64
        learning_rate: 1e-4
        num_train_epochs: 3
        per_device_train_batch_size: 4
        gradient_accumulation_steps: 2
        lora_parameters: {dropout: 0.0}
        """;
    Recipe recipe = read(yaml);
    assertThat(recipe.lora()).isEqualTo(new Lora(8, 16, List.of("all-linear"), 0));
    assertThat(recipe.train().maxLength()).isEqualTo(64);
    assertThat(recipe.train().learningRate()).isEqualTo(1e-4);
    assertThat(recipe.train().numTrainEpochs()).isEqualTo(3);
    assertThat(recipe.train().batchSize()).isEqualTo(8);
    assertThat(notes)
        .contains(
            "lora_rank is taken as lora.r",
            "cutoff_len is taken as train.max_length",
            "train.batch_size is 8: 4 rows times 2 steps of accumulation");
  }

  @Test
  void yamlTrapsAreNumbersAndSwitches() {
    Recipe recipe =
        read(SMALL + "train: {learning_rate: 1e-4, max_steps: 1e3, eval_steps: no, "
            + "warmup_ratio: .5}\nhasi: {coop: off, deflation: No, centre: on}\nseed: 1_000\n");
    assertThat(recipe.train().learningRate()).isEqualTo(1e-4);
    assertThat(recipe.train().maxSteps()).isEqualTo(1000);
    assertThat(recipe.train().evalSteps()).isZero();
    assertThat(recipe.train().warmupRatio()).isEqualTo(0.5);
    assertThat(recipe.hasi().coop()).isFalse();
    assertThat(recipe.hasi().deflation()).isFalse();
    assertThat(recipe.hasi().centre()).isTrue();
    assertThat(recipe.seed()).isEqualTo(1000);
    assertThat(read("model: demo\ntasks: [{name: no}]\n").tasks().get(0).name()).isEqualTo("no");
  }

  @Test
  void numbersThatAreNotFiniteAreRefused() {
    assertThat(problems(SMALL + "train: {learning_rate: .nan}\n")).hasSize(1);
    assertThat(problems(SMALL + "train: {learning_rate: 1e999}\n")).hasSize(1);
    assertThat(problems(SMALL + "train: {max_steps: 99999999999}\n")).hasSize(1);
  }

  @Test
  void overridesReachEveryKeyAndWin() {
    Recipe recipe =
        read(SMALL + "lora: {lora_rank: 8}\nper_device_train_batch_size: 4\n",
            "lora.r=16", "--learning-rate=2e-3", "train.batch_size=5", "tasks.0.weight=2",
            "tasks.sums.metric=chrf", "lora.target_modules=[q_proj, v_proj]", "model=a b#c");
    assertThat(recipe.lora()).isEqualTo(new Lora(16, 32, List.of("q_proj", "v_proj"), 0));
    assertThat(recipe.train().learningRate()).isEqualTo(2e-3);
    assertThat(recipe.train().batchSize()).isEqualTo(5);
    assertThat(recipe.tasks().get(0).weight()).isEqualTo(2);
    assertThat(recipe.tasks().get(1).metric()).isEqualTo(Metric.CHRF);
    assertThat(recipe.model()).isEqualTo("a b#c");
  }

  @Test
  void badOverridesAreProblemsToo() {
    assertThat(problems(SMALL, "max_steps", "tasks.9.weight=1", "lora.rnk=2"))
        .containsExactly(
            "--set max_steps: is not key=value; write it as train.max_steps=100",
            "--set tasks.9.weight: no task 9; there are words, sums, or 0 to 1",
            "lora.rnk: unknown key; did you mean lora.r?");
  }

  @Test
  void brokenYamlIsOneLineWithTheLine() {
    List<String> problems = problems("model: demo\n  tasks: [\n");
    assertThat(problems).hasSize(1);
    assertThat(problems.get(0)).startsWith("r.yaml:").contains("is not YAML").doesNotContain("\n");
    assertThat(problems("- 1\n")).contains(
        "r.yaml: is a list of 1, not keys with values; see docs/recipe.md");
    assertThat(problems("model: &m demo\ndata: *m\n").get(0)).contains("r.yaml:2: anchors");
    for (String broken : List.of("[".repeat(5000), "a: \u0000", "a:\n\t- b", "--- a\n--- b")) {
      assertThat(problems(broken)).as(broken).hasSizeLessThan(4);
    }
    assertThat(problems("")).containsExactlyInAnyOrder(
        "tasks: is not a list of one task or more; give each a name",
        "model: is missing; give a Hugging Face folder, a .gguf file, a name on the hub or demo");
  }

  @Test
  void aRecipeReadsBackEqual() {
    Recipe recipe =
        read(SMALL, "method=thanora-paper", "data=/tmp/with space: and #", "plan=p.json",
            "lora.target_modules=[q_proj]", "train.learning_rate=3.3e-5",
            "seed=9223372036854775807", "tasks.0.validation=v.jsonl",
            "tasks.0.name=1e3", "hasi.tau=0.25", "dtype=bf16");
    Recipe back = read(recipe.toYaml());
    assertThat(back).isEqualTo(recipe);
    assertThat(back.toYaml()).isEqualTo(recipe.toYaml());
    assertThat(notes).isEmpty();
    assertThat(recipe.dtype()).isEqualTo(Recipe.Dtype.BFLOAT16);
  }

  @Test
  void whatRowsMeanReadsBackEqual() {
    Recipe recipe = read("""
        model: demo
        chat_template: t.jinja
        chat_template_kwargs: {enable_thinking: no, day: 3, mood: calm, share: 0.5}
        tasks:
        - name: a
          train: [a/*.parquet, "b, c.csv"]
          test: t.json
          format: sharegpt
          train_on: last
          columns: {conversations: dialog, tools: api}
          system: "Be {mood}."
        - name: b
          prompt: "Translate: {translation.en}\\nin {{braces}}"
          completion: "{translation.fr}"
        """, "chat_template_kwargs={enable_thinking: false, day: 3}", "tasks.b.columns={system: s}");
    Task a = recipe.tasks().get(0);
    assertThat(a.train()).containsExactly("a/*.parquet", "b, c.csv");
    assertThat(a.test()).containsExactly("t.json");
    assertThat(a.format()).isEqualTo(RowFormat.CONVERSATIONS);
    assertThat(a.trainOn()).isEqualTo(Recipe.TrainOn.LAST);
    assertThat(a.columns()).isEqualTo(Map.of("conversations", "dialog", "tools", "api"));
    assertThat(recipe.tasks().get(1).columns()).isEqualTo(Map.of("system", "s"));
    assertThat(recipe.tasks().get(1).prompt()).hasValue("Translate: {translation.en}\nin {{braces}}");
    assertThat(recipe.chatTemplateKwargs()).isEqualTo(Map.of("enable_thinking", false, "day", 3L));
    assertThat(read(recipe.toYaml())).isEqualTo(recipe);
    assertThat(notes).isEmpty();
  }

  @Test
  void whatRowsMeanIsChecked() {
    assertThat(problems("""
        model: demo
        chat_template_kwargs: {a: [1]}
        tasks:
        - name: a
          format: alpacca
          columns: {promt: question, completion: [x]}
          prompt: {en}
          completion: "}"
          train: [[x]]
        - {name: b, format: messages, prompt: "{x}"}
        """)).containsExactlyInAnyOrder(
            "tasks.0.train: a list of 1 is not a list of texts; leave the key out for the default",
            "tasks.0.format: alpacca is not one of auto, prompt_completion, instruction, conversations,"
                + " messages, text",
            "tasks.0.columns.promt: is not a field of a row; there are prompt, completion, instruction,"
                + " input, output, system, history, conversations, messages, tools, text, images",
            "tasks.0.columns.completion: a list of 1 is not a column; name one of the files",
            "tasks.0.prompt: is a mapping, since it begins with a brace; put the pattern in quotes",
            "tasks.0.completion: a } stands alone at character 1; write a column as {name}, a brace as"
                + " }}",
            "tasks.1.format: messages does not go with a pattern for prompt or completion; leave one out",
            "chat_template_kwargs.a: a list of 1 is not one value; give one");
  }

  @Test
  void aChangedCopyIsChecked() {
    assertThat(read(SMALL).with("train.max_steps=7").train().maxSteps()).isEqualTo(7);
    assertThat(catchThrowableOfType(RecipeException.class, () -> read(SMALL).with("lora.r=2")))
        .hasMessage("lora.r: rank 2 is smaller than 3 = tasks + 1; raise lora.r or drop a task");
  }

  @Test
  void conditionsAcrossKeysAreChecked() {
    assertThat(problems(SMALL, "lora.r=9", "hasi.r_min=4")).containsExactly(
        "hasi.r_min: 2 tasks of rank 4 do not fit into the 6 that rank 9 has for tasks; lower it"
            + " or raise lora.r");
    assertThat(problems(SMALL, "train.early_stopping_patience=1")).containsExactly(
        "train.early_stopping_patience: needs evaluations during the run; set train.eval_steps",
        "train.early_stopping_patience: needs rows to judge by; set train.validation_rows or give"
            + " every task a validation file");
  }

  @Test
  void missingFilesAreNamedTogether(@TempDir Path folder) throws IOException {
    Files.createDirectories(folder.resolve("words"));
    Files.writeString(folder.resolve("words/train.jsonl"), "{}\n");
    Recipe recipe = read(SMALL, "data=" + folder, "model=" + folder.resolve("none"));
    RecipeException e =
        catchThrowableOfType(RecipeException.class, () -> RecipeReader.requireFiles(recipe));
    assertThat(e.problems()).hasSize(4);
    assertThat(e.problems().get(1)).startsWith("tasks.words.test: " + folder);
  }

  @Test
  void theReferencePageHoldsEveryKeyWithItsDefault() throws IOException {
    String page = Files.readString(Path.of("docs/recipe.md"));
    String yaml = page.substring(page.indexOf("```yaml\n") + 8);
    Recipe documented = read(yaml.substring(0, yaml.indexOf("```")));
    assertThat(documented).isEqualTo(read("model: demo\ntasks: [{name: words}]\n"));
    for (String key : RecipeWriter.flat(documented).keySet()) {
      assertThat(yaml).contains(key.substring(key.lastIndexOf('.') + 1) + ":");
    }
  }

  @Test
  void shippedRecipesAreValid() {
    for (String name : List.of("six-tasks", "demo")) {
      Path file = Path.of("recipes", name + ".yaml");
      List<String> model = name.equals("demo") ? List.of() : List.of("model=m", "data=d");
      assertThat(RecipeReader.read(file, model, notes::add).tasks()).as(name).hasSize(6);
    }
    assertThat(notes).isEmpty();
  }

  @Test
  void gradientsOfTasksAreRefusedWhereAFormHasNone() {
    assertThatThrownBy(() -> read(SMALL + "method: dora\ntrain: {gradients: pcgrad, conflict_steps: 5}\n"))
        .isInstanceOf(RecipeException.class)
        .hasMessageContaining("train.gradients: pcgrad is not there for method dora; use sum")
        .hasMessageContaining("train.conflict_steps: gradients of tasks are not there for method dora; use 0");
    assertThatThrownBy(() -> read(SMALL + "method: pissa\ntrain: {gradients: owned}\n"))
        .hasMessage("train.gradients: owned needs blocks of tasks, which method pissa has not; use thanora");
    assertThatThrownBy(() -> read(SMALL + "method: lora-per-task\nlora: {r: 1}\n"))
        .hasMessage("lora.r: rank 1 is smaller than 2 = tasks; raise lora.r or drop a task");
    assertThat(read(SMALL + "train: {gradients: owned, rho: 0}\n").train().rho()).isZero();
  }

  @Test
  void normsOfTheRegulariserThatMakeNoSenseAreRefused() {
    assertThat(problems(SMALL + "spr: {between: rows, norm: frobenius}\n"))
        .containsExactly("spr.norm: frobenius of two rows is l1; use l1, or spr.between tasks");
    assertThat(problems(SMALL + "spr: {mode: coupled, norm: l1}\n"))
        .containsExactly("spr.norm: l1 has no coupled form; use cosine or squared, or spr.mode separate");
    assertThat(read(SMALL + "method: lora\nspr: {mode: coupled, norm: l1}\n").spr())
        .isEqualTo(Spr.defaults(Method.LORA));
  }
}
