package thanora.hub;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which files of a repository are which split, by the rules of the Python library datasets: what the
 * front matter of README.md says under {@code configs}, else by the names of files and folders.
 */
final class DatasetFiles {
  private static final String README = "README.md";
  private static final YAMLMapper YAML = new YAMLMapper();
  private static final Pattern FRONT_MATTER = Pattern.compile("\\A---\\s*\\n(.*?\\n)---\\s*(?:\\n.*)?\\z", Pattern.DOTALL);
  private static final Pattern DATA = Pattern.compile(
      "(?i).*\\.(?:parquet|jsonl|ndjson|json|csv|tsv|arrow|txt)(?:\\.(?:gz|zst|bz2|xz|lz4))?");
  private static final Set<String> NO_DATA =
      Set.of("config.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json");

  /** Files in shards, as the library itself writes them. */
  private static final Pattern SHARD = Pattern.compile("data/([^/]*)-\\d{5}-of-\\d{5}[^/]*\\.[^/]*");

  /** Words that stand for a split in the name of a file or folder. */
  private static final Map<String, List<String>> WORDS = new LinkedHashMap<>();

  static {
    WORDS.put("train", List.of("train", "training"));
    WORDS.put("validation", List.of("validation", "valid", "dev", "val"));
    WORDS.put("test", List.of("test", "testing", "eval", "evaluation"));
  }

  private static final String SEPARATOR = "[-._ 0-9]";
  private static final List<String> FOLDERS = List.of("**/W/**", "**/WS*/**", "**/*SW/**", "**/*SWS*/**");
  private static final List<String> FILES = List.of("**/WS*", "**/*SWS*");

  private DatasetFiles() {}

  /** Split to paths, in order. */
  static Map<String, List<String>> of(Snapshot snapshot, Optional<String> config) {
    Map<String, JsonNode> configs = configs(snapshot);
    if (configs.isEmpty()) {
      return byName(snapshot, config.map(name -> name + "/").orElse(""), config);
    }
    JsonNode chosen = config.or(() -> defaultOf(configs)).map(configs::get).orElseThrow(
        () -> new HubMissingException(snapshot.repo().name() + ": "
            + config.map(name -> "has no configuration " + name + "; ").orElse("has several configurations; give ")
            + (config.isPresent() ? "there are " : "one as config: ") + String.join(", ", configs.keySet())));
    String folder = chosen.hasNonNull("data_dir")
        ? chosen.get("data_dir").asText().replaceAll("^\\./|/+$", "") + "/" : "";
    Map<String, List<String>> patterns = patterns(chosen.path("data_files"));
    if (patterns.isEmpty()) {
      return byName(snapshot, folder, config);
    }
    Map<String, List<String>> splits = new LinkedHashMap<>();
    Collection<String> names = sorted(snapshot.names());
    patterns.forEach((split, globs) -> {
      List<String> files = matching(names, globs.stream().map(glob -> folder + glob.replaceFirst("^\\./", "")).toList());
      if (files.isEmpty()) {
        throw new HubMissingException(snapshot.repo() + ": the files of split " + split + ", "
            + String.join(", ", globs) + ", are not there; give files of your own as train and test");
      }
      splits.put(split, files);
    });
    return splits;
  }

  /** What README.md says, by configuration. */
  private static Map<String, JsonNode> configs(Snapshot snapshot) {
    Map<String, JsonNode> configs = new LinkedHashMap<>();
    if (snapshot.names().contains(README)) {
      Matcher front = FRONT_MATTER.matcher(snapshot.text(README).replace("\r\n", "\n"));
      try {
        JsonNode card = front.matches() ? YAML.readTree(front.group(1)) : YAML.createObjectNode();
        card.path("configs").forEach(config -> configs.put(config.path("config_name").asText(), config));
      } catch (JsonProcessingException e) {
        throw new HubException(snapshot.repo() + ": the front matter of README.md is no YAML; "
            + "give files of your own as train and test", e);
      }
    }
    return configs;
  }

  private static Optional<String> defaultOf(Map<String, JsonNode> configs) {
    return configs.entrySet().stream()
        .filter(c -> configs.size() == 1 || c.getKey().equals("default") || c.getValue().path("default").asBoolean())
        .map(Map.Entry::getKey).findFirst();
  }

  /** Split to globs; files without a split are training rows. */
  private static Map<String, List<String>> patterns(JsonNode files) {
    Map<String, List<String>> patterns = new LinkedHashMap<>();
    for (JsonNode entry : files.isTextual() ? List.of(files) : files) {
      String split = entry.isObject() ? entry.path("split").asText("train") : "train";
      JsonNode path = entry.isObject() ? entry.path("path") : entry;
      List<String> globs = patterns.computeIfAbsent(split, name -> new ArrayList<>());
      for (JsonNode glob : path.isArray() ? path : List.of(path)) {
        globs.add(glob.asText());
      }
    }
    return patterns;
  }

  private static Map<String, List<String>> byName(Snapshot snapshot, String folder, Optional<String> config) {
    List<String> data = sorted(snapshot.names()).stream()
        .filter(name -> name.startsWith(folder) && isData(name.substring(folder.length())))
        .map(name -> name.substring(folder.length())).toList();
    if (data.isEmpty()) {
      throw new HubMissingException(snapshot.repo() + ": "
          + config.map(name -> "has no configuration " + name + ", that is, no data files in " + folder
              + "; check the name")
          .orElse("has no data files, perhaps only a program that makes them; try "
              + snapshot.repo().name() + "@refs/convert/parquet, where the hub keeps them as Parquet"));
    }
    Map<String, List<String>> splits = shards(data);
    for (List<String> globs : List.of(FOLDERS, FILES)) {
      if (splits.isEmpty()) {
        WORDS.forEach((split, words) -> {
          List<String> files = matching(data, globs(globs, words));
          if (!files.isEmpty()) {
            splits.put(split, files);
          }
        });
      }
    }
    if (splits.isEmpty()) {
      splits.put("train", data);
    }
    splits.replaceAll((split, files) -> files.stream().map(file -> folder + file).toList());
    return splits;
  }

  private static List<String> globs(List<String> forms, List<String> words) {
    return words.stream().flatMap(word -> forms.stream()
        .map(form -> form.replace("S", SEPARATOR).replace("W", word))).toList();
  }

  private static Map<String, List<String>> shards(List<String> data) {
    Map<String, List<String>> splits = new LinkedHashMap<>();
    for (String file : data) {
      Matcher shard = SHARD.matcher(file);
      if (shard.matches()) {
        splits.computeIfAbsent(shard.group(1), split -> new ArrayList<>()).add(file);
      }
    }
    return splits;
  }

  /** No hidden files, no cards, nothing that is not data. */
  private static boolean isData(String path) {
    boolean hidden = Arrays.stream(path.split("/")).anyMatch(part -> part.startsWith(".") || part.startsWith("__"));
    return !hidden && DATA.matcher(path).matches() && !NO_DATA.contains(path.substring(path.lastIndexOf('/') + 1));
  }

  private static List<String> matching(Collection<String> names, List<String> globs) {
    Set<String> found = new LinkedHashSet<>();
    for (String glob : globs) {
      Pattern pattern = Glob.compile(glob);
      names.stream().filter(name -> pattern.matcher(name).matches()).forEach(found::add);
    }
    return List.copyOf(found);
  }

  private static Collection<String> sorted(Set<String> names) {
    return new TreeSet<>(names);
  }
}
