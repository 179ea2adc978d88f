package thanora.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import thanora.LoadedModel;
import thanora.TrainedModel;
import thanora.model.Reading;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/** Real HTTP to a real server on the demo model with two adapters. */
class ApiServerTest {
  private static final String GREEDY = "\"temperature\": 0, \"max_tokens\": 24";
  private static final List<String> PROMPTS = List.of("twelve plus three", "7+5", "What is the date?", "abc");

  @TempDir static Path folder;
  private static Served served;
  /** By model and prompt, each answered alone. */
  private static final Map<String, String> ALONE = new java.util.HashMap<>();

  @BeforeAll
  static void start() {
    served = new Served(folder, Served.LIMITS, Served.OPEN);
    for (String name : List.of("demo", "one", "two")) {
      Optional<Path> adapter = name.equals("demo") ? Optional.empty() : Optional.of(folder.resolve(name));
      LoadedModel base = Served.demo();
      try (TrainedModel model = TrainedModel.open(base, adapter)) {
        PROMPTS.forEach(prompt -> ALONE.put(name + prompt, model.answer(prompt, 24)));
      }
    }
  }

  @AfterAll
  static void stop() {
    served.close();
    assertThat(served.failures).isEmpty();
  }

  @Test
  void answersTogetherAreThoseOfEachAdapterAlone() {
    List<String> keys = List.copyOf(ALONE.keySet());
    List<CompletableFuture<String>> asked = new ArrayList<>();
    for (String key : keys) {
      String name = key.startsWith("demo") ? "demo" : key.substring(0, 3);
      asked.add(CompletableFuture.supplyAsync(() -> {
        String text = null;
        while (text == null) { // told to come again while too many wait
          text = served.text(name, key.substring(name.length()), GREEDY);
        }
        return text;
      }));
    }
    for (int i = 0; i < keys.size(); i++) {
      assertThat(asked.get(i).join()).as(keys.get(i)).isEqualTo(ALONE.get(keys.get(i)));
    }
    assertThat(ALONE.get("one7+5")).isNotEqualTo(ALONE.get("demo7+5")).isNotEqualTo(ALONE.get("two7+5"));
  }

  @Test
  void aReplyHasTheFormOfOpenAi() {
    HttpResponse<String> response = served.post("/v1/chat/completions", Served.chat("one", "7+5", GREEDY));
    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(response.headers().firstValue("Content-Type")).hasValue("application/json");
    JsonNode reply = Served.json(response.body());
    assertThat(reply.get("id").textValue()).startsWith("chatcmpl-");
    assertThat(reply.get("object").textValue()).isEqualTo("chat.completion");
    assertThat(reply.get("model").textValue()).isEqualTo("one");
    assertThat(reply.at("/choices/0/message/role").textValue()).isEqualTo("assistant");
    JsonNode usage = reply.get("usage");
    assertThat(usage.get("prompt_tokens").intValue()).isEqualTo(served.models.model().format().prompt("7+5").length);
    assertThat(usage.get("completion_tokens").intValue()).isBetween(1, 24);
    assertThat(reply.at("/choices/0/finish_reason").textValue())
        .isEqualTo(usage.get("completion_tokens").intValue() == 24 ? "length" : "stop");
  }

  @Test
  void aStreamIsTheSameTextInPieces() {
    for (String name : List.of("demo", "one", "two")) {
      HttpResponse<String> response = served.post("/v1/chat/completions", Served.chat(name, "twelve plus three",
          GREEDY + ", \"stream\": true, \"stream_options\": {\"include_usage\": true}"));
      assertThat(response.headers().firstValue("Content-Type").orElseThrow()).startsWith("text/event-stream");
      List<JsonNode> events = Served.events(response.body());
      assertThat(events.get(0).at("/choices/0/delta/role").textValue()).isEqualTo("assistant");
      String text = events.stream().map(e -> e.at("/choices/0/delta/content").asText("")).collect(Collectors.joining());
      assertThat(text).isEqualTo(ALONE.get(name + "twelve plus three"));
      JsonNode last = events.get(events.size() - 1);
      assertThat(last.get("choices")).isEmpty();
      assertThat(last.at("/usage/completion_tokens").intValue()).isPositive();
      assertThat(events.get(events.size() - 2).at("/choices/0/finish_reason").isTextual()).isTrue();
    }
  }

