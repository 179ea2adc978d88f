package thanora.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import thanora.hub.HubServer;

/** Names of the hub on the command line, in processes with environments of their own. */
class HubCommandTest {
  private static final String ROWS = "{\"prompt\": \"one\", \"completion\": \"two\"}\n"
      + "{\"prompt\": \"three\", \"completion\": \"four\"}\n";

  @TempDir Path folder;
  private HubServer server;
  private final Map<String, String> environment = new HashMap<>();

  @BeforeEach
  void start() throws IOException {
    server = new HubServer();
    server.model("org/demo").folder(Path.of("demo/model"));
    server.dataset("org/words").file("train.jsonl", ROWS).file("test.jsonl", ROWS.replace("one", "five"));
    environment.put("HF_HOME", folder.resolve("hf").toString());
    environment.put("HF_ENDPOINT", server.endpoint());
    environment.put("OPENBLAS_NUM_THREADS", "1");
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private record Result(int code, String out, List<String> err) {}

  private Process begin(String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.bytedeco.javacpp.maxPhysicalBytes=0",
        "-cp", System.getProperty("java.class.path"), "thanora.cli.Main"));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().keySet().removeIf(name -> name.matches("HF_.*|HUGGING.*|TRANSFORMERS_.*"));
    builder.environment().putAll(environment);
    return builder.redirectError(folder.resolve("stderr").toFile()).start();
  }

  private Result run(String... arguments) throws IOException, InterruptedException {
    Process process = begin(arguments);
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Result(process.waitFor(), out.strip(), Files.readAllLines(folder.resolve("stderr")));
  }

  private Path snapshot() {
    return folder.resolve("hf/hub/models--org--demo/snapshots").resolve(server.model("org/demo").commit());
  }

  @Test
  @Tag("slow")
  void aRecipeBeginsWithANameOfTheHub() throws IOException, InterruptedException {
    Path rows = Files.createDirectories(folder.resolve("rows"));
    Files.writeString(rows.resolve("sums.csv"), "prompt,completion\n1 + 1,2\n2 + 2,4\n2 + 3,5\n");
    String recipe = folder.resolve("recipe.yaml").toString();
    Result made = run("init", rows.toString(), "--model", "org/demo", "--out", recipe, "--yes");
    assertThat(made.code()).as(made.toString()).isZero();
    assertThat(Path.of(recipe)).content().contains("model: org/demo\n", "- name: sums\n");
    Result plan = run("plan", recipe, "--quiet");
    assertThat(plan.code()).as(plan.toString()).isZero();
    Result none = run("init", rows.toString(), "--model", "org/none", "--out", folder.resolve("n.yaml").toString());
    assertThat(none.code()).isEqualTo(2);
    assertThat(none.err()).singleElement().asString().startsWith("thanora: org/none: no folder here");
  }

  @Test
  void downloadSaysWhereAndThenNothingIsNeeded() throws IOException, InterruptedException {
    Result first = run("download", "org/demo");
    assertThat(first.code()).as(first.toString()).isZero();
    assertThat(first.out()).isEqualTo(snapshot().toString());
    assertThat(first.err()).allMatch(line -> line.matches("download org/demo, MB \\d/8[^\\p{Cntrl}]*"));
    server.close();
    environment.put("HF_HUB_OFFLINE", "1");
    Result again = run("download", "org/demo", "--json", "--quiet");
    assertThat(again).isEqualTo(new Result(0, "{\"name\":\"org/demo@" + server.model("org/demo").commit()
        + "\",\"path\":\"" + snapshot() + "\"}", List.of()));
  }

  @Test
  void whatIsMissingIsWrongUseInOneLine() throws IOException, InterruptedException {
    SmallRun small = new SmallRun(folder);
    Result missing = run(
        "train", small.recipe.toString(), "--quiet", "--model", "org/dmo", "--run-dir", folder.resolve("run").toString());
    assertThat(missing.err()).singleElement().asString().matches("thanora: org/dmo: no folder here and no model of 127.0.0.1:\\d+ has that name, or"
        + " it is private \\(401\\); check the name, or give a token that may read it as HF_TOKEN");
    assertThat(missing.code()).isEqualTo(2);
    assertThat(folder.resolve("run")).doesNotExist();
    assertThat(run("download", "models/x/y").err())
        .containsExactly("thanora: models/x/y is not the name of a model; write it as ORG/NAME, ORG/NAME@REVISION or"
            + " ORG/NAME/FILE.gguf");
  }

  @Test
  void whereNobodyAnswersItFails() throws IOException, InterruptedException {
    server.close();
    Result failed = run("generate", "--model", "org/demo", "--prompt", "x");
    assertThat(failed.err()).singleElement().asString().startsWith("thanora: 127.0.0.1:")
        .contains("cannot be reached").endsWith("check the network and HF_ENDPOINT, or give a model that is here already");
    assertThat(failed.code()).isEqualTo(1);
    assertThat(failed.out()).isEmpty();
  }

  private Path recipe() throws IOException {
    return Files.writeString(folder.resolve("recipe.yaml"), """
        model: org/demo
        method: lora
        device: cpu
        threads: 1
        tasks: [{name: words, dataset: org/words, validation: test}]
        lora: {r: 3, target_modules: [q_proj]}
        train: {max_steps: 2, batch_size: 2, eval_steps: 1}
        eval: {generate: false}
        merge: {probe_rows: 1}
        """);
  }

  @Test
  @Tag("slow")
  void aRunKeepsItsCommitsAndTheAdapterTheName() throws IOException, InterruptedException {
    String run = folder.resolve("run").toString();
    String commit = server.model("org/demo").commit();
    Result trained = run("train", recipe().toString(), "--run-dir", run);
    assertThat(trained.code()).as(trained.toString()).isZero();
    assertThat(Files.readString(folder.resolve("run/recipe.yaml"))).contains("model: org/demo@" + commit,
        "dataset: org/words@" + server.dataset("org/words").commit(), "train: train", "test: test", "validation: test");
    JsonNode config = new ObjectMapper().readTree(folder.resolve("run/adapter/adapter_config.json").toFile());
    assertThat(config.get("base_model_name_or_path").asText()).isEqualTo("org/demo");
    assertThat(folder.resolve("run/adapter/README.md")).content().contains("base_model: org/demo\n");

    server.model("org/demo").file("config.json", "{}"); // what main is now would not even load
    server.dataset("org/words").file("train.jsonl", "");
    assertThat(run("train", recipe().toString(), "--run-dir", run, "--resume").err()).noneMatch(line -> line.contains("differs"));
    environment.put("HF_HUB_OFFLINE", "1");
    assertThat(run("eval", run).code()).isZero();
    assertThat(run("generate", "--run", run, "--prompt", "one", "--max-new-tokens", "2").code()).isZero();
    Result other = run("train", recipe().toString(), "--run-dir", run, "--resume", "--model", "org/demo@v1");
    assertThat(other.err()).singleElement().asString().startsWith("thanora: org/demo@v1: is not in the cache");
  }

  @Test
  @Tag("slow")
  void aKilledDownloadGoesOn() throws IOException, InterruptedException {
    server.slow(20);
    Process process = begin("download", "org/demo", "--quiet");
    Path incomplete = folder.resolve("hf/hub/models--org--demo/blobs").resolve(weights() + ".incomplete");
    while (process.isAlive() && !(Files.exists(incomplete) && Files.size(incomplete) > 1_000_000)) {
      Thread.sleep(5);
    }
    assertThat(process.destroyForcibly().waitFor(10, TimeUnit.SECONDS)).isTrue();
    assertThat(snapshot().resolve("model.safetensors")).doesNotExist();
    server.slow(0);
    server.forgetRequests();
    assertThat(run("download", "org/demo", "--quiet").code()).isZero();
    assertThat(server.requests()).filteredOn(HubServer.Request::cdn).singleElement()
        .extracting(HubServer.Request::range).asString().matches("bytes=\\d{7}-");
    assertThat(snapshot().resolve("model.safetensors")).hasSameBinaryContentAs(Path.of("demo/model/model.safetensors"));
  }

  @Test
  @Tag("slow")
  void twoProcessesFetchOnce() throws IOException, InterruptedException {
    server.slow(5);
    Process first = begin("download", "org/demo", "--quiet");
    Process second = begin("download", "org/demo", "--quiet");
    assertThat(first.waitFor()).isZero();
    assertThat(second.waitFor()).isZero();
    assertThat(server.requests()).filteredOn(HubServer.Request::cdn).hasSize(1);
    assertThat(snapshot().resolve("model.safetensors")).hasSameBinaryContentAs(Path.of("demo/model/model.safetensors"));
  }

  private String weights() {
    return server.model("org/demo").etag("model.safetensors");
  }
}
