package thanora.hub;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;

/**
 * A hub on the loopback interface that speaks the protocol of huggingface.co: its API, its resolve
 * addresses, and a second server on another port, where large files are, as on a CDN. It can be told to
 * fail in the ways that networks fail.
 */
public final class HubServer implements AutoCloseable {
  static {
    System.setProperty("sun.net.httpserver.nodelay", "true"); // or every answer waits for an acknowledgement
  }

  private static final ObjectMapper JSON = new ObjectMapper();

  /** Entries of a page of a listing. */
  private static final int PAGE = 3;

  /** A request that came. */
  public record Request(boolean cdn, String method, String path, String range, String authorization) {}

  private record Content(byte[] bytes, boolean large) {
    String sha256() {
      return hash("SHA-256", bytes);
    }

    /** Of the file, or of the pointer that git has instead of it. */
    String blob() {
      byte[] own = large ? ("version https://git-lfs.github.com/spec/v1\noid sha256:" + sha256() + "\nsize "
          + bytes.length + "\n").getBytes(StandardCharsets.UTF_8) : bytes;
      byte[] head = ("blob " + own.length + "\0").getBytes(StandardCharsets.UTF_8);
      byte[] all = Arrays.copyOf(head, head.length + own.length);
      System.arraycopy(own, 0, all, head.length, own.length);
      return hash("SHA-1", all);
    }
  }

  /** A repository with one commit at a time. */
  public final class Repository {
    private final String key;
    private final Map<String, Content> files = new TreeMap<>();
    private boolean gated;
    private String secret = "";
    private String movedTo = "";

    private Repository(String key) {
      this.key = key;
    }

    /** Adds a file; safetensors, GGUF and Parquet count as large. */
    public Repository file(String path, byte[] bytes) {
      files.put(path, new Content(bytes, path.matches(".*\\.(safetensors|gguf|parquet|bin)")));
      return this;
    }

    public Repository file(String path, String text) {
      return file(path, text.getBytes(StandardCharsets.UTF_8));
    }

    /** Adds all files of a folder. */
    public Repository folder(Path folder) throws IOException {
      try (Stream<Path> paths = Files.list(folder)) {
        for (Path path : paths.filter(Files::isRegularFile).toList()) {
          file(path.getFileName().toString(), Files.readAllBytes(path));
        }
      }
      return this;
    }

    /** Only those whose terms were accepted may fetch. */
    public Repository gated() {
      gated = true;
      return this;
    }

    /** Only for those with this token. */
    public Repository secret(String token) {
      secret = token;
      return this;
    }

    /** It has another name now. */
    public Repository movedTo(String name) {
      movedTo = name;
      return this;
    }

    /** The commit of what it holds. */
    public String commit() {
      StringBuilder all = new StringBuilder(key);
      files.forEach((path, content) -> all.append(path).append(content.blob()));
      return hash("SHA-1", all.toString().getBytes(StandardCharsets.UTF_8));
    }

    /** The name of a file's blob. */
    public String etag(String path) {
      Content content = files.get(path);
      return content.large ? content.sha256() : content.blob();
    }
  }

  private final HttpServer hub;
  private final HttpServer cdn;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final Map<String, Repository> repositories = new ConcurrentHashMap<>();
  private final Map<String, byte[]> large = new ConcurrentHashMap<>();
  private final List<Request> requests = new CopyOnWriteArrayList<>();
  private final List<Integer> failures = new CopyOnWriteArrayList<>();
  private volatile int cutAfter;
  private volatile int cuts;
  private volatile boolean ignoresRange;
  private volatile boolean corrupts;
  private volatile int delayMillis;
  private volatile int hangMillis;

  public HubServer() throws IOException {
    hub = start(this::answer);
    cdn = start(this::answerLarge);
  }

  private interface Handler {
    void handle(HttpExchange exchange) throws IOException;
  }

