package thanora.hub;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What the environment variables of huggingface_hub say.
 *
 * @param cache folder of repositories: {@code HF_HUB_CACHE}, or {@code hub} in {@code HF_HOME}
 * @param endpoint the hub, without a slash at the end: {@code HF_ENDPOINT}
 * @param token sent to the hub, and to nobody else
 * @param offline whether there is no HTTP at all
 * @param symlinks whether snapshots may link to blobs
 * @param progress whether downloads show their progress
 * @param metadataTimeout until a server begins to answer: {@code HF_HUB_ETAG_TIMEOUT}
 * @param dataTimeout until the next bytes of a file come: {@code HF_HUB_DOWNLOAD_TIMEOUT}
 */
public record HubSettings(
    Path cache,
    URI endpoint,
    Optional<String> token,
    boolean offline,
    boolean symlinks,
    boolean progress,
    Duration metadataTimeout,
    Duration dataTimeout) {
  private static final Set<String> TRUE = Set.of("1", "ON", "YES", "TRUE");
  private static final Pattern VARIABLE = Pattern.compile("\\$(?:(\\w+)|\\{([^}]*)})");

  /** Of this process's environment. */
  public static HubSettings standard() {
    return of(System.getenv(), Path.of(System.getProperty("user.home")));
  }

  /**
   * Of an environment.
   *
   * @param home the user's folder
   * @throws HubException if an address, a time or the token cannot be one
   */
  public static HubSettings of(Map<String, String> environment, Path home) {
    Variables variables = new Variables(environment, home);
    Path base = variables.path("HF_HOME").orElseGet(() -> variables.path("XDG_CACHE_HOME")
        .orElseGet(() -> home.resolve(".cache")).resolve("huggingface"));
    Path cache = variables.path("HF_HUB_CACHE").or(() -> variables.path("HUGGINGFACE_HUB_CACHE"))
        .orElseGet(() -> base.resolve("hub"));
    Path tokenFile = variables.path("HF_TOKEN_PATH").orElseGet(() -> base.resolve("token"));
    boolean implicit = !variables.isTrue("HF_HUB_DISABLE_IMPLICIT_TOKEN");
    return new HubSettings(
        cache.toAbsolutePath().normalize(),
        endpoint(variables.text("HF_ENDPOINT").orElse("https://huggingface.co")),
        implicit ? token(variables, tokenFile) : Optional.empty(),
        // as huggingface_hub: the second counts only where the first is not set
        variables.isTrue(variables.text("HF_HUB_OFFLINE").isPresent()
            ? "HF_HUB_OFFLINE" : "TRANSFORMERS_OFFLINE"),
        !variables.isTrue("HF_HUB_DISABLE_SYMLINKS"),
        !variables.isTrue("HF_HUB_DISABLE_PROGRESS_BARS"),
        variables.seconds("HF_HUB_ETAG_TIMEOUT"),
        variables.seconds("HF_HUB_DOWNLOAD_TIMEOUT"));
  }

  private static URI endpoint(String text) {
    String address = text.replaceAll("/+$", "");
    try {
      URI endpoint = URI.create(address);
      if (endpoint.getHost() != null && Set.of("http", "https").contains(endpoint.getScheme())) {
        return endpoint;
      }
    } catch (IllegalArgumentException notAnAddress) {
      // said below
    }
    throw new HubException("HF_ENDPOINT " + text + " is not the address of a hub; give it as "
        + "https://HOST, or leave it out for https://huggingface.co");
  }

  private static Optional<String> token(Variables variables, Path file) {
    Optional<String> token = variables.text("HF_TOKEN")
        .or(() -> variables.text("HUGGING_FACE_HUB_TOKEN")).or(() -> contents(file))
        .map(text -> text.replaceAll("[\\r\\n]", "").strip()).filter(text -> !text.isEmpty());
    if (token.isPresent() && !token.get().chars().allMatch(c -> c > 32 && c < 127)) {
      throw new HubException("the token of HF_TOKEN or " + file
          + " has characters that no token has; copy it again");
    }
    return token;
  }

  private static Optional<String> contents(Path file) {
    try {
      return Optional.of(Files.readString(file));
    } catch (IOException noToken) {
      return Optional.empty();
    }
  }

  /** The hub's name for people. */
  public String host() {
    return endpoint.getAuthority();
  }

  private record Variables(Map<String, String> environment, Path home) {
    Optional<String> text(String name) {
      return Optional.ofNullable(environment.get(name)).filter(value -> !value.isBlank());
    }

    boolean isTrue(String name) {
      return text(name).filter(value -> TRUE.contains(value.strip().toUpperCase(Locale.ROOT))).isPresent();
    }

    /** With {@code ~} and variables put in. */
    Optional<Path> path(String name) {
      return text(name).map(value -> {
        String whole = value.equals("~") || value.startsWith("~/") ? home + value.substring(1) : value;
        return Path.of(VARIABLE.matcher(whole).replaceAll(found -> Matcher.quoteReplacement(
            environment.getOrDefault(
                Stream.of(1, 2).map(found::group).filter(group -> group != null).findFirst().orElse(""),
                found.group()))));
      });
    }

    Duration seconds(String name) {
      String value = text(name).orElse("10").strip();
      if (!value.matches("\\d{1,6}") || Integer.parseInt(value) == 0) {
        throw new HubException(name + " " + value + " is not a whole number of seconds; leave it out for 10");
      }
      return Duration.ofSeconds(Integer.parseInt(value));
    }
  }
}
