package thanora.serve;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.List;
import java.util.Optional;

/**
 * Who may ask.
 *
 * @param key what a request must bring, where it must
 * @param origins web pages that may ask from a browser; {@code *} for all
 * @param localOnly whether the request must be meant for this machine: pages that have their name point
 *     here would else reach a server without a key
 */
public record Access(Optional<String> key, List<String> origins, boolean localOnly) {
  private static final String BEARER = "Bearer ";

  /** Refuses a request without the right. */
  void check(HttpExchange exchange, boolean needsKey) {
    String host = Optional.ofNullable(exchange.getRequestHeaders().getFirst("Host")).orElse("");
    if (localOnly && !isLocal(host.replaceFirst(":\\d*$", ""))) {
      throw new ApiException(403, null, "wrong_host",
          "this server answers requests to localhost only; start it with --api-key and --host for others");
    }
    if (needsKey && key.isPresent() && !isRight(exchange.getRequestHeaders())) {
      throw new ApiException(401, null, "invalid_api_key",
          "the API key is missing or wrong; send Authorization: Bearer KEY with the key of the server");
    }
  }

  static boolean isLocal(String host) {
    return host.equals("localhost") || host.matches("127(\\.\\d{1,3}){3}") || host.equals("[::1]") || host.equals("::1");
  }

  /** In a time that says nothing of the key. */
  private boolean isRight(Headers headers) {
    String given = Optional.ofNullable(headers.getFirst("Authorization")).orElse("");
    byte[] sent = given.startsWith(BEARER) ? given.substring(BEARER.length()).getBytes(StandardCharsets.UTF_8) : new byte[0];
    return MessageDigest.isEqual(sent, key.orElseThrow().getBytes(StandardCharsets.UTF_8));
  }

  /** Lets the pages that may ask read the reply. */
  void allowOrigin(HttpExchange exchange) {
    String origin = exchange.getRequestHeaders().getFirst("Origin");
    if (origin != null && (origins.contains("*") || origins.contains(origin))) {
      exchange.getResponseHeaders().set("Access-Control-Allow-Origin", origins.contains("*") ? "*" : origin);
      exchange.getResponseHeaders().set("Vary", "Origin");
      exchange.getResponseHeaders().set("Access-Control-Allow-Headers", "authorization, content-type");
      exchange.getResponseHeaders().set("Access-Control-Allow-Methods", "GET, POST");
    }
  }
}
