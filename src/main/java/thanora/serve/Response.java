package thanora.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;

/** What goes back over one exchange: a whole reply, a stream of events, or a refusal at any time. */
final class Response {
  /** Something is sent that often while nothing else is, so that a client that has left is noticed. */
  private static final long PULSE_MILLIS = 2000;

  private final HttpExchange http;
  private final ObjectMapper json;
  private int status;
  private boolean events;
  private long sent = System.nanoTime();

  Response(HttpExchange http, ObjectMapper json) {
    this.http = http;
    this.json = json;
  }

  /** The HTTP status sent; 499 where nobody was there to receive one. */
  int status() {
    return status == 0 ? 499 : status;
  }

  private OutputStream open(int code, String type, long length) throws IOException {
    http.getResponseHeaders().set("Content-Type", type);
    http.sendResponseHeaders(code, length);
    status = code;
    return http.getResponseBody();
  }

  private void send(int code, String type, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    open(code, type, bytes.length).write(bytes);
  }

  void empty(int code) throws IOException {
    http.sendResponseHeaders(code, -1);
    status = code;
  }

  void json(int code, JsonNode value) throws IOException {
    send(code, "application/json", json.writeValueAsString(value));
  }

  void text(String text) throws IOException {
    send(200, "text/plain; version=0.0.4; charset=utf-8", text);
  }

  /** Says no; in a stream by an event, in a reply that has begun by ending it. */
  void refuse(ApiException refusal) throws IOException {
    if (status == 0) {
      json(refusal.status, refusal.body());
    } else if (events) {
      event(json.writeValueAsString(refusal.body()));
    }
  }

  /** All texts at once. A blank now and then, which JSON allows in front, shows whether the client is there. */
  void whole(Ticket ticket, Reply reply) throws IOException, InterruptedException {
    while (!ticket.done()) {
      Piece piece = ticket.poll(PULSE_MILLIS);
      if (piece != null) {
        reply.add(piece);
      }
      if (isQuiet() && !ticket.done()) {
        write(status == 0 ? open(200, "application/json", 0) : http.getResponseBody(), " ");
      }
    }
    if (status == 0) {
      json(200, reply.whole());
    } else {
      write(http.getResponseBody(), json.writeValueAsString(reply.whole()));
    }
  }

  /** The texts as they are made, by server-sent events. */
  void stream(Ticket ticket, Reply reply, boolean usage) throws IOException, InterruptedException {
    http.getResponseHeaders().set("Cache-Control", "no-cache");
    http.getResponseHeaders().set("X-Accel-Buffering", "no");
    open(200, "text/event-stream; charset=utf-8", 0);
    events = true;
    for (JsonNode opening : reply.openings()) {
      event(json.writeValueAsString(opening));
    }
    while (!ticket.done()) {
      Piece piece = ticket.poll(PULSE_MILLIS);
      if (piece != null) {
        event(json.writeValueAsString(reply.add(piece)));
      } else if (isQuiet()) {
        write(http.getResponseBody(), ": working\n\n");
      }
    }
    if (usage) {
      event(json.writeValueAsString(reply.usageEvent()));
    }
    event("[DONE]");
  }

  private void event(String data) throws IOException {
    write(http.getResponseBody(), "data: " + data + "\n\n");
  }

  private boolean isQuiet() {
    return System.nanoTime() - sent >= TimeUnit.MILLISECONDS.toNanos(PULSE_MILLIS);
  }

  private void write(OutputStream out, String text) throws IOException {
    out.write(text.getBytes(StandardCharsets.UTF_8));
    out.flush();
    sent = System.nanoTime();
  }
}
