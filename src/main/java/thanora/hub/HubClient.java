package thanora.hub;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The hub's protocol over HTTP. The token goes to the hub itself only: redirects are followed by
 * hand, and another scheme, host or port does not get it.
 */
final class HubClient {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MOST_REDIRECTS = 10;
  private static final Pattern NEXT = Pattern.compile("<([^>]+)>\\s*;\\s*rel=\"?next\"?");

  private final HubSettings settings;
  private final Patience patience;
  private HttpClient http;

  HubClient(HubSettings settings, Patience patience) {
    this.settings = settings;
    this.patience = patience;
  }

  /** Made when it is needed: it starts threads and reads certificates, and a full cache needs neither. */
  private synchronized HttpClient http() {
    if (http == null) {
      http = HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .followRedirects(HttpClient.Redirect.NEVER)
          .connectTimeout(settings.metadataTimeout())
          .build();
    }
    return http;
  }

  /** The hub, for people. */
  String host() {
    return settings.host();
  }

  /** The commit that a revision is now. */
  String commit(Repo repo) {
    JsonNode info = json(repo, uri(repo.api("revision")), headers -> {});
    String commit = info.path("sha").asText();
    if (!Repo.isCommit(commit)) {
      throw new HubException(settings.host() + " names no commit of " + repo + "; check HF_ENDPOINT");
    }
    return commit;
  }

  /** All files of a repository at its revision, page after page. */
  List<HubFile> files(Repo repo) {
    List<HubFile> files = new ArrayList<>();
    Optional<URI> page = Optional.of(uri(repo.api("tree") + "?recursive=true"));
    while (page.isPresent()) {
      URI[] next = new URI[1];
      JsonNode entries = json(repo, page.get(), headers -> next[0] = next(headers));
      for (JsonNode entry : entries) {
        if (entry.path("type").asText().equals("file")) {
          files.add(HubFile.listed(entry));
        }
      }
      page = Optional.ofNullable(next[0]);
    }
    return files;
  }

  private URI next(HttpHeaders headers) {
    for (String link : headers.allValues("Link")) {
      Matcher next = NEXT.matcher(link);
      if (next.find()) {
        return settings.endpoint().resolve(next.group(1));
      }
    }
    return null;
  }

  /** The name of a file's blob. For large files the hub says it itself and sends to another host for the bytes. */
  String etag(Repo repo, HubFile file) {
    return patience.until(settings.host(), () -> {
      String[] given = new String[2];
      HttpResponse<Void> response =
          exchange("HEAD", uri(repo.file(file.path())), 0, BodyHandlers.discarding(), headers -> {
            given[0] = headers.firstValue("X-Linked-Etag").orElse(given[0]);
            given[1] = headers.firstValue("ETag").orElse(given[1]);
          }, false);
      if (response.statusCode() >= 400) {
        throw refusal(repo, file.path(), response);
      }
      String etag = given[0] != null ? given[0] : given[1] != null ? given[1] : file.contentHash();
      String name = etag.replaceFirst("^W/", "").replace("\"", "");
      if (!name.matches("[\\w-]{1,128}")) {
        throw new HubException(repo + ": " + settings.host() + " has no ETag for " + file.path()
            + " that can name a file; check HF_ENDPOINT");
      }
      return name;
    });
  }

  /**
   * Begins to fetch a file; the caller closes the body.
   *
   * @param from first byte wanted; the answer is 200 instead of 206 where a server begins at 0 anyway
   * @throws HubException if there is no such file for this user
   * @throws IOException if it is worth another try
   */
  HttpResponse<InputStream> open(Repo repo, String file, long from) throws IOException {
    HttpResponse<InputStream> response =
        exchange("GET", uri(repo.file(file)), from, BodyHandlers.ofInputStream(), headers -> {}, true);
    if (from > 0 && response.statusCode() == 416) {
      response.body().close();
      return open(repo, file, 0);
    }
    if (response.statusCode() != 200 && response.statusCode() != 206) {
      response.body().close();
      throw refusal(repo, file, response);
    }
    return response;
  }

  private JsonNode json(Repo repo, URI uri, Consumer<HttpHeaders> seen) {
    return patience.until(settings.host(), () -> {
      HttpResponse<InputStream> response = exchange("GET", uri, 0, BodyHandlers.ofInputStream(), seen, false);
      byte[] body = Stall.readAll(response.body(), settings.dataTimeout());
      if (response.statusCode() != 200) {
        throw refusal(repo, "", response);
      }
      try {
        return JSON.readTree(new String(body, StandardCharsets.UTF_8));
      } catch (JsonProcessingException e) {
        throw new HubException(uri + " answers what is no JSON; check HF_ENDPOINT", e);
      }
    });
  }

  private URI uri(String path) {
    return URI.create(settings.endpoint() + path);
  }

