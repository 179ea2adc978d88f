import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import thanora.LoadedModel;
import thanora.NamedAdapters;
import thanora.Recipe;
import thanora.serve.Access;
import thanora.serve.ApiServer;
import thanora.serve.Limits;

/**
 * Serves a base and an adapter from inside a program, and asks once over HTTP.
 *
 * <p>Arguments: MODEL ADAPTER
 */
public class ServeInProcess {
  public static void main(String[] args) throws Exception {
    LoadedModel base = LoadedModel.load(args[0], "auto", Recipe.Dtype.AUTO, 0);
    Limits limits = new Limits(8, 64, 1024, base.decoder().config().maxPositions(), 600, 4 << 20);
    Access access = new Access(Optional.of("secret"), List.of(), false);
    try (NamedAdapters models = NamedAdapters.open(base, "base", Map.of("trained", Path.of(args[1])));
        ApiServer server = new ApiServer(
            models, new InetSocketAddress("127.0.0.1", 0), limits, access, Throwable::printStackTrace)) {
      HttpRequest request = HttpRequest.newBuilder(
              URI.create("http://127.0.0.1:" + server.port() + "/v1/chat/completions"))
          .header("Authorization", "Bearer secret")
          .header("Content-Type", "application/json")
          .POST(HttpRequest.BodyPublishers.ofString("""
              {"model": "trained", "max_tokens": 8, "messages": [{"role": "user", "content": "12+30"}]}"""))
          .build();
      System.out.println(HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body());
    }
  }
}
