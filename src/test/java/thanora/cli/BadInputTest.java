package thanora.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import thanora.RecipeReader;
import thanora.RunFolder;

/** Wrong input of every kind: one line a problem, the right exit code, nothing written. */
class BadInputTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path folder;
  private SmallRun small;

  @BeforeEach
  void makeRun() throws IOException {
    small = new SmallRun(folder);
  }

  /** The command said exactly these lines and left no run folder. */
  private void assertRefused(int expected, int code, String... lines) {
    assertThat(small.stderr()).containsExactly(
        Arrays.stream(lines).map(line -> "thanora: " + line).toArray(String[]::new));
    assertThat(code).isEqualTo(expected);
    assertThat(small.stdout()).isEmpty();
    assertThat(small.out).doesNotExist();
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "train.learning_rate=-1 | train.learning_rate: -1 is not greater than 0; leave it out for 2e-4",
    "lora.alpha=0 | lora.alpha: 0 is not greater than 0; leave it out for 6",
    "train.max_steps | --set train.max_steps: is not key=value; write it as train.max_steps=100",
    "=3 | --set =3: is not key=value; write it as train.max_steps=100",
    "device=gpu | device: gpu is not auto, cpu, cuda or cuda:N",
    "tasks.2.weight=1 | --set tasks.2.weight: no task 2; there are a, b, or 0 to 1",
    "lora.target_modules=[q_prj] | lora.target_modules: q_prj matches no linear layer; there are"
        + " q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj"
  })
  void wrongValues(String setting, String line) {
    assertRefused(2, small.train("--set", setting), line);
  }

  @Test
  void allMisspeltKeysAtOnce() {
    int code = small.train("--set", "trian.lr=1", "--set", "lora.rr=3", "--set", "tasks.a.metrik=x",
        "--set", "xyzzy=1");
    assertRefused(2, code,
        "trian.lr: unknown key; did you mean train.learning_rate?",
        "lora.rr: unknown key; did you mean lora.r?",
        "xyzzy: unknown key; see docs/recipe.md for all keys",
        "tasks.0.metrik: unknown key; did you mean metric?");
  }

  @Test
  void aRankThatIsTooSmall() {
    int code = small.train("--set", "method=thanora", "--set", "lora.r=2");
    assertRefused(2, code,
        "lora.r: rank 2 is smaller than 3 = tasks + 1; raise lora.r or drop a task");
  }

  @Test
  void allMissingFilesAtOnce() throws IOException {
    Path rows = small.folder.resolve("data/b/test.jsonl");
    Files.delete(rows);
    assertRefused(2, small.train("--model", folder + "/no", "--set", "plan=" + folder + "/p.json"),
        "model: " + folder + "/no does not exist; give a folder or a .gguf file",
        "plan: " + folder + "/p.json does not exist; check the path",
        "tasks.b.test: " + rows + " is not a file; give its folder as data or --data");
  }

  @Test
  void aFaultOfEveryTaskWithFileAndLine() throws IOException {
    Path broken = small.rows("a/train.jsonl",
        "{\"prompt\": \"p\", \"completion\": \"c\"}\n{\"prompt\": \"p\", \"completion\":\n");
    Path empty = small.rows("b/train.jsonl", "{\"prompt\": \"p\", \"completion\": \"\"}\n");
    assertRefused(1, small.train(),
        broken + ":2:30: not JSON: Unexpected end-of-input within/between Object entries; write one"
            + " object a line",
        empty + ":1: completion is empty; every row needs an answer to train on");
  }

  @Test
  void rowsThatDoNotFitTheirTask() throws IOException {
    Path table = small.rows("a/train.csv", "question,answer\n1+1,2\n");
    assertRefused(1, small.train("--set", "tasks.a.train=a/train.csv", "--set",
        "tasks.a.prompt={questio}", "--set", "tasks.a.completion={answer}"),
        table + ":2: questio is missing; the row has [question, answer]; name one of them in the"
            + " recipe");
    Path chat = small.rows("a/train.jsonl", "{\"messages\": [{\"role\": \"alien\", \"content\": \"x\"},"
        + " {\"role\": \"assistant\", \"content\": \"y\"}]}\n");
    Path template = Files.writeString(folder.resolve("t.jinja"), "{% for m in messages %}"
        + "{% if m.role == 'alien' %}{{ raise_exception('who is alien?') }}{% endif %}"
        + "{{ m.content }}{{ eos_token }}{% endfor %}");
    assertRefused(1, small.train("--set", "chat_template=" + template),
        chat + ":1: chat template, line 1: the template says: who is alien?");
    Path parquet = small.rows("b/train.parquet", "PAR1 and no more");
    assertRefused(1, small.run("data", "preview", small.recipe.toString(), "--quiet", "--set",
        "tasks.b.train=b/*.parquet"), parquet
        + ": is not a whole Parquet file: it does not end in PAR1; fetch it again");
  }

  @Test
  void imagesWhereTheModelReadsTextOrNamesAreWrong() throws IOException {
    Path rows = small.rows("a/train.jsonl", "{\"prompt\": \"<image>?\", \"completion\": \"c\"}\n"
        + "{\"prompt\": \"<image>?\", \"completion\": \"c\", \"images\": [\"x.png\"]}\n");
    assertRefused(1, small.train(), rows + ":2: image " + rows.resolveSibling("x.png") + " is for a model that sees"
        + " images, and this one reads text alone; give a model with a vision tower, or take the images out of the"
        + " rows");
    small.rows("a/train.jsonl", "{\"prompt\": \"<image>?\", \"completion\": \"c\", \"images\": {\"x\": 1}}\n");
    assertRefused(1, small.train(), rows + ":1: an image must be a path, or an object with path or bytes");
    assertRefused(2, small.train("--set", "tasks.a.image_dri=pics"),
        "tasks.0.image_dri: unknown key; did you mean image_dir?");
  }

  @Test
  void templatesThatAreMissingOrBroken() throws IOException {
    Path template = Files.writeString(folder.resolve("t.jinja"), "\n{% if %}");
    assertRefused(2, small.train("--set", "chat_template=" + folder + "/no.jinja"),
        "chat_template: " + folder + "/no.jinja does not exist; check the path");
    int code = small.train("--set", "chat_template=" + template);
    assertThat(small.stderr()).singleElement().asString()
        .startsWith("thanora: chat_template: " + template + ": chat template, line 2: ");
    assertThat(code).isEqualTo(2);
  }

  @Test
  void textWhereAnswersAreScored() throws IOException {
    small.rows("b/test.jsonl", "{\"text\": \"x\"}\n");
    assertRefused(1, small.train("--set", "eval.generate=true"), "task b, test row 1: plain text asks"
        + " for no answer that could be scored; set eval.generate to false");
  }

  @Test
  void globsThatMatchNothing() {
    assertRefused(2, small.train("--set", "tasks.a.train=[a/*.json, a/train.jsonl]"),
        "tasks.a.train: " + small.folder + "/data/a/*.json is not a file; give its folder as data or"
            + " --data");
  }

  @Test
  void aTaskWithoutRows() throws IOException {
    Path empty = small.rows("a/train.jsonl", "\n");
    assertRefused(1, small.train(),
        "task a has no rows in " + empty + "; add rows or leave the task out");
  }

  @Test
  void longRowsAreRefusedOrCounted() throws IOException {
    Path rows = small.rows("a/train.jsonl", "{\"prompt\": \"p\", \"completion\": \"c\"}\n"
        + "{\"prompt\": \"" + "word ".repeat(300) + "\", \"completion\": \"c\"}\n");
    int code = small.train();
    assertThat(small.stderr()).singleElement().asString()
        .startsWith("thanora: task a, train: 1 of 2 rows are longer than 256 tokens, the longest ")
        .endsWith(", the first at " + rows + ":2; raise the max length, or have long rows dropped"
            + " or truncated");
    assertThat(code).isEqualTo(1);
    assertThat(small.run("eval", small.recipe.toString(), "--set", "train.long_rows=drop"))
        .isZero();
    assertThat(small.stderr()).contains("a train: 1 too long and dropped");
  }

  /** A part of a model, what is done to it, and what is said of it after the model's path. */
  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "TYPE | : config.json: model_type mixtral is not supported; supported are llama, mistral, qwen2, qwen3,"
        + " phi3, smollm3, gemma2, gemma3_text, gemma3, llava, idefics3, smolvlm",
    "CONFIG | /config.json: is not valid JSON (Unexpected end-of-input: expected close marker for"
        + " Object at line 1, column 2)",
    "SHAPE | : tensor model.embed_tokens.weight has shape [3072, 256], config.json says [3073, 256];"
        + " fetch the two of the same model",
    "MISSING | : tensor lm_head.weight [3072, 256] is missing; fetch the weights that belong to"
        + " config.json",
    "VOCABULARY | : the tokenizer has ids up to 3071, the embedding 100 rows; tokenizer and weights"
        + " are of different models",
    "LYING | /model.safetensors: header length 1152921504606846976 is not between 1 and 100000000;"
        + " this is not a safetensors file",
    "TOKENIZER | /tokenizer.json has no model.vocab; it is not a tokenizer.json"
  })
  void damagedModels(String damage, String said) throws IOException {
    Path model = small.modelCopy();
    damage(model, damage);
    assertRefused(1, small.train("--model", model.toString()), model + said);
  }

  @Test
  void aTruncatedModel() throws IOException {
    Path model = small.modelCopy();
    Path weights = model.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(weights);
    Files.write(weights, Arrays.copyOf(bytes, bytes.length / 2));
    int code = small.train("--model", model.toString());
    assertThat(small.stderr()).singleElement().asString()
        .startsWith("thanora: " + weights + ": tensor ").endsWith("; it is truncated");
    assertThat(code).isEqualTo(1);
    assertThat(small.out).doesNotExist();
  }

  private static void damage(Path model, String damage) throws IOException {
    Path config = model.resolve("config.json");
    Path weights = model.resolve("model.safetensors");
    switch (damage) {
      case "TYPE" -> edit(config, c -> c.put("model_type", "mixtral"));
      case "SHAPE" -> edit(config, c -> c.put("vocab_size", 3073));
      case "MISSING" -> edit(config, c -> c.put("tie_word_embeddings", false));
      case "VOCABULARY" -> edit(config, c -> c.put("vocab_size", 100));
      case "CONFIG" -> Files.writeString(config, "{");
      case "TOKENIZER" -> Files.writeString(model.resolve("tokenizer.json"), "{\"a\": 1}");
      case "LYING" -> {
        byte[] bytes = Files.readAllBytes(weights);
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(1L << 60);
        Files.write(weights, bytes);
      }
      default -> throw new IllegalArgumentException(damage);
    }
  }

  private static void edit(Path file, UnaryOperator<ObjectNode> edit) throws IOException {
    Files.writeString(file, edit.apply((ObjectNode) JSON.readTree(file.toFile())).toString());
  }

  @Test
  void aLyingGgufHeader() throws IOException {
    Path file = folder.resolve("x.gguf");
    Files.write(file, ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN)
        .put("GGUF".getBytes(StandardCharsets.US_ASCII))
        .putInt(3).putLong(1L << 50).putLong(1L << 50).array());
    assertRefused(1, small.train("--model", file.toString()),
        file + ": 1125899906842624 tensors do not fit the 8 bytes that are left; the file is"
            + " truncated or damaged");
  }

  @Test
  void aTensorThatNobodyNeedsIsANote() throws IOException {
    Path model = small.modelCopy();
    Path weights = model.resolve("model.safetensors");
    addTensor(weights);
    assertThat(small.run("eval", small.recipe.toString(), "--model", model.toString())).isZero();
    assertThat(small.stderr()).contains(model
        + ": 1 tensor: model.surprise.weight of no use to a llama model; not read");
  }

  private static void addTensor(Path file) throws IOException {
    ByteBuffer old = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    int length = Math.toIntExact(old.getLong());
    ObjectNode header = (ObjectNode) JSON.readTree(old.array(), 8, length);
    int data = old.capacity() - 8 - length;
    ObjectNode tensor = header.putObject("model.surprise.weight").put("dtype", "BF16");
    tensor.putArray("shape").add(2);
    tensor.putArray("data_offsets").add(data).add(data + 4);
    byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
    Files.write(file, ByteBuffer.allocate(8 + json.length + data + 4).order(ByteOrder.LITTLE_ENDIAN)
        .putLong(json.length).put(json).put(old.array(), 8 + length, data).array());
  }

  @Test
  void plansOfOtherRuns() throws IOException {
    Path plan = folder.resolve("plan.json");
    assertThat(small.run("analyze", small.recipe.toString(), "--set", "method=thanora",
        "--out", plan.toString(), "--quiet")).isZero();
    String[] given = {"--set", "method=thanora", "--set", "plan=" + plan};
    ObjectNode good = (ObjectNode) JSON.readTree(plan.toFile());
    String base = good.get("base").textValue().substring(0, 12);

    write(plan, good.deepCopy().put("base", "0".repeat(64)));
    assertRefused(1, small.train(given), plan + ": was made for model 000000000000, the run has "
        + base + "; make it anew with analyze");

    ObjectNode sum = good.deepCopy();
    ((ObjectNode) sum.at("/modules/0/tasks/0")).put("rank", 2);
    write(plan, sum);
    assertRefused(1, small.train(given), plan + ": plan: module model.layers.0.self_attn.q_proj:"
        + " ranks and coop_rank sum to 4, not to r = 3; change them so that they do");

    ObjectNode less = good.deepCopy();
    ((ArrayNode) less.get("modules")).remove(4);
    write(plan, less);
    assertRefused(1, small.train(given), plan + ": has no ranks for"
        + " model.layers.4.self_attn.q_proj; add them or make the plan anew with analyze");

    write(plan, good);
    assertThat(small.run("analyze", small.recipe.toString(), "--set", "method=thanora",
        "--out", plan.toString())).isEqualTo(2);
    assertThat(small.stderr()).containsExactly("thanora: " + plan
        + " is there already; give another --out, or --force to replace it");
  }

  private static void write(Path file, ObjectNode value) throws IOException {
    Files.writeString(file, value.toPrettyString());
  }

  @Test
  void adaptersOfOtherModels() {
    Path other = Path.of("src/test/resources/golden/models/llama/adapter");
    int missing = small.run(
        "generate", "--model", "demo", "--adapter", folder.toString(), "--prompt", "x");
    assertRefused(2, missing, "adapter " + folder + ": holds no adapter_config.json; give the"
        + " folder that PEFT or thanora export wrote");
    int code = small.run("eval", small.recipe.toString(), "--adapter", other.toString(), "--quiet");
    assertRefused(1, code, other + "/adapter_model.safetensors: tensor"
        + " base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight has shape [4, 32], this"
        + " model and r want [4, 256]; it is an adapter of another model");
  }

  @Test
  void targetsThatExistAreNotTouched() {
    for (String command : List.of("merge", "export")) {
      int code = small.run(command, "anywhere", "--out", folder.toString());
      assertRefused(2, code,
          "--out " + folder + ": exists already; give another name or remove it");
    }
  }

  @Test
  void whatIsVerifiedMustBeSomethingOfThisRun() throws IOException {
    assertThat(small.train()).isZero();
    String run = small.out.toString();
    Path nothing = folder.resolve("nothing");
    assertThat(small.run("verify", run, nothing.toString(), "--quiet")).isEqualTo(2);
    assertThat(small.stderr()).containsExactly("thanora: " + nothing + ": is not there; give something that can be"
        + " verified: a run folder, a PEFT adapter, a Hugging Face model or a .gguf file");
    Path other = Path.of("src/test/resources/golden/gguf/tiny-llama.gguf");
    assertThat(small.run("verify", run, other.toString(), "--quiet")).isEqualTo(2);
    assertThat(small.stderr()).containsExactly("thanora: " + other
        + ": has a vocabulary of 96 tokens, the run's base one of 3072; it did not come from this run");
    Path text = Files.writeString(folder.resolve("text.gguf"), "no such thing");
    assertThat(small.run("verify", run, text.toString(), "--quiet")).isEqualTo(1);
    assertThat(small.stderr()).containsExactly(
        "thanora: " + text + ": is not a GGUF file: it does not start with 'GGUF'");
    assertThat(small.run("verify", run, "demo/model", "--limit", "1e-9", "--quiet")).isEqualTo(1);
    assertThat(small.stderr()).singleElement().asString()
        .startsWith("thanora: demo/model: logits differ by ").contains("the limit is 1.0e-09");
    assertThat(small.stdout()).contains("too far");
  }

  @Test
  void aTokenizerThatLlamaCppDoesNotKnow() throws IOException {
    Path model = small.modelCopy();
    Path tokenizer = model.resolve("tokenizer.json");
    Files.writeString(tokenizer, Files.readString(tokenizer).replaceFirst(
        "\"individual_digits\": ?true", "\"individual_digits\": false"));
    assertThat(small.train("--model", model.toString())).isZero();
    Path out = folder.resolve("m.gguf");
    assertThat(small.run("merge", small.out.toString(), "--out", out.toString(), "--quiet")).isEqualTo(1);
    assertThat(small.stderr()).singleElement().asString()
        .startsWith("thanora: " + model + ": the tokenizer splits text by [{\"type\":\"Digits\"")
        .endsWith("write a Hugging Face folder and convert it with llama.cpp's convert_hf_to_gguf.py");
    try (var left = Files.list(folder)) {
      assertThat(left.map(file -> file.getFileName().toString())).noneMatch(name -> name.startsWith("m.gguf"));
    }
  }

  @Test
  void runFoldersInUseOrOfAnotherRecipe() throws IOException {
    try (RunFolder held = RunFolder.create(small.out, false, note -> {})) {
      assertThat(small.train()).isEqualTo(2);
      assertThat(small.stderr()).singleElement().asString()
          .startsWith("thanora: run folder " + small.out + ": is in use by process ")
          .endsWith("; give another folder or end that process");
      held.writeOrCompare(RecipeReader.read(small.recipe, List.of(), note -> {}));
    }
    assertThat(small.train()).isEqualTo(2);
    assertThat(small.stderr()).containsExactly("thanora: run folder " + small.out
        + ": is not empty (recipe.yaml); give another --run-dir, or --resume to go on with it");
    assertThat(small.train("--resume", "--seed", "7", "--set", "train.learning_rate=1e-3"))
        .isEqualTo(2);
    assertThat(small.stderr()).containsExactly(
        "thanora: seed: 7 differs from 0 of the run; resume with the same, or give another"
            + " --run-dir",
        "thanora: train.learning_rate: 0.001 differs from 2e-4 of the run; resume with the same, or"
            + " give another --run-dir");
  }

  @Test
  void answersThatTheirMetricCanNeverMeetWhereAnswersAreScored() throws IOException {
    String text = Files.readString(small.recipe);
    Files.writeString(small.recipe, text.replace("{name: a}", "{name: a, metric: answer}"));
    int code = small.train("--set", "eval.generate=true");
    assertRefused(1, code, "task a, test row 1: metric answer needs a number in the completion;"
        + " use exact_match instead");
    String other = folder.resolve("loss").toString();
    assertThat(small.run("train", small.recipe.toString(), "--run-dir", other, "--quiet")).isZero();
  }

  @Test
  void promptsBeyondTheContext() {
    int code = small.run("generate", "--model", "demo", "--prompt", "word ".repeat(300), "--quiet");
    assertThat(small.stderr()).singleElement().asString().matches(
        "thanora: the prompt has \\d+ tokens, the model's context 256; shorten it");
    assertThat(code).isEqualTo(2);
  }

  @Test
  void plansThatCannotBeMadeOrWritten() {
    String recipe = small.recipe.toString();
    assertRefused(2, small.run("analyze", recipe, "--quiet"),
        "method: lora plans no ranks; use thanora");
    assertRefused(2, small.run("analyze", recipe, "--quiet", "--run-dir", recipe), recipe
        + " is not a folder that can be written to; give another --out or --run-dir");
  }

  @Test
  void unknownOptionsAreGuessed() {
    assertThat(small.run("train", "r.yaml", "--rundir", "x")).isEqualTo(2);
    assertThat(small.stderr()).containsExactly(
        "thanora: option --rundir is unknown; did you mean --run-dir? See thanora train --help");
  }

  @Test
  void aReportNeedsTheFolderOfARunAndAPlaceToGo() throws IOException {
    Path none = folder.resolve("none");
    assertRefused(2, small.run("report", none.toString()),
        "run folder " + none + ": holds no recipe.yaml; give the folder of a run");
    Path run = Files.createDirectories(folder.resolve("run"));
    Files.copy(small.recipe, run.resolve("recipe.yaml"));
    Path answers = Files.writeString(run.resolve("answers.jsonl"), "{}\n");
    assertRefused(1, small.run("report", run.toString()), answers + ":1: is not a row that a run wrote; remove"
        + " the file, answers are then missing in the report");
    Files.delete(answers);
    Path missing = folder.resolve("no/page.html");
    assertThat(small.run("report", run.toString(), "--out", missing.toString())).isEqualTo(1);
    assertThat(small.stderr()).singleElement().asString()
        .startsWith("thanora: " + missing + ": cannot be written (NoSuchFileException");
    assertThat(run).isDirectoryNotContaining("glob:**report.html");
  }

  @Test
  void resultsDoNotGoWhereAFileIs() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "x");
    assertRefused(2, small.run("eval", small.recipe.toString(), "--quiet", "--output-path", file.toString()),
        "--output-path " + file + ": is a file; name a folder");
  }
}