  private HttpServer start(Handler handler) throws IOException {
    HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", exchange -> {
      try (exchange) {
        requests.add(new Request(server != hub(), exchange.getRequestMethod(), exchange.getRequestURI().toString(),
            exchange.getRequestHeaders().getFirst("Range"), exchange.getRequestHeaders().getFirst("Authorization")));
        handler.handle(exchange);
      }
    });
    server.setExecutor(threads);
    server.start();
    return server;
  }

  private HttpServer hub() {
    return hub;
  }

  public String endpoint() {
    return address(hub);
  }

  private static String address(HttpServer server) {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  public Repository model(String name) {
    return repositories.computeIfAbsent("models/" + name, Repository::new);
  }

  public Repository dataset(String name) {
    return repositories.computeIfAbsent("datasets/" + name, Repository::new);
  }

  public List<Request> requests() {
    return List.copyOf(requests);
  }

  public void forgetRequests() {
    requests.clear();
  }

  /** The next answers of the hub are these. */
  public void failWith(Integer... statuses) {
    failures.addAll(List.of(statuses));
  }

  /** The next answers with large files end after so many bytes. */
  public void cut(int bytes, int times) {
    cutAfter = bytes;
    cuts = times;
  }

  /** Large files begin at 0 whatever is asked for. */
  public void ignoreRange() {
    ignoresRange = true;
  }

  /** Whether large files come with one wrong byte. */
  public void corrupt(boolean wrong) {
    corrupts = wrong;
  }

  /** Large files come slowly: a pause before every 64 KiB. */
  public void slow(int millis) {
    delayMillis = millis;
  }

  /** The next answer with a large file stops so long in the middle. */
  public void hang(int millis) {
    hangMillis = millis;
  }

  private void answer(HttpExchange exchange) throws IOException {
    if (!failures.isEmpty()) {
      exchange.getResponseHeaders().set("Retry-After", "0");
      exchange.sendResponseHeaders(failures.remove(0), -1);
      return;
    }
    String raw = exchange.getRequestURI().getRawPath().substring(1);
    boolean api = raw.startsWith("api/");
    String path = api ? raw.substring(4) : raw.startsWith("datasets/") ? raw : "models/" + raw;
    String[] parts = path.split(api ? "/(?=revision/|tree/)" : "/(?=resolve/)", 2);
    Repository repository = repositories.get(parts[0]);
    String token = exchange.getRequestHeaders().getFirst("Authorization");
    if (repository == null || !repository.secret.isEmpty() && !("Bearer " + repository.secret).equals(token)) {
      refuse(exchange, token == null ? 401 : 404, "RepoNotFound");
    } else if (!repository.movedTo.isEmpty()) {
      exchange.getResponseHeaders().set("Location",
          exchange.getRequestURI().toString().replace(repository.key.replaceFirst("\\w+/", ""), repository.movedTo));
      exchange.sendResponseHeaders(307, -1);
    } else {
      String[] call = parts[1].split("/", 3);
      if (!List.of("main", repository.commit(), "refs%2Fconvert%2Fparquet").contains(call[1])) {
        refuse(exchange, 404, "RevisionNotFound");
      } else if (call[0].equals("revision")) {
        json(exchange, JSON.createObjectNode().put("id", repository.key.substring(repository.key.indexOf('/') + 1))
            .put("sha", repository.commit()).put("private", false).toString());
      } else if (call[0].equals("tree")) {
        tree(exchange, repository);
      } else {
        resolve(exchange, repository, URLDecoder.decode(call[2], StandardCharsets.UTF_8));
      }
    }
  }

  private static void refuse(HttpExchange exchange, int status, String code) throws IOException {
    exchange.getResponseHeaders().set("X-Error-Code", code);
    exchange.sendResponseHeaders(status, -1);
  }

  private static void json(HttpExchange exchange, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(200, bytes.length);
    exchange.getResponseBody().write(bytes);
  }

  private void tree(HttpExchange exchange, Repository repository) throws IOException {
    String query = exchange.getRequestURI().getQuery();
    int from = query.contains("cursor=") ? Integer.parseInt(query.replaceFirst(".*cursor=", "")) : 0;
    List<String> paths = new ArrayList<>(repository.files.keySet());
    ArrayNode page = JSON.createArrayNode();
    page.addObject().put("type", "directory").put("path", "some").put("oid", "0").put("size", 0);
    for (String path : paths.subList(from, Math.min(from + PAGE, paths.size()))) {
      Content content = repository.files.get(path);
      ObjectNode entry = page.addObject().put("type", "file").put("path", path).put("oid", content.blob())
          .put("size", content.bytes.length);
      if (content.large) {
        entry.putObject("lfs").put("oid", content.sha256()).put("size", content.bytes.length).put("pointerSize", 134);
      }
    }
    if (from + PAGE < paths.size()) {
      exchange.getResponseHeaders().set("Link", "<" + endpoint() + exchange.getRequestURI().getRawPath()
          + "?recursive=true&cursor=" + (from + PAGE) + ">; rel=\"next\"");
    }
    json(exchange, page.toString());
  }

  private void resolve(HttpExchange exchange, Repository repository, String path) throws IOException {
    exchange.getResponseHeaders().set("X-Repo-Commit", repository.commit());
    Content content = repository.files.get(path);
    if (repository.gated) {
      refuse(exchange, 403, "GatedRepo");
    } else if (content == null) {
      refuse(exchange, 404, "EntryNotFound");
    } else if (content.large) {
      large.put("/" + content.sha256(), content.bytes);
      exchange.getResponseHeaders().set("X-Linked-Etag", "\"" + content.sha256() + "\"");
      exchange.getResponseHeaders().set("X-Linked-Size", "" + content.bytes.length);
      exchange.getResponseHeaders().set("Location", URI.create(address(cdn)).resolve("/" + content.sha256()).toString());
      exchange.sendResponseHeaders(302, -1);
    } else {
      exchange.getResponseHeaders().set("ETag", "W/\"" + content.blob() + "\"");
      send(exchange, content.bytes, 0, content.bytes.length);
    }
  }

  private void answerLarge(HttpExchange exchange) throws IOException {
    byte[] bytes = large.get(exchange.getRequestURI().getPath()).clone();
    if (corrupts) {
      bytes[bytes.length / 2] ^= 1;
    }
    exchange.getResponseHeaders().set("ETag", "\"of-the-cdn\"");
    String range = exchange.getRequestHeaders().getFirst("Range");
    int from = range == null || ignoresRange ? 0 : Integer.parseInt(range.replaceAll("bytes=|-$", ""));
    int end = bytes.length;
    if (cuts > 0) {
      cuts--;
      end = Math.min(end, from + cutAfter);
    }
    send(exchange, bytes, from, end);
  }

  private void send(HttpExchange exchange, byte[] bytes, int from, int end) throws IOException {
    exchange.getResponseHeaders().set("Accept-Ranges", "bytes");
    if (exchange.getRequestMethod().equals("HEAD")) {
      exchange.getResponseHeaders().set("Content-Length", "" + bytes.length);
      exchange.sendResponseHeaders(200, -1);
      return;
    }
    if (from > 0) {
      exchange.getResponseHeaders().set("Content-Range", "bytes " + from + "-" + (bytes.length - 1) + "/" + bytes.length);
    }
    exchange.sendResponseHeaders(from > 0 ? 206 : 200, bytes.length == from ? -1 : bytes.length - from);
    OutputStream body = exchange.getResponseBody();
    for (int at = from; at < end; at += 1 << 16) {
      pause(at > from);
      body.write(bytes, at, Math.min(1 << 16, end - at));
      body.flush();
    }
  }

  private void pause(boolean inTheMiddle) {
    int hang = inTheMiddle ? hangMillis : 0;
    hangMillis -= hang;
    try {
      Thread.sleep(delayMillis + hang);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static String hash(String algorithm, byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    hub.stop(0);
    cdn.stop(0);
    threads.shutdownNow();
  }
}
