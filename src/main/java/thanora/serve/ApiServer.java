package thanora.serve;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import thanora.NamedAdapters;
import thanora.image.ImageException;

/** OpenAI's API over HTTP: chats and completions of a base model and its adapters. */
public final class ApiServer implements AutoCloseable {
  static {
    // Read once by the JDK's server: answers are small packets, and a request must come in time.
    setIfAbsent("sun.net.httpserver.nodelay", "true");
    setIfAbsent("sun.net.httpserver.maxReqTime", "60");
  }

  /** Threads beyond those that wait for texts: for refusals, models, health. */
  private static final int SPARE_THREADS = 16;

  private static final Map<String, String> ROUTES = Map.of("/v1/chat/completions", "POST", "/v1/completions", "POST",
      "/v1/models", "GET", "/health", "GET", "/metrics", "GET");
  private static final ObjectMapper JSON = new ObjectMapper();

  private final NamedAdapters models;
  private final Limits limits;
  private final Access access;
  private final Consumer<Throwable> failures;
  private final Engine engine;
  private final Metrics metrics = new Metrics();
  private final long created = Instant.now().getEpochSecond();
  private final HttpServer server;
  private final ThreadPoolExecutor threads;

  /**
   * Starts to answer.
   *
   * @param models what is served; not owned
   * @param failures gets what went wrong inside, of which a client is told nothing
   * @throws IOException if the address cannot be used
   */
  public ApiServer(NamedAdapters models, InetSocketAddress address, Limits limits, Access access,
      Consumer<Throwable> failures) throws IOException {
    this.models = models;
    this.limits = limits;
    this.access = access;
    this.failures = failures;
    this.server = HttpServer.create(address, 0);
    this.engine = new Engine(models, limits.parallel(), limits.queue());
    engine.countInto(metrics::generated);
    int count = limits.parallel() + limits.queue() + SPARE_THREADS;
    this.threads = new ThreadPoolExecutor(count, count, 60, TimeUnit.SECONDS, new LinkedBlockingQueue<>());
    threads.allowCoreThreadTimeOut(true);
    server.setExecutor(threads);
    server.createContext("/", this::handle);
    server.start();
  }

  private static void setIfAbsent(String name, String value) {
    if (System.getProperty(name) == null) {
      System.setProperty(name, value);
    }
  }

  /** The port, where 0 was asked for. */
  public int port() {
    return server.getAddress().getPort();
  }

  private void handle(HttpExchange http) throws IOException {
    Response response = new Response(http, JSON);
    try {
      route(http, response);
    } catch (ApiException refusal) {
      refuse(http, response, refusal);
    } catch (IOException gone) {
      // The client has left; whoever generated for it has been told by closing the ticket.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException | Error failure) {
      failures.accept(failure);
      refuse(http, response,
          new ApiException(500, null, "internal_error", "the server failed; its log says more"));
    } finally {
      metrics.request(response.status());
      http.close();
    }
  }

  private static void refuse(HttpExchange http, Response response, ApiException refusal) {
    if (refusal.status == 429 || refusal.status == 503) {
      http.getResponseHeaders().set("Retry-After", "1");
    }
    try {
      response.refuse(refusal);
    } catch (IOException gone) {
      // There is nobody to tell.
    }
  }

  private void route(HttpExchange http, Response response) throws IOException, InterruptedException {
    String path = http.getRequestURI().getPath();
    String method = ROUTES.get(path.startsWith("/v1/models/") ? "/v1/models" : path);
    access.allowOrigin(http);
    if (http.getRequestMethod().equals("OPTIONS") && method != null) {
      response.empty(204);
      return;
    }
    access.check(http, !path.equals("/health"));
    if (method == null) {
      throw new ApiException(404, null, "unknown_url", "there is no " + path + "; there are "
          + String.join(", ", ROUTES.keySet().stream().sorted().toList()));
    }
    if (!http.getRequestMethod().equals(method)) {
      http.getResponseHeaders().set("Allow", method);
      throw new ApiException(405, null, "method_not_allowed", path + " takes " + method + " only");
    }
    switch (path) {
      case "/health" -> response.json(200, JSON.createObjectNode().put("status", "ok"));
      case "/metrics" -> response.text(metrics.text(engine));
      case "/v1/models" -> response.json(200, list());
      case "/v1/chat/completions" -> answer(Job.chat(body(http), models, limits, JSON), response);
      case "/v1/completions" -> answer(Job.plain(body(http), models, limits), response);
      default -> response.json(200, model(path.substring("/v1/models/".length())));
    }
  }

  private ObjectNode list() {
    ObjectNode list = JSON.createObjectNode().put("object", "list");
    ArrayNode data = list.putArray("data");
    models.names().forEach(name -> data.add(model(name)));
    return list;
  }

  private ObjectNode model(String name) {
    int index = models.names().indexOf(name);
    if (index < 0) {
      throw new ApiException(404, "model", "model_not_found",
          "model " + name + " does not exist; there are " + String.join(", ", models.names()));
    }
    ObjectNode model = JSON.createObjectNode().put("id", name).put("object", "model").put("created", created)
        .put("owned_by", "thanora").put("max_model_len", limits.maxLength());
    return model.put("parent", index == 0 ? null : models.names().get(0));
  }

  private JsonNode body(HttpExchange http) throws IOException {
    String type = String.valueOf(http.getRequestHeaders().getFirst("Content-Type"));
    if (!type.split(";")[0].strip().equalsIgnoreCase("application/json")) {
      // Also what keeps other sites' pages out: a browser asks before it sends this type for them.
      throw new ApiException(415, null, "unsupported_media_type", "send Content-Type: application/json");
    }
    try (InputStream in = http.getRequestBody()) {
      byte[] bytes = in.readNBytes(limits.bodyBytes() + 1);
      if (bytes.length > limits.bodyBytes()) {
        throw new ApiException(413, null, "request_too_large",
            "the request has more than " + limits.bodyBytes() + " bytes; shorten it");
      }
      return JSON.readTree(new String(bytes, StandardCharsets.UTF_8));
    } catch (JsonProcessingException e) {
      String where = e.getLocation() == null ? "" : " at line " + e.getLocation().getLineNr()
          + ", column " + e.getLocation().getColumnNr();
      throw new ApiException(400, null, "invalid_json", "the body is not JSON" + where);
    }
  }

  private void answer(Job job, Response response) throws IOException, InterruptedException {
    Reply reply = new Reply(job, models.model().tokenizer());
    try {
      engine.requireImages(job.orders());
    } catch (ImageException e) {
      throw DataUrl.wrong(e);
    }
    try (Ticket ticket = engine.submit(job.orders(), limits.seconds())) {
      metrics.prompt(job.promptTokens());
      if (job.stream()) {
        response.stream(ticket, reply, job.usage());
      } else {
        response.whole(ticket, reply);
      }
    } catch (BusyException busy) {
      throw new ApiException(busy.isEnding() ? 503 : 429, null, busy.isEnding() ? "shutting_down" : "busy",
          busy.getMessage());
    } finally {
      engine.forgetImages(job.orders());
    }
  }

  /** Takes no more requests, lets those that run end, for so many seconds at most, and stops. */
  public void shutDown(int seconds) throws InterruptedException {
    engine.drain(seconds);
    close();
  }

  @Override
  public void close() {
    engine.close();
    server.stop(1);
    threads.shutdown();
  }
}
