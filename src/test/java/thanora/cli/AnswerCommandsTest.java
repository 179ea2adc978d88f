package thanora.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import thanora.Seeing;

/** generate, chat and serve on the demo model. */
class AnswerCommandsTest {
  private static final String MODEL = "demo/model";

  @TempDir Path folder;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... args) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    return Main.run(new PrintWriter(out, true), new PrintWriter(err, true), args);
  }

  private int runWith(String input, String... args) {
    InputStream before = System.in;
    System.setIn(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)));
    try {
      return run(args);
    } finally {
      System.setIn(before);
    }
  }

  private String answer(String... options) {
    String[] args = Stream.concat(
        List.of("generate", "--model", MODEL, "--max-new-tokens", "8", "--quiet").stream(),
        List.of(options).stream()).toArray(String[]::new);
    assertThat(run(args)).as(err.toString()).isZero();
    return out.toString().stripTrailing();
  }

  @Test
  void manyPromptsAreAnsweredAsEachAlone() throws IOException {
    Path rows = Files.writeString(folder.resolve("p.jsonl"), """
        {"prompt": "7+5", "completion": "ignored"}

        {"prompt": "twelve\\nplus"}
        """);
    List<JsonNode> answers = answer("--prompts", rows.toString()).lines().map(AnswerCommandsTest::json).toList();
    assertThat(answers).extracting(row -> row.get("prompt").textValue()).containsExactly("7+5", "twelve\nplus");
    Path lines = Files.writeString(folder.resolve("p.txt"), "7+5\n");
    assertThat(json(answer("--prompts", lines.toString()))).isEqualTo(answers.get(0));
    assertThat(answer("--prompt", "7+5")).isEqualTo(answers.get(0).get("answer").textValue());
    assertThat(runWith("7+5\n", "generate", "--model", MODEL, "--max-new-tokens", "8", "--prompt", "-")).isZero();
    assertThat(out.toString().stripTrailing()).isEqualTo(answers.get(0).get("answer").textValue());
  }

  @Test
  void temperatureAndSeedMeanSomething() {
    List<String> drawn = List.of("--prompt", "7+5", "--temperature", "2", "--seed", "7");
    String first = answer(drawn.toArray(String[]::new));
    assertThat(answer(drawn.toArray(String[]::new))).isEqualTo(first);
    assertThat(answer("--prompt", "7+5", "--temperature", "2", "--seed", "8")).isNotEqualTo(first);
    assertThat(answer("--prompt", "7+5", "--temperature", "2", "--top-p", "0.0001"))
        .isEqualTo(answer("--prompt", "7+5")).isNotEqualTo(answer("--prompt", "7+5", "--system", "Say x x x"));
  }

  private static JsonNode json(String text) {
    try {
      return new ObjectMapper().readTree(text);
    } catch (IOException e) {
      throw new IllegalStateException(text, e);
    }
  }

  @Test
  void aChatFromAPipeIsALineATurn() {
    String input = "7+5\n\n/adapter nobody\n/adapter\n/foo\n7+5\n/reset\n7+5\n" + "word ".repeat(300)
        + "\n/help\n/exit\nnever\n";
    int code = runWith(input, "chat", "--model", MODEL, "--max-new-tokens", "8", "--json", "--quiet");
    assertThat(code).isZero();
    List<JsonNode> turns = out.toString().lines().map(AnswerCommandsTest::json).toList();
    assertThat(turns).hasSize(3);
    String first = turns.get(0).get("answer").textValue();
    assertThat(turns.get(1).get("answer").textValue()).as("it knows what was said").isNotEqualTo(first);
    assertThat(turns.get(2).get("answer").textValue()).isEqualTo(first);
    assertThat(err.toString().lines()).containsSubsequence("adapter nobody does not exist; there are model",
        "there are model; model answers", "/foo is not a command; /help lists them, //TEXT says /TEXT",
        "the conversation begins anew");
    assertThat(err.toString()).containsPattern(
        "thanora: the prompt has \\d+ tokens, the model's context 256; shorten it, or begin anew with /reset");
    assertThat(runWith("7+5\n", "chat", "--model", MODEL, "--max-new-tokens", "8")).isZero();
    assertThat(out.toString().stripTrailing()).isEqualTo(first.stripTrailing());
  }

  @Test
  void aServerSaysWhereItIsAndEndsInGoodOrder() throws Exception {
    CompletableFuture<Integer> code = CompletableFuture.supplyAsync(
        () -> run("serve", "--model", MODEL, "--port", "0", "--json", "--api-key", "k"));
    while (out.toString().isBlank() && !code.isDone()) {
      Thread.sleep(10);
    }
    JsonNode said = json(out.toString());
    assertThat(said.at("/models/0").textValue()).isEqualTo("model");
    HttpRequest request = HttpRequest.newBuilder(URI.create(said.get("url").textValue() + "/models"))
        .header("Authorization", "Bearer k").build();
    assertThat(HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).statusCode()).isEqualTo(200);
    StopSignals.request();
    assertThat(code.get()).isZero();
    assertThat(err.toString()).contains("serving model; Ctrl-C ends it", "ended in good order");
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "generate --model demo --prompts NO | --prompts NO is not a file; check the path",
    "generate --model demo --prompts EMPTY | --prompts EMPTY holds no prompt; write one a line",
    "generate --model demo --prompts ROWS.jsonl | ROWS.jsonl:2: is not a row {\"prompt\": \"...\"}; write one object a line",
    "generate --model demo --prompt x --adapter a=NO | adapter NO: holds no adapter_config.json; give the folder that PEFT or thanora export wrote",
    "generate --model demo --prompt x --top-p 0 | --top-p 0.0 is not over 0 and at most 1; give such a number",
    "generate --prompt x --run NO --adapter NO | --run and --adapter: the run has an adapter of its own; give one of the two",
    "chat --model NO | model NO does not exist; give a Hugging Face folder, a .gguf file, a name on the hub or demo",
    "serve --model NO | model NO does not exist; give a Hugging Face folder, a .gguf file, a name on the hub or demo",
    "serve --model demo --host 0.0.0.0 | --host 0.0.0.0: others can reach this address; set THANORA_API_KEY, or give --no-api-key if they may all ask",
    "serve --model demo --host no.such.host.invalid | --host no.such.host.invalid is unknown; give an address of this machine, such as 0.0.0.0",
    "serve --model demo --port -1 | --port -1 is not between 0 and 65535",
    "serve --model demo --parallel 0 | --parallel 0 is smaller than 1; give 1 or more"
  })
  void wrongUseIsALine(String command, String line) throws IOException {
    Files.writeString(folder.resolve("EMPTY"), "\n");
    Files.writeString(folder.resolve("ROWS.jsonl"), "{\"prompt\": \"x\"}\n{\"prompt\": 3}\n");
    String at = folder + "/";
    int code = run(command.replaceAll("NO\\b|EMPTY|ROWS", at + "$0").split(" "));
    assertThat(err.toString().strip()).isEqualTo("thanora: " + line.replaceAll("NO\\b|EMPTY|ROWS", at + "$0"));
    assertThat(code).isEqualTo(2);
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void aPortThatIsTakenIsSaid() throws IOException {
    try (java.net.ServerSocket taken = new java.net.ServerSocket(0, 1, java.net.InetAddress.getLoopbackAddress())) {
      assertThat(run("serve", "--model", MODEL, "--port", "" + taken.getLocalPort())).isEqualTo(2);
      assertThat(err.toString().strip()).isEqualTo("thanora: --port " + taken.getLocalPort()
          + " of 127.0.0.1 cannot be used (Address already in use); give another, or 0 for a free one");
    }
  }

  @Test
  void imagesAreShownAndFaultsAreALine() throws IOException {
    String model = Seeing.whole(folder.resolve("llava")).toString();
    Path red = Files.write(folder.resolve("red.png"), Seeing.png(30, 20, 0xff2010));
    Path blue = Files.write(folder.resolve("blue.png"), Seeing.png(20, 30, 0x1020ff));
    Path broken = Files.write(folder.resolve("broken.png"), Arrays.copyOf(Seeing.png(64, 64, 1), 90));
    List<String> start = List.of("generate", "--model", model, "--max-new-tokens", "8", "--quiet", "--prompt");
    String shown = seen(start, "the cat", "--image", red.toString());
    assertThat(seen(start, "<image>\nthe cat", "--image", red.toString())).isEqualTo(shown)
        .isNotEqualTo(seen(start, "the cat")).isNotEqualTo(seen(start, "the cat", "--image", blue.toString()));
    assertThat(seen(start, "<image>the<image>", "--image", red.toString(), "--image", blue.toString())).isNotEmpty();

    Path rows = Files.writeString(folder.resolve("rows.jsonl"), """
        {"prompt": "<image>\\nthe cat", "images": ["red.png"], "completion": "ignored"}
        {"prompt": "the cat"}
        {"prompt": "the cat", "images": "blue.png"}
        """);
    List<String> many = List.of("generate", "--model", model, "--max-new-tokens", "8", "--quiet", "--prompts");
    assertThat(seen(many, rows.toString()).lines().map(row -> json(row).get("answer").textValue().stripTrailing()))
        .containsExactly(shown, seen(start, "the cat"), seen(start, "the cat", "--image", blue.toString()));
    Files.writeString(rows, "{\"prompt\": \"a\", \"images\": [3]}\n");
    fails(2, many, rows + ":1: images are not paths", rows.toString());
    Files.writeString(rows, "{\"prompt\": \"a\", \"images\": [\"none.png\"]}\n");
    fails(1, many, rows + ":1: image " + folder + "/none.png does not exist", rows.toString());

    fails(2, start, "--image " + folder + "/none.png is not a file; check the path", "x", "--image", folder + "/none.png");
    fails(1, start, broken + " is broken or cut off", "x", "--image", broken.toString());
    fails(1, start, "1 images, but <image> stands 2 times", "<image><image>", "--image", red.toString());
    fails(1, start, "0 images, but <image> stands 1 times", "<image>");
    fails(1, List.of("generate", "--model", MODEL, "--prompt"), "the model reads text alone, so " + red, "x",
        "--image", red.toString());

    int code = runWith("/image " + red + "\nthe cat\nit\n/image\n/image nothing\n/image " + broken
        + "\n/reset\nthe cat\n", "chat", "--model", model, "--max-new-tokens", "8", "--json", "--quiet");
    assertThat(code).isZero();
    List<JsonNode> turns = out.toString().lines().map(AnswerCommandsTest::json).toList();
    assertThat(turns).extracting(turn -> turn.get("prompt").textValue()).containsExactly("the cat", "it", "the cat");
    assertThat(turns.get(0).get("answer").textValue()).isEqualTo(shown);
    assertThat(turns.get(2).get("answer").textValue()).isEqualTo(seen(start, "the cat"));
    assertThat(runWith("/image " + broken + "\n/image\n/image nothing\n", "chat", "--model", model, "--quiet")).isZero();
    assertThat(err.toString().lines()).anyMatch(line -> line.contains("broken.png is broken or cut off"))
        .contains("/image needs the file of an image", "thanora: nothing does not exist; check the path");
  }

  private String seen(List<String> start, String... more) {
    assertThat(run(Stream.concat(start.stream(), Stream.of(more)).toArray(String[]::new))).as(err.toString()).isZero();
    return out.toString().stripTrailing();
  }

  private void fails(int code, List<String> start, String message, String... more) {
    assertThat(run(Stream.concat(start.stream(), Stream.of(more)).toArray(String[]::new))).isEqualTo(code);
    assertThat(err.toString().lines().filter(line -> line.startsWith("thanora: ")).toList()).singleElement().asString()
        .contains(message);
  }
}
