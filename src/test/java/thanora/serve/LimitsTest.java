package thanora.serve;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import thanora.Memory;
import thanora.NamedAdapters;
import thanora.model.Prompt;
import thanora.model.Sampling;

/** Keys, busy servers, ends, and what is left behind. */
class LimitsTest {
  private static final String LONG = "\"temperature\": 0, \"max_tokens\": 150, \"logit_bias\": {\"0\": -100}";

  @TempDir Path folder;

  @Test
  void aKeyIsAskedForAndOriginsAreNamed() {
    Access access = new Access(Optional.of(Served.KEY), List.of("https://ours.example"), false);
    try (Served served = new Served(folder, Served.LIMITS, access)) {
      assertThat(served.get("/health").statusCode()).isEqualTo(200);
      for (String key : List.of("", "Bearer", "Bearer a kez", "Basic a key")) {
        HttpRequest.Builder request = served.request("/v1/models").GET();
        HttpResponse<String> wrong = served.send(key.isEmpty() ? request : request.header("Authorization", key));
        assertThat(wrong.statusCode()).as(key).isEqualTo(401);
        assertThat(Served.json(wrong.body()).at("/error/code").textValue()).isEqualTo("invalid_api_key");
      }
      HttpRequest.Builder right = served.request("/v1/models").header("Authorization", "Bearer " + Served.KEY);
      assertThat(served.send(right.header("Origin", "https://ours.example")).headers()
          .firstValue("Access-Control-Allow-Origin")).hasValue("https://ours.example");
      assertThat(served.send(served.request("/v1/models").header("Authorization", "Bearer " + Served.KEY)
          .header("Origin", "https://other.example")).headers().firstValue("Access-Control-Allow-Origin")).isEmpty();
      HttpResponse<String> preflight = served.send(served.request("/v1/chat/completions")
          .header("Origin", "https://ours.example").method("OPTIONS", HttpRequest.BodyPublishers.noBody()));
      assertThat(preflight.statusCode()).isEqualTo(204);
      assertThat(preflight.headers().firstValue("Access-Control-Allow-Headers")).hasValue("authorization, content-type");
    }
  }

  @Test
  void whoIsOneTooManyIsToldToComeAgainAndWhoRunsEndsInGoodOrder() throws Exception {
    Limits limits = new Limits(1, 1, 200, 256, 60, 20_000);
    try (Served served = new Served(folder, limits, Served.OPEN)) {
      List<CompletableFuture<HttpResponse<String>>> asked = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        asked.add(CompletableFuture.supplyAsync(
            () -> served.post("/v1/chat/completions", Served.chat("one", "x", LONG))));
      }
      List<Integer> codes = asked.stream().map(each -> each.join().statusCode()).sorted().toList();
      assertThat(codes).contains(200, 429).containsOnly(200, 429);
      JsonNode error = asked.stream().map(CompletableFuture::join).filter(each -> each.statusCode() == 429)
          .findFirst().map(each -> Served.json(each.body()).get("error")).orElseThrow();
      assertThat(error.get("message").textValue()).startsWith("too busy: ");

      CompletableFuture<HttpResponse<String>> last = CompletableFuture.supplyAsync(
          () -> served.post("/v1/chat/completions", Served.chat("one", "x", LONG)));
      while (!served.get("/metrics").body().contains("thanora_texts_running 1")) {
        Thread.sleep(1);
      }
      served.server.shutDown(30);
      assertThat(Served.json(last.join().body()).at("/usage/completion_tokens").intValue()).isEqualTo(150);
    }
  }

  @Test
  void afterItsTimeATextEndsAsItIs() throws InterruptedException {
    try (NamedAdapters models = Served.models(folder); Engine engine = new Engine(models, 2, 2)) {
      int[] prompt = models.model().format().prompt("x");
      Order endless = new Order(0, new Prompt(prompt), 1_000_000, new Sampling(0, 1, 0, 0, java.util.Map.of(0, -1000.0)), 0, List.of(), -1);
      try (Ticket ticket = engine.submit(List.of(endless), 1)) {
        Piece last = null;
        while (!ticket.done()) {
          last = ticket.poll(10_000);
        }
        assertThat(last.finish()).isEqualTo("length");
        assertThat(last.tokens()).isGreaterThan(1);
      }
    }
  }

  @Test
  void manyRequestsLeaveNothingBehind() {
    try (NamedAdapters models = Served.models(folder); Engine engine = new Engine(models, 3, 20)) {
      Order[] orders = IntStream.range(0, 3).mapToObj(i -> new Order(i, new Prompt(models.model().format().prompt("one " + i)), 8,
          Sampling.of(i, 0.9), 1, List.of("zzz"), i - 1)).toArray(Order[]::new);
      Memory.assertFlat(10, 10, () -> {
        try (Ticket ticket = engine.submit(List.of(orders), 60)) {
          while (!ticket.done()) {
            ticket.poll(10_000);
          }
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
        try (Ticket left = engine.submit(List.of(orders), 60)) {
          assertThat(left.done()).isFalse();
        }
        while (engine.running() + engine.waiting() > 0) {
          Thread.onSpinWait();
        }
      });
    }
  }
}