  @Test
  void stopStringsCutAnswersAcrossTokens() {
    String whole = ALONE.get("onetwelve plus three");
    String stop = whole.substring(3, 7);
    String cut = whole.substring(0, whole.indexOf(stop));
    String more = GREEDY + ", \"stop\": [\"never\", " + com.fasterxml.jackson.databind.node.TextNode.valueOf(stop) + "]";
    JsonNode reply = Served.json(
        served.post("/v1/chat/completions", Served.chat("one", "twelve plus three", more)).body());
    assertThat(reply.at("/choices/0/message/content").textValue()).isEqualTo(cut);
    assertThat(reply.at("/choices/0/finish_reason").textValue()).isEqualTo("stop");
    String streamed = Served.events(served.post("/v1/chat/completions",
        Served.chat("one", "twelve plus three", more + ", \"stream\": true")).body()).stream()
        .map(e -> e.at("/choices/0/delta/content").asText("")).collect(Collectors.joining());
    assertThat(streamed).isEqualTo(cut);
  }

  @Test
  void completionsTakeTextsIdsAndSeveralOfThem() {
    int[] ids = served.models.model().format().plain("one two");
    String list = IntStream.of(ids).boxed().toList().toString();
    String body = "{\"model\": \"demo\", \"temperature\": 0, \"max_tokens\": 9, \"prompt\": %s}";
    String text = completions(String.format(body, "\"one two\"")).get(0);
    assertThat(text).isNotEmpty();
    assertThat(completions(String.format(body, list))).containsExactly(text);
    assertThat(completions(String.format(body, "[\"one two\", \"three\"]"))).hasSize(2).element(0).isEqualTo(text);
    assertThat(completions(String.format(body, "[" + list + "," + list + "]"))).containsExactly(text, text);
  }

  private static List<String> completions(String body) {
    List<String> texts = new ArrayList<>();
    Served.json(served.post("/v1/completions", body).body()).get("choices")
        .forEach(choice -> texts.add(choice.get("text").textValue()));
    return texts;
  }

  @Test
  void aSeedRepeatsAndEachOfSeveralAnswersDrawsItsOwn() {
    String drawn = "\"temperature\": 1.5, \"top_p\": 0.95, \"max_tokens\": 12, \"n\": 3, \"seed\": 5";
    List<String> first = contents(drawn);
    assertThat(first).hasSize(3).doesNotHaveDuplicates();
    assertThat(contents(drawn)).isEqualTo(first);
    assertThat(contents(drawn.replace("5}", "6").replace("\"seed\": 5", "\"seed\": 50"))).isNotEqualTo(first);
  }

  private static List<String> contents(String more) {
    List<String> texts = new ArrayList<>();
    Served.json(served.post("/v1/chat/completions", Served.chat("demo", "one", more)).body()).get("choices")
        .forEach(choice -> texts.add(choice.at("/message/content").textValue()));
    return texts;
  }

