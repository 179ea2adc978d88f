package thanora.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The environment variables of huggingface_hub, and names. */
class HubSettingsTest {
  @TempDir Path home;

  private HubSettings of(String... pairs) {
    Map<String, String> environment = new HashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      environment.put(pairs[i], pairs[i + 1]);
    }
    return HubSettings.of(environment, home);
  }

  @Test
  void whatHoldsWithoutAny() {
    HubSettings settings = of();
    assertThat(settings).isEqualTo(new HubSettings(home.resolve(".cache/huggingface/hub"),
        URI.create("https://huggingface.co"), Optional.empty(), false, true, true,
        Duration.ofSeconds(10), Duration.ofSeconds(10)));
    assertThat(settings.host()).isEqualTo("huggingface.co");
  }

  @Test
  void foldersInTheirOrder() {
    assertThat(of("XDG_CACHE_HOME", "/x").cache()).isEqualTo(Path.of("/x/huggingface/hub"));
    assertThat(of("XDG_CACHE_HOME", "/x", "HF_HOME", "~/h").cache()).isEqualTo(home.resolve("h/hub"));
    assertThat(of("HF_HOME", "/h", "HUGGINGFACE_HUB_CACHE", "/old").cache()).isEqualTo(Path.of("/old"));
    assertThat(of("HF_HUB_CACHE", "$ROOT/a/${ROOT}/$NONE", "ROOT", "/r", "HUGGINGFACE_HUB_CACHE", "/old").cache())
        .isEqualTo(Path.of("/r/a//r/$NONE"));
  }

  @Test
  void theTokenIsTheVariablesOrTheFiles() throws IOException {
    Path file = Files.writeString(home.resolve("token"), "hf_file\r\n");
    assertThat(of("HF_HOME", home.toString()).token()).contains("hf_file");
    assertThat(of("HF_TOKEN_PATH", file.toString(), "HUGGING_FACE_HUB_TOKEN", "hf_old").token()).contains("hf_old");
    assertThat(of("HF_HOME", home.toString(), "HF_TOKEN", " hf_new\n").token()).contains("hf_new");
    assertThat(of("HF_TOKEN", "hf_new", "HF_HUB_DISABLE_IMPLICIT_TOKEN", "1").token()).isEmpty();
    assertThatThrownBy(() -> of("HF_TOKEN", "hf a")).isInstanceOf(HubException.class)
        .hasMessageContaining("has characters that no token has").hasMessageNotContaining("hf a");
  }

  @ParameterizedTest
  @CsvSource({"1,true", "on,true", "Yes,true", "TRUE,true", "0,false", "true!,false", "2,false"})
  void booleans(String value, boolean on) {
    assertThat(of("HF_HUB_OFFLINE", value).offline()).isEqualTo(on);
    assertThat(of("TRANSFORMERS_OFFLINE", value).offline()).isEqualTo(on);
    assertThat(of("HF_HUB_OFFLINE", "0", "TRANSFORMERS_OFFLINE", value).offline()).isFalse();
    assertThat(of("HF_HUB_DISABLE_SYMLINKS", value).symlinks()).isEqualTo(!on);
    assertThat(of("HF_HUB_DISABLE_PROGRESS_BARS", value).progress()).isEqualTo(!on);
  }

  @ParameterizedTest
  @CsvSource({
    "HF_ENDPOINT,hub.example,is not the address of a hub",
    "HF_HUB_ETAG_TIMEOUT,soon,is not a whole number of seconds; leave it out for 10"
  })
  void wrongValues(String name, String value, String fault) {
    assertThatThrownBy(() -> of(name, value)).isInstanceOf(HubException.class)
        .hasMessageStartingWith(name + " " + value).hasMessageContaining(fault);
  }

  @ParameterizedTest
  @ValueSource(strings = {"org/name", "org/name@v1.0", "o/n/file.gguf", "o/n/some/file.gguf@main-2", "Qwen/Qwen3-0.6B",
      "a_b/c.d@0123456789012345678901234567890123456789", "o/n@refs/pr/3"})
  void namesOfModels(String name) {
    assertThat(ModelName.parse(name)).get().hasToString(name);
  }

  @ParameterizedTest
  @ValueSource(strings = {"demo", "file.gguf", "models/file.gguf", "/a/b", "./a/b", "../a", "a/b/c", "a--b/c", "a/..b",
      "a/b@", "a/b@../c", "a/b.git", "-a/b", "~/models", "C:\\models", "a b/c", "o/n/../x.gguf", ""})
  void paths(String path) {
    assertThat(ModelName.parse(path)).isEmpty();
  }
}