  /**
   * Sends a request after all its redirects.
   *
   * @param seen gets the headers of every answer on the way
   * @param elsewhere whether to follow to other hosts; else the answer that sends there is the last
   */
  private <T> HttpResponse<T> exchange(String method, URI first, long from, BodyHandler<T> handler,
      Consumer<HttpHeaders> seen, boolean elsewhere) throws IOException {
    URI at = first;
    for (int hop = 0; hop < MOST_REDIRECTS; hop++) {
      HttpResponse<T> response = send(method, at, from, handler);
      seen.accept(response.headers());
      Optional<URI> next = redirect(response);
      if (next.isEmpty() || !elsewhere && !isHub(next.get())) {
        return response;
      }
      if (response.body() instanceof InputStream body) {
        body.close();
      }
      at = next.get();
    }
    throw new HubException(first + " is redirected " + MOST_REDIRECTS + " times; check HF_ENDPOINT");
  }

  private static Optional<URI> redirect(HttpResponse<?> response) {
    Optional<String> location = response.headers().firstValue("Location");
    if (response.statusCode() / 100 != 3 || location.isEmpty()) {
      return Optional.empty();
    }
    try {
      URI next = response.uri().resolve(location.get());
      if (next.getHost() != null && next.getScheme().matches("https?")) {
        return Optional.of(next);
      }
    } catch (IllegalArgumentException notAnAddress) {
      // said below
    }
    throw new HubException(response.uri() + " redirects to what is no web address; check HF_ENDPOINT");
  }

  private <T> HttpResponse<T> send(String method, URI uri, long from, BodyHandler<T> handler) throws IOException {
    HttpRequest.Builder request = HttpRequest.newBuilder(uri)
        .method(method, HttpRequest.BodyPublishers.noBody())
        .timeout(settings.metadataTimeout())
        .header("User-Agent", "thanora")
        .header("Accept-Encoding", "identity");
    if (from > 0) {
      request.header("Range", "bytes=" + from + "-");
    }
    if (isHub(uri)) {
      settings.token().ifPresent(token -> request.header("Authorization", "Bearer " + token));
    }
    try {
      return http().send(request.build(), handler);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new HubException("interrupted while waiting for " + uri.getAuthority(), e);
    }
  }

  private boolean isHub(URI uri) {
    URI hub = settings.endpoint();
    return hub.getScheme().equalsIgnoreCase(uri.getScheme()) && hub.getHost().equalsIgnoreCase(uri.getHost())
        && port(hub) == port(uri);
  }

  private static int port(URI uri) {
    return uri.getPort() >= 0 ? uri.getPort() : uri.getScheme().equalsIgnoreCase("https") ? 443 : 80;
  }

  /** What an answer of 400 or more means: an exception that ends it, or one that asks for patience. */
  private HubException refusal(Repo repo, String file, HttpResponse<?> response) throws Patience.BusyException {
    int status = response.statusCode();
    if (status == 429 || status == 408 || status >= 500) {
      throw busy(repo, response);
    }
    String page = settings.endpoint() + repo.page();
    String code = response.headers().firstValue("X-Error-Code").orElse("");
    return switch (code) {
      case "GatedRepo" -> new HubMissingException(repo + ": is gated; accept its terms at " + page
          + ", and give a token of that account as HF_TOKEN"
          + (settings.token().isPresent() ? "; the one given has no access" : ""));
      case "RevisionNotFound" -> new HubMissingException(
          repo + ": there is no revision " + repo.revision() + "; see " + page + "/tree/main for branches and tags");
      case "EntryNotFound" -> new HubMissingException(
          repo + ": has no file " + file + "; see " + page + "/tree/" + repo.revision());
      default -> status == 401 || status == 403 || status == 404 ? unknown(repo, response)
          : new HubException(repo + ": " + response.uri().getAuthority() + " answers " + status + " " + code + " for "
              + (file.isEmpty() ? "it" : file) + "; see " + page);
    };
  }

  private static Patience.BusyException busy(Repo repo, HttpResponse<?> response) {
    int status = response.statusCode();
    String remedy = status == 429 ? ", too many requests; wait some minutes, or log in (HF_TOKEN)" : "; try again later";
    return new Patience.BusyException(repo + ": " + response.uri().getAuthority() + " answers " + status + remedy,
        response.headers().firstValue("Retry-After").filter(seconds -> seconds.matches("\\d{1,6}"))
            .map(seconds -> Duration.ofSeconds(Long.parseLong(seconds))));
  }

  /** The hub does not tell what is not there from what is not for all. */
  private HubMissingException unknown(Repo repo, HttpResponse<?> response) {
    String host = response.uri().getAuthority();
    return new HubMissingException(repo + (repo.kind() == Repo.Kind.MODEL
        ? ": no folder here and no model of " + host + " has that name" : ": " + host + " has no such data set")
        + ", or it is private (" + response.statusCode() + "); check the name, " + (settings.token().isPresent()
            ? "and whether the token of HF_TOKEN or its file is valid and may read it"
            : "or give a token that may read it as HF_TOKEN"));
  }

  /** Whether nobody answers at that address at all. */
  static boolean isUnreachable(IOException e) {
    return e instanceof ConnectException || e instanceof HttpConnectTimeoutException;
  }
}
