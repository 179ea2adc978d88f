package thanora.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import org.bytedeco.pytorch.Tensor;
import thanora.LoadedModel;
import thanora.NamedAdapters;
import thanora.Recipe;
import thanora.export.PeftAdapter;
import thanora.lora.Blocks;
import thanora.lora.Factors;
import thanora.lora.LoraAdapter;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/** The demo model with two random adapters behind a real server on the loopback address. */
final class Served implements AutoCloseable {
  static final Access OPEN = new Access(Optional.empty(), List.of(), true);
  static final Limits LIMITS = new Limits(4, 4, 200, 256, 60, 20_000);
  static final String KEY = "a key";
  private static final ObjectMapper JSON = new ObjectMapper();

  final NamedAdapters models;
  final ApiServer server;
  final List<Throwable> failures = new CopyOnWriteArrayList<>();
  private final HttpClient client = HttpClient.newHttpClient();

  Served(Path folder, Limits limits, Access access) {
    this(models(folder), limits, access);
  }

  Served(NamedAdapters served, Limits limits, Access access) {
    models = served;
    try {
      server = new ApiServer(models, new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), limits, access, failures::add);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static LoadedModel demo() {
    return LoadedModel.load(Path.of("demo", "model").toString(), "cpu", Recipe.Dtype.FLOAT32, 1);
  }

  /** Names: demo, one, two. */
  static NamedAdapters models(Path folder) {
    LoadedModel model = demo();
    Map<String, Path> adapters = new LinkedHashMap<>();
    adapters.put("one", adapter(model, folder.resolve("one"), 1));
    adapters.put("two", adapter(model, folder.resolve("two"), 2));
    return NamedAdapters.open(model, "demo", adapters);
  }

  /** Writes an adapter of random numbers that says other things than the base. */
  static Path adapter(LoadedModel model, Path folder, long seed) {
    List<String> modules = model.decoder().projectionNames().stream()
        .filter(name -> name.endsWith(seed == 1 ? "q_proj" : "down_proj")).toList();
    try (TensorScope scope = TensorScope.open(); LoraAdapter adapter = LoraAdapter.create(model.decoder(), modules, 2, 0, 4)) {
      Random random = new Random(seed);
      Tensor none = Tensors.empty(Placement.CPU_F32, 0, 1);
      for (String module : modules) {
        Tensor w = model.decoder().projection(module).weight();
        adapter.set(module, new Factors(random(random, 2, w.size(1)), random(random, 2, w.size(0)),
            none, none, new Blocks(new int[] {0}, 2)));
      }
      PeftAdapter.write(Files.createDirectories(folder), adapter, model.decoder(), "demo", Optional.empty());
      return folder;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Tensor random(Random random, long rows, long width) {
    float[] values = new float[(int) (rows * width)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (0.12 * random.nextGaussian());
    }
    return Tensors.of(values, rows, width);
  }

  HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path))
        .header("Content-Type", "application/json");
  }

  HttpResponse<String> send(HttpRequest.Builder request) {
    try {
      return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  HttpResponse<String> post(String path, String body) {
    return send(request(path).POST(HttpRequest.BodyPublishers.ofString(body)));
  }

  HttpResponse<String> get(String path) {
    return send(request(path).GET());
  }

  static JsonNode json(String text) {
    try {
      return JSON.readTree(text);
    } catch (IOException e) {
      throw new UncheckedIOException(text, e);
    }
  }

  /** A chat of one message, with further fields. */
  static String chat(String model, String prompt, String more) {
    return "{\"model\": \"" + model + "\", \"messages\": [{\"role\": \"user\", \"content\": \"" + prompt + "\"}]"
        + (more.isEmpty() ? "" : ", " + more) + "}";
  }

  /** The text of a chat that goes well. */
  String text(String model, String prompt, String more) {
    JsonNode reply = json(post("/v1/chat/completions", chat(model, prompt, more)).body());
    return reply.at("/choices/0/message/content").textValue();
  }

  /** The events of a stream, without the last, which must be [DONE]. */
  static List<JsonNode> events(String body) {
    List<String> data = new ArrayList<>(body.lines().filter(line -> line.startsWith("data: "))
        .map(line -> line.substring("data: ".length())).toList());
    if (!data.remove(data.size() - 1).equals("[DONE]")) {
      throw new AssertionError("no end: " + body);
    }
    return data.stream().map(Served::json).toList();
  }

  @Override
  public void close() {
    server.close();
    models.close();
  }
}
