package thanora.cli;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import thanora.NamedAdapters;
import thanora.serve.Access;
import thanora.serve.ApiServer;
import thanora.serve.Limits;

@Command(
    name = "serve",
    description = {
      "Answers over HTTP as OpenAI's API does: a base model, adapters by name, or the model of a run.",
      "Ctrl-C or SIGTERM: no new requests, those that run end, then it ends. See docs/serve.md."
    },
    footer = {
      "",
      "Example: thanora serve --run runs/a",
      "         thanora serve --model models/base --adapter sql=runs/a/adapter --adapter de=runs/b/adapter"
    })
final class ServeCommand implements Callable<Integer> {
  private static final String KEY = "THANORA_API_KEY";
  private static final int TEXT_BODY = 4 << 20;
  private static final int IMAGE_BODY = 16 << 20;

  @Mixin private ModelOptions models;

  @Option(names = "--host", paramLabel = "NAME", description = "Address to listen at; ${DEFAULT-VALUE}.")
  private String host = "127.0.0.1";

  @Option(names = "--port", paramLabel = "N", description = "Port; 0 takes a free one; ${DEFAULT-VALUE}.")
  private int port = 8000;

  @Option(
      names = "--api-key",
      paramLabel = "KEY",
      description = "Key that requests must bring; better in the environment variable " + KEY + ".")
  private Optional<String> apiKey = Optional.empty();

  @Option(
      names = "--no-api-key",
      description = "Lets anyone who can reach another address than this machine's own ask without a key.")
  private boolean open;

  @Option(
      names = "--cors",
      paramLabel = "ORIGIN",
      description = "A web page's origin that may ask from a browser, or *. May be repeated.")
  private List<String> origins = new ArrayList<>();

  @Option(names = "--parallel", paramLabel = "N", description = "Texts made at once; ${DEFAULT-VALUE}.")
  private int parallel = 8;

  @Option(names = "--queue", paramLabel = "N", description = "Texts that may wait; ${DEFAULT-VALUE}.")
  private int queue = 64;

  @Option(names = "--max-new-tokens", paramLabel = "N", description = "Most tokens of a text; ${DEFAULT-VALUE}.")
  private int maxNewTokens = 1024;

  @Option(
      names = "--max-length",
      paramLabel = "N",
      description = "Most tokens of a prompt and its text; ${DEFAULT-VALUE}, or less where the model's context is.")
  private int maxLength = 8192;

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      description = "After it a text ends as it is; ${DEFAULT-VALUE}.")
  private int timeout = 600;

  @Option(
      names = "--max-body",
      paramLabel = "BYTES",
      description = "Most bytes of a request; if left out, " + TEXT_BODY + ", and " + IMAGE_BODY
          + " to a model that sees images.")
  private Optional<Integer> maxBody = Optional.empty();

  @Mixin private OutputOptions output;

  @Override
  public Integer call() throws InterruptedException {
    new Limits(parallel, queue, maxNewTokens, maxLength, timeout, maxBody.orElse(TEXT_BODY)); // before anything is loaded
    InetSocketAddress address = address();
    Access access = access(address);
    try (StopSignals signals = StopSignals.take(output.err()); NamedAdapters loaded = models.open(output)) {
      int length = Math.min(maxLength, loaded.model().decoder().config().maxPositions());
      int body = maxBody.orElse(loaded.model().images().isPresent() ? IMAGE_BODY : TEXT_BODY);
      Limits limits = new Limits(parallel, queue, maxNewTokens, length, timeout, body);
      try (ApiServer server = new ApiServer(loaded, address, limits, access, this::report)) {
        announce(server, loaded.names());
        while (!StopSignals.received()) {
          Thread.sleep(100);
        }
        server.shutDown(timeout);
        output.note("ended in good order");
      } catch (IOException e) {
        throw new IllegalArgumentException("--port " + port + " of " + host + " cannot be used ("
            + e.getMessage() + "); give another, or 0 for a free one");
      }
    }
    return 0;
  }

  private InetSocketAddress address() {
    if (port < 0 || port > 65535) {
      throw new IllegalArgumentException("--port " + port + " is not between 0 and 65535");
    }
    InetSocketAddress address = new InetSocketAddress(host, port);
    if (address.isUnresolved()) {
      throw new IllegalArgumentException("--host " + host + " is unknown; give an address of this machine, such as 0.0.0.0");
    }
    return address;
  }

  private Access access(InetSocketAddress address) {
    Optional<String> key = apiKey.or(() -> Optional.ofNullable(System.getenv(KEY)));
    if (key.isPresent() && key.get().isBlank()) {
      throw new IllegalArgumentException("the API key is blank; give one, or leave it out");
    }
    boolean local = address.getAddress().isLoopbackAddress();
    if (!local && key.isEmpty() && !open) {
      throw new IllegalArgumentException("--host " + host + ": others can reach this address; set " + KEY
          + ", or give --no-api-key if they may all ask");
    }
    return new Access(key, List.copyOf(origins), local && key.isEmpty());
  }

  private void announce(ApiServer server, List<String> names) {
    String shown = host.contains(":") ? "[" + host + "]" : host;
    String url = "http://" + shown + ":" + server.port() + "/v1";
    output.note("serving " + String.join(", ", names) + "; Ctrl-C ends it");
    output.result(new TreeMap<>(Map.of("models", names, "url", url)), url);
  }

  /** What a client is not told. */
  private synchronized void report(Throwable failure) {
    Throwable cause = failure.getCause() == null ? failure : failure.getCause();
    output.err().println("thanora: a request failed: " + cause.toString().lines().findFirst().orElse(""));
    if (output.debug) {
      failure.printStackTrace(output.err());
    }
    output.err().flush();
  }
}
