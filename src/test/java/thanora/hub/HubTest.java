package thanora.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Models from a hub that speaks the real protocol, and what the cache then holds. */
class HubTest {
  private static final String NAME = "org/tiny";
  private static final byte[] WEIGHTS = bytes(300_000);

  @TempDir Path folder;
  private HubServer server;
  private final List<String> notes = new ArrayList<>();
  private final Map<String, String> environment = new HashMap<>();

  @BeforeEach
  void start() throws IOException {
    server = new HubServer();
    server.model(NAME)
        .file("config.json", "{}").file("tokenizer.json", "{\"a\": 1}").file("tokenizer_config.json", "{}")
        .file("README.md", "# tiny").file("model.safetensors", WEIGHTS).file("pytorch_model.bin", "pickle")
        .file("onnx/model.onnx", "other").file("LICENSE.txt", "free");
    environment.put("HF_HOME", folder.resolve("hf").toString());
    environment.put("HF_ENDPOINT", server.endpoint() + "/");
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private static byte[] bytes(int count) {
    byte[] bytes = new byte[count];
    new Random(1).nextBytes(bytes);
    return bytes;
  }

  private Hub hub() {
    return new Hub(HubSettings.of(environment, folder), new HubListener() {
      @Override
      public void note(String line) {
        notes.add(line);
      }
    }, Duration.ofMillis(1));
  }

  private Hub.Model fetch(String name) {
    return hub().model(ModelName.parse(name).orElseThrow());
  }

  private Path repository() {
    return folder.resolve("hf/hub/models--org--tiny");
  }

  private List<Path> blobs() throws IOException {
    try (Stream<Path> blobs = Files.list(repository().resolve("blobs"))) {
      return blobs.toList();
    }
  }

  private List<HubServer.Request> toCdn() {
    return server.requests().stream().filter(HubServer.Request::cdn).toList();
  }

  @Test
  void aModelIsLaidOutAsHuggingfaceHubDoes() throws IOException {
    Hub.Model model = fetch(NAME);
    String commit = server.model(NAME).commit();
    assertThat(model.name()).hasToString(NAME + "@" + commit);
    assertThat(model.path()).isEqualTo(repository().resolve("snapshots").resolve(commit));
    assertThat(model.path()).isDirectoryNotContaining("glob:**{README.md,pytorch_model.bin,onnx}");
    assertThat(repository().resolve("refs/main")).hasContent(commit);
    String etag = server.model(NAME).etag("model.safetensors");
    Path weights = model.path().resolve("model.safetensors");
    assertThat(weights).hasBinaryContent(WEIGHTS);
    assertThat(Files.readSymbolicLink(weights)).isEqualTo(Path.of("../../blobs").resolve(etag));
    assertThat(repository().resolve("blobs").resolve(server.model(NAME).etag("config.json"))).hasContent("{}");
    assertThat(blobs()).noneMatch(blob -> blob.toString().contains("incomplete"));
    assertThat(repository().resolve(".no_exist").resolve(commit).resolve("generation_config.json")).isEmptyFile();
    assertThat(folder.resolve("hf/hub/CACHEDIR.TAG")).content().startsWith("Signature: 8a477f597d28d172789f06886806bc55");
    JsonNode tree = new ObjectMapper().readTree(repository().resolve("trees/" + commit + ".json").toFile());
    assertThat(tree.get("format_version").asInt()).isEqualTo(1);
    assertThat(tree.at("/files/model.safetensors/lfs_sha256").asText()).isEqualTo(etag);
    assertThat(tree.get("files")).hasSize(8); // all pages
    assertThat(Repo.ofCached(weights)).contains(new Repo(Repo.Kind.MODEL, NAME, commit));
  }

  @Test
  void whatIsThereIsNotAskedForAgain() {
    Hub.Model model = fetch(NAME);
    server.forgetRequests();
    assertThat(fetch(model.name().toString())).isEqualTo(model);
    assertThat(server.requests()).isEmpty();
    assertThat(fetch(NAME)).isEqualTo(model);
    assertThat(server.requests()).hasSize(1); // what main is now
  }

  @Test
  void aNewCommitSharesTheBlobs() {
    fetch(NAME);
    server.model(NAME).file("config.json", "{\"new\": true}");
    server.forgetRequests();
    assertThat(fetch(NAME).path().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
    assertThat(toCdn()).isEmpty();
  }

  @Test
  void theTokenReachesTheHubAlone() throws IOException {
    server.model(NAME).secret("hf_secret");
    Path token = folder.resolve("hf/token");
    Files.createDirectories(token.getParent());
    Files.writeString(token, "hf_secret\n");
    fetch(NAME);
    assertThat(toCdn()).isNotEmpty().allSatisfy(request -> assertThat(request.authorization()).isNull());
    assertThat(server.requests()).filteredOn(request -> !request.cdn())
        .allSatisfy(request -> assertThat(request.authorization()).isEqualTo("Bearer hf_secret"));
  }

  @Test
  void aCutDownloadGoesOnWhereItEnded() throws IOException {
    server.cut(100_000, 2);
    assertThat(fetch(NAME).path().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
    List<String> ranges = toCdn().stream().map(HubServer.Request::range).toList();
    assertThat(ranges).hasSize(3).startsWith((String) null);
    // a connection that is cut may take sent bytes with it
    assertThat(from(ranges.get(1))).isBetween(1, 100_000);
    assertThat(from(ranges.get(2))).isBetween(from(ranges.get(1)) + 1, from(ranges.get(1)) + 100_000);
  }

  private static int from(String range) {
    return Integer.parseInt(range.replaceAll("bytes=|-$", ""));
  }

  @Test
  void aLaterDownloadGoesOnToo() throws IOException {
    Hub stopped = new Hub(HubSettings.of(environment, folder), new HubListener() {
      @Override
      public void fetched(long bytes) {
        if (bytes > 60_000) {
          throw new IllegalStateException("stop");
        }
      }
    }, Duration.ofMillis(1));
    assertThatThrownBy(() -> stopped.model(ModelName.parse(NAME).orElseThrow())).hasMessage("stop");
    assertThat(blobs()).anyMatch(blob -> blob.toString().endsWith(".incomplete"));
    server.forgetRequests();
    assertThat(fetch(NAME).path().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
    assertThat(toCdn()).singleElement().extracting(HubServer.Request::range).asString().matches("bytes=[1-9]\\d+-");
    assertThat(blobs()).noneMatch(blob -> blob.toString().endsWith(".incomplete"));
  }

  @Test
  void aConnectionThatStallsIsGivenUp() {
    environment.put("HF_HUB_DOWNLOAD_TIMEOUT", "1");
    server.hang(20_000);
    assertThat(fetch(NAME).path().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
    assertThat(toCdn()).extracting(HubServer.Request::range).containsExactly(null, "bytes=65536-");
  }

  @Test
  void aServerThatIgnoresRangesBeginsAgain() {
    server.cut(100_000, 1);
    server.ignoreRange();
    assertThat(fetch(NAME).path().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
    assertThat(toCdn()).hasSize(2);
  }

  @ParameterizedTest
  @CsvSource({"100", "400000", "300000"})
  void leftoversThatAreWrongAreNoHarm(int bytes) throws IOException {
    Path blobs = Files.createDirectories(repository().resolve("blobs"));
    Files.write(blobs.resolve(server.model(NAME).etag("model.safetensors") + ".incomplete"), new byte[bytes]);
    assertThat(fetch(NAME).path().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
  }

  @Test
  void aWrongChecksumIsRefusedAndNothingOfItStays() throws IOException {
    server.corrupt(true);
    assertThatThrownBy(() -> fetch(NAME)).isInstanceOf(HubException.class)
        .hasMessageContaining("model.safetensors came with another checksum").hasMessageContaining("try again");
    assertThat(blobs()).noneMatch(blob -> blob.toString().contains(server.model(NAME).etag("model.safetensors")));
    server.corrupt(false);
    assertThat(fetch(NAME).path().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
  }

  @Test
  void aBusyServerIsAskedAgain() {
    server.failWith(503, 429, 500);
    assertThat(fetch(NAME).path().resolve("config.json")).exists();
    server.failWith(429, 429, 429, 429, 429, 429);
    environment.put("HF_HUB_CACHE", folder.resolve("other").toString());
    assertThatThrownBy(() -> fetch(NAME)).isInstanceOf(HubException.class)
        .hasMessageContaining("429, too many requests; wait some minutes, or log in (HF_TOKEN)");
  }

  @Test
  void twoAtOnceFetchOnce() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(2);
    Callable<Hub.Model> fetch = () -> fetch(NAME);
    try {
      for (Future<Hub.Model> model : threads.invokeAll(List.of(fetch, fetch))) {
        assertThat(model.get().path().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
      }
    } finally {
      threads.shutdownNow();
    }
    assertThat(toCdn()).hasSize(1);
  }

  @Test
  void offlineNothingIsAsked() throws IOException {
    Hub.Model model = fetch(NAME);
    server.forgetRequests();
    environment.put("HF_HUB_OFFLINE", "yes");
    assertThat(fetch(NAME)).isEqualTo(model);
    Files.delete(model.path().resolve("LICENSE.txt")); // as other programs would have left it out
    assertThat(fetch(NAME)).isEqualTo(model);
    Files.delete(model.path().resolve("model.safetensors"));
    assertThatThrownBy(() -> fetch(NAME)).isInstanceOf(HubMissingException.class).hasMessage(NAME
        + ": model.safetensors is not in the cache " + folder.resolve("hf/hub") + " (commit "
        + server.model(NAME).commit() + "), and nothing is fetched while offline; where there is a network run: "
        + "thanora download org/tiny");
    assertThatThrownBy(() -> fetch("org/other@v1")).isInstanceOf(HubMissingException.class)
        .hasMessageContaining("thanora download org/other@v1");
    assertThat(server.requests()).isEmpty();
  }

  @Test
  void theCacheIsTakenWhereNobodyAnswers() {
    Hub.Model model = fetch(NAME);
    server.close();
    assertThat(fetch(NAME)).isEqualTo(model);
    assertThat(notes).singleElement().asString().contains("cannot be reached")
        .endsWith("the cached commit " + server.model(NAME).commit() + " is taken");
    assertThatThrownBy(() -> fetch("org/other")).isInstanceOf(HubException.class)
        .hasMessageContaining("127.0.0.1").hasMessageContaining("cannot be reached").hasMessageContaining("check the network");
  }

  @Test
  void withoutLinksThereAreFiles() throws IOException {
    environment.put("HF_HUB_DISABLE_SYMLINKS", "1");
    Path weights = fetch(NAME).path().resolve("model.safetensors");
    assertThat(weights).hasBinaryContent(WEIGHTS);
    assertThat(Files.isSymbolicLink(weights)).isFalse();
    assertThat(blobs()).isEmpty();
  }

  @Test
  void eachRefusalSaysWhatToDo() {
    server.model("org/gated").file("config.json", "{}").file("tokenizer.json", "{}").file("model.safetensors", WEIGHTS).gated();
    server.model("org/mine").file("config.json", "{}").secret("hf_secret");
    assertThatThrownBy(() -> fetch("org/gated")).isInstanceOf(HubMissingException.class).hasMessage(
        "org/gated@" + server.model("org/gated").commit() + ": is gated; accept its terms at " + server.endpoint()
            + "/org/gated, and give a token of that account as HF_TOKEN");
    for (String name : List.of("org/mine", "org/nowhere")) {
      assertThatThrownBy(() -> fetch(name)).isInstanceOf(HubMissingException.class)
          .hasMessageStartingWith(name + ": no folder here and no model of 127.0.0.1:")
          .hasMessageEndingWith("has that name, or it is private "
              + "(401); check the name, or give a token that may read it as HF_TOKEN");
    }
    environment.put("HF_TOKEN", "hf_other");
    assertThatThrownBy(() -> fetch("org/mine")).hasMessageContaining("(404); check the name, and whether the token")
        .hasMessageNotContaining("hf_other");
    assertThatThrownBy(() -> fetch(NAME + "@v9")).isInstanceOf(HubMissingException.class)
        .hasMessageContaining("there is no revision v9");
  }

  @Test
  void whatIsNoModelIsRefused() {
    server.model("org/pickles").file("config.json", "{}").file("tokenizer.json", "{}").file("pytorch_model.bin", "x");
    server.model("org/adapter").file("adapter_config.json", "{}").file("adapter_model.safetensors", WEIGHTS);
    server.model("org/ggufs").file("a.gguf", WEIGHTS).file("b.gguf", WEIGHTS);
    assertThatThrownBy(() -> fetch("org/pickles")).hasMessageContaining("pickles of PyTorch, which are not read");
    assertThatThrownBy(() -> fetch("org/adapter")).hasMessageContaining("it is an adapter");
    assertThatThrownBy(() -> fetch("org/ggufs"))
        .hasMessageEndingWith("holds 2 GGUF files; name one, such as org/ggufs/a.gguf");
    Path one = fetch("org/ggufs/b.gguf").path();
    assertThat(one).hasFileName("b.gguf").hasBinaryContent(WEIGHTS);
    assertThat(one.resolveSibling("a.gguf")).doesNotExist();
    assertThatThrownBy(() -> fetch("org/ggufs/c.gguf")).hasMessage("org/ggufs: has no file c.gguf; check the name");
  }

  @Test
  void shardsAreThoseOfTheIndex() {
    server.model("org/large").file("config.json", "{}").file("tokenizer.json", "{}")
        .file("model.safetensors.index.json", "{\"weight_map\": {\"a\": \"s-1.safetensors\", \"b\": \"s-2.safetensors\"}}")
        .file("s-1.safetensors", bytes(10)).file("s-2.safetensors", bytes(20)).file("consolidated.safetensors", bytes(30));
    assertThat(fetch("org/large").path()).isDirectoryContaining("glob:**/s-2.safetensors")
        .isDirectoryNotContaining("glob:**/consolidated.safetensors");
  }

  @Test
  void aPathOutOfTheRepositoryIsRefused() {
    server.model("org/evil").file("config.json", "{}").file("../../tokenizer.json", "{}");
    assertThatThrownBy(() -> fetch("org/evil")).hasMessageContaining("no path below a repository");
    assertThat(folder.resolve("hf/hub/models--org--evil/snapshots")).doesNotExist();
  }

  @Test
  void aFullDiskIsSeenBefore() throws IOException {
    String commit = "0".repeat(40);
    Path tree = repository().resolve("trees").resolve(commit + ".json");
    Files.createDirectories(tree.getParent());
    Files.writeString(tree, """
        {"format_version": 1, "files": {"model.gguf": {"size": 1, "blob_id": "x", "lfs_sha256": "y",
         "lfs_size": 4611686018427387904}}}""");
    assertThatThrownBy(() -> fetch(NAME + "/model.gguf@" + commit)).hasMessageStartingWith(folder.resolve("hf/hub") + ": has ")
        .hasMessageContaining(" MiB free, but 4398046511105 MiB of " + NAME)
        .hasMessageEndingWith("make room, or name another folder as HF_HUB_CACHE");
  }

  @Test
  void aDownloadThatFailsLeavesTheCommitOfBefore() {
    Hub.Model before = fetch(NAME);
    server.model(NAME).file("model.safetensors", bytes(200_000));
    server.corrupt(true);
    assertThatThrownBy(() -> fetch(NAME)).hasMessageContaining("came with another checksum");
    environment.put("HF_HUB_OFFLINE", "1");
    assertThat(fetch(NAME)).isEqualTo(before);
  }

  @Test
  void aRenamedModelIsFound() {
    server.model("old/name").movedTo(NAME);
    assertThat(fetch("old/name").path().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
  }
}