  @Test
  void logprobsAreTheModels() {
    JsonNode reply = Served.json(served.post("/v1/chat/completions", Served.chat("two", "7+5",
        "\"temperature\": 0, \"max_tokens\": 3, \"logprobs\": true, \"top_logprobs\": 2")).body());
    JsonNode content = reply.at("/choices/0/logprobs/content");
    assertThat(content).isNotEmpty();
    int[] prompt = served.models.model().format().prompt("7+5");
    LoadedModel base = Served.demo();
    try (TrainedModel model = TrainedModel.open(base, Optional.of(folder.resolve("two")));
        TensorScope scope = TensorScope.open(); Reading text = base.decoder().open(0)) {
      double[] logp = Tensors.doubles(Ops.logSoftmax(base.decoder().read(List.of(text), List.of(prompt))));
      double[] sorted = java.util.Arrays.stream(logp).sorted().toArray();
      JsonNode first = content.get(0);
      assertThat(first.get("logprob").doubleValue()).isCloseTo(sorted[sorted.length - 1], within(1e-4));
      assertThat(first.at("/top_logprobs/0/logprob").doubleValue()).isCloseTo(sorted[sorted.length - 1], within(1e-4));
      assertThat(first.at("/top_logprobs/1/logprob").doubleValue()).isCloseTo(sorted[sorted.length - 2], within(1e-4));
      assertThat(first.get("token")).isEqualTo(first.at("/top_logprobs/0/token"));
    }
    JsonNode plain = Served.json(served.post("/v1/completions",
        "{\"model\": \"two\", \"prompt\": \"7+5\", \"temperature\": 0, \"max_tokens\": 3, \"logprobs\": 1}").body());
    assertThat(plain.at("/choices/0/logprobs/tokens").size()).isEqualTo(plain.at("/choices/0/logprobs/token_logprobs").size());
    assertThat(plain.at("/choices/0/logprobs/text_offset/0").intValue()).isZero();
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
    "{                                   | 400 | null | the body is not JSON at line 1, column 2",
    "[]                                  | 400 | null | the body is not a JSON object; send one",
    "{\"messages\": []}                  | 400 | model | model: is missing; give one of demo, one, two",
    "{\"model\": \"x\"}                  | 404 | model | model x does not exist; there are demo, one, two",
    "{\"model\": \"one\"}                | 400 | messages | messages: is not a list of one message or more",
    "{\"model\": \"one\", \"foo\": 1}    | 400 | foo | foo: is not known; leave it out",
    "{\"model\": \"one\", \"top_k\": 1}  | 400 | top_k | top_k: is not supported; use temperature and top_p",
    "{\"model\": \"one\", \"messages\": [{\"role\": \"user\"}]} | 400 | messages[0].content | messages[0].content: is neither a string nor a list of parts",
    "{\"model\": \"one\", \"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"input_audio\"}]}]} | 400 | messages[0].content | messages[0].content: a part is of type input_audio; only text and image_url are supported"
  })
  void wrongBodiesAreNamed(String body, int status, String param, String message) {
    assertRefused(served.post("/v1/chat/completions", body.strip()), status, param, message);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
    "\"temperature\": 3       | temperature | temperature: 3 is not a number from 0 to 2",
    "\"temperature\": \"hot\" | temperature | temperature: \"hot\" is not a number from 0 to 2",
    "\"n\": 99                | n           | n: 99 is not a whole number from 1 to 8",
    "\"max_tokens\": 0        | max_tokens  | max_tokens: 0 is not a whole number from 1 to 200",
    "\"max_tokens\": 201      | max_tokens  | max_tokens: 201 is not a whole number from 1 to 200",
    "\"stop\": [\"\"]         | stop        | stop: \"\" is not a string of one letter or more",
    "\"top_logprobs\": 2      | top_logprobs | top_logprobs: needs logprobs: true",
    "\"stream\": 1            | stream      | stream: 1 is not true or false",
    "\"stream_options\": {}   | stream_options | stream_options: needs stream: true",
    "\"tools\": [{\"type\": \"function\"}] | tools | tools: is not supported; this model's chat template takes none; describe them in a message",
    "\"response_format\": {\"type\": \"json_object\"} | response_format | response_format: is not supported; ask for JSON in the prompt, or train on it",
    "\"logit_bias\": {\"x\": 1} | logit_bias | logit_bias: an entry is not a token id below 3072 with a number from -100 to 100"
  })
  void wrongFieldsAreNamed(String field, String param, String message) {
    assertRefused(served.post("/v1/chat/completions", Served.chat("one", "x", field.strip())), 400, param, message);
  }

  private static void assertRefused(HttpResponse<String> response, int status, String param, String message) {
    JsonNode error = Served.json(response.body()).get("error");
    assertThat(error.get("message").textValue()).isEqualTo(message);
    assertThat(error.get("param").asText()).isEqualTo(param.strip());
    assertThat(response.statusCode()).isEqualTo(status);
    assertThat(error.get("type").textValue()).isEqualTo("invalid_request_error");
  }

  @Test
  void aPromptThatDoesNotFitIsRefused() {
    String words = "word ".repeat(300).strip();
    HttpResponse<String> response = served.post("/v1/chat/completions", Served.chat("one", words, GREEDY));
    assertThat(response.statusCode()).isEqualTo(400);
    assertThat(Served.json(response.body()).at("/error/code").textValue()).isEqualTo("context_length_exceeded");
  }

  @Test
  void theWrongDoorAnswersToo() {
    assertThat(served.get("/v2").statusCode()).isEqualTo(404);
    assertThat(Served.json(served.get("/v2").body()).at("/error/message").textValue()).isEqualTo("there is no /v2;"
        + " there are /health, /metrics, /v1/chat/completions, /v1/completions, /v1/models");
    HttpResponse<String> get = served.get("/v1/completions");
    assertThat(get.statusCode()).isEqualTo(405);
    assertThat(get.headers().firstValue("Allow")).hasValue("POST");
    HttpResponse<String> large = served.post("/v1/chat/completions", Served.chat("one", "x".repeat(20_000), ""));
    assertThat(large.statusCode()).isEqualTo(413);
    HttpResponse<String> form = served.send(HttpRequest.newBuilder(served.request("/v1/completions").build().uri())
        .header("Content-Type", "text/plain").POST(HttpRequest.BodyPublishers.ofString("{}")));
    assertThat(form.statusCode()).isEqualTo(415);
    assertThat(form.headers().firstValue("Access-Control-Allow-Origin")).isEmpty();
    assertThat(served.get("/health").body()).isEqualTo("{\"status\":\"ok\"}");
    assertThat(served.get("/v1/models/nobody").statusCode()).isEqualTo(404);
  }

  @Test
  void modelsAndMetricsAreListed() {
    JsonNode list = Served.json(served.get("/v1/models").body());
    assertThat(list.at("/data")).extracting(model -> model.get("id").textValue()).containsExactly("demo", "one", "two");
    assertThat(list.at("/data/1/parent").textValue()).isEqualTo("demo");
    assertThat(served.get("/v1/models/two").statusCode()).isEqualTo(200);
    served.text("one", "x", GREEDY);
    assertThat(served.get("/metrics").body()).contains("# TYPE thanora_requests_total counter",
        "thanora_requests_total{status=\"200\"} ", "thanora_texts_waiting 0");
  }

  /** A request by hand, for what a client library would not send or do. */
  private static Socket raw(String host, String body) throws IOException {
    Socket socket = new Socket("127.0.0.1", served.server.port());
    socket.getOutputStream().write(("POST /v1/chat/completions HTTP/1.1\r\nHost: " + host
        + "\r\nContent-Type: application/json\r\nContent-Length: " + body.length() + "\r\n\r\n" + body)
        .getBytes(StandardCharsets.UTF_8));
    return socket;
  }

  @Test
  void aPageThatHasItsNamePointHereIsRefused() throws IOException {
    try (Socket socket = raw("evil.example:80", Served.chat("one", "x", ""))) {
      String status = new String(socket.getInputStream().readNBytes(12), StandardCharsets.UTF_8);
      assertThat(status).isEqualTo("HTTP/1.1 403");
    }
  }

  @Test
  void whoLeavesEndsTheGeneration() throws Exception {
    String endless = "\"temperature\": 0, \"max_tokens\": 200, \"logit_bias\": {\"0\": -100}, \"stream\": true";
    for (int i = 0; i < 4; i++) {
      try (Socket socket = raw("localhost", Served.chat("one", "x", endless))) {
        socket.getInputStream().readNBytes(300);
        socket.setSoLinger(true, 0);
      }
    }
    for (int tries = 0; tries < 100 && !served.get("/metrics").body().contains("thanora_texts_running 0"); tries++) {
      Thread.sleep(20);
    }
    assertThat(served.get("/metrics").body()).contains("thanora_texts_running 0");
  }
}
