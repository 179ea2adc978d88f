package thanora.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.type.TypeReference;
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
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Which files are which split: as the Python library datasets has it, and through the cache. */
class DatasetTest {
  @TempDir Path folder;
  private HubServer server;
  private final Map<String, String> environment = new HashMap<>();

  @BeforeEach
  void start() throws IOException {
    server = new HubServer();
    environment.put("HF_HUB_CACHE", folder.toString());
    environment.put("HF_ENDPOINT", server.endpoint());
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private Dataset dataset(String name, String config) {
    return new Hub(HubSettings.of(environment, folder), HubListener.SILENT, Duration.ofMillis(1))
        .dataset(Repo.dataset(name), Optional.ofNullable(config));
  }

  static Stream<JsonNode> cases() throws IOException {
    List<JsonNode> cases = new ArrayList<>();
    new ObjectMapper().readTree(Path.of("src/test/resources/golden/hub/datasets.json").toFile()).forEach(cases::add);
    return cases.stream();
  }

  /** The listing alone counts, so the cache is filled with it and there is no server. */
  @ParameterizedTest
  @MethodSource("cases")
  void splitsAreThoseOfTheLibrary(JsonNode wanted) throws IOException {
    environment.put("HF_HUB_OFFLINE", "1");
    Path snapshot = folder.resolve("datasets--org--set/snapshots").resolve("0".repeat(40));
    for (JsonNode file : wanted.get("files")) {
      Files.createDirectories(snapshot.resolve(file.asText()).getParent());
      Files.writeString(snapshot.resolve(file.asText()), "{}");
    }
    if (wanted.get("readme").isTextual()) {
      Files.writeString(snapshot.resolve("README.md"), wanted.get("readme").asText());
    }
    Dataset dataset = dataset("org/set@" + "0".repeat(40), wanted.get("config").textValue());
    Map<String, List<String>> splits = new TreeMap<>();
    dataset.splits().forEach(split -> splits.put(split,
        dataset.split(split).stream().map(path -> snapshot.relativize(path).toString()).toList()));
    Map<String, List<String>> expected = new TreeMap<>();
    wanted.get("splits").properties().forEach(split -> expected.put(split.getKey(),
        new ObjectMapper().convertValue(split.getValue(), new TypeReference<>() {})));
    assertThat(splits).as(wanted.get("name").asText()).isEqualTo(expected);
  }

  @Test
  void onlyTheSplitsAskedForAreFetched() throws IOException {
    server.dataset("org/set").file("README.md", "# set").file("data/train-00000-of-00002.parquet", "one")
        .file("data/train-00001-of-00002.parquet", "two").file("data/test-00000-of-00001.parquet", "three");
    Dataset dataset = dataset("org/set", null);
    List<Path> train = dataset.split("train");
    assertThat(train).extracting(path -> Files.readString(path)).containsExactly("one", "two");
    assertThat(train.get(0).resolveSibling("test-00000-of-00001.parquet")).doesNotExist();
    assertThat(folder.resolve("datasets--org--set/refs/main")).hasContent(server.dataset("org/set").commit());
    assertThatThrownBy(() -> dataset.split("dev")).isInstanceOf(HubMissingException.class)
        .hasMessage("org/set: has no split dev; there are test, train");
  }

  @Test
  void aFolderIsAConfigurationWhereNoneIsWrittenDown() {
    server.dataset("set").file("en/train/0.parquet", "e").file("de/train/0.parquet", "d");
    assertThat(dataset("set@refs/convert/parquet", "de").split("train")).singleElement().asString()
        .endsWith("de/train/0.parquet");
    assertThatThrownBy(() -> dataset("set", "fr")).hasMessageContaining("has no configuration fr");
  }

  @Test
  void whatCannotBeChosenIsSaid() {
    server.dataset("org/two").file("README.md",
        "---\nconfigs:\n- config_name: a\n  data_files: a.jsonl\n- config_name: b\n  data_files: b.jsonl\n---\n")
        .file("a.jsonl", "{}");
    assertThatThrownBy(() -> dataset("org/two", null))
        .hasMessage("org/two: has several configurations; give one as config: a, b");
    assertThatThrownBy(() -> dataset("org/two", "c")).hasMessage("org/two: has no configuration c; there are a, b");
    assertThatThrownBy(() -> dataset("org/two", "b")).hasMessageContaining("the files of split train, b.jsonl, are not there");
    server.dataset("org/script").file("script.py", "import datasets").file("README.md", "# script");
    assertThatThrownBy(() -> dataset("org/script", null)).hasMessageContaining("try org/script@refs/convert/parquet");
    assertThatThrownBy(() -> dataset("org/none", null)).hasMessageContaining("has no such data set, or it is private");
    assertThatThrownBy(() -> dataset("a/b/c", null))
        .hasMessage("a/b/c is not the name of a data set; write it as ORG/NAME or ORG/NAME@REVISION");
  }
}
