package thanora.hub;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/** Which files of a repository a model needs: not the weights of other programs, nor pictures. */
final class ModelFiles {
  private static final String CONFIG = "config.json";
  private static final String TOKENIZER = "tokenizer.json";
  private static final String SINGLE = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";

  /** Files that say more of a model where they are there. */
  static final List<String> OPTIONAL = List.of("generation_config.json", "special_tokens_map.json",
      "added_tokens.json", "chat_template.jinja", "chat_template.json", "tokenizer_config.json");

  /** Files that go with a model to others; we can do without. */
  private static final Pattern EXTRA =
      Pattern.compile("tokenizer[^/]*|(?i:licen[cs]e|notice|use_policy)[^/]*");

  private static final ObjectMapper JSON = new ObjectMapper();

  private ModelFiles() {}

  /**
   * Paths of the files, whether they are in the cache or not.
   *
   * @param file the GGUF file that is all of the model
   * @throws HubMissingException if the repository holds no model that can be read
   */
  static List<String> of(Snapshot snapshot, Optional<String> file) {
    if (file.isPresent()) {
      return List.of(file.get());
    }
    Set<String> names = snapshot.names();
    if (snapshot.isListed() && !names.contains(CONFIG)) {
      return List.of(onlyGguf(snapshot, names));
    }
    if (snapshot.isListed() && !names.contains(TOKENIZER)) {
      throw new HubMissingException(snapshot.repo().name() + ": has no " + TOKENIZER
          + "; take a repository that has one, or a GGUF file");
    }
    List<String> files = new ArrayList<>(List.of(CONFIG, TOKENIZER));
    names.stream().filter(name -> OPTIONAL.contains(name) || snapshot.canFetch() && EXTRA.matcher(name).matches())
        .forEach(files::add);
    files.addAll(weights(snapshot, names));
    return files;
  }

  private static List<String> weights(Snapshot snapshot, Set<String> names) {
    if (names.contains(INDEX)) {
      List<String> files = new ArrayList<>(shards(snapshot));
      files.add(0, INDEX);
      return files;
    }
    if (snapshot.isListed() && !names.contains(SINGLE)) {
      throw new HubMissingException(snapshot.repo() + ": has no " + SINGLE + " and no " + INDEX + (names.stream()
          .anyMatch(name -> name.endsWith(".bin")) ? ", but pickles of PyTorch, which are not read" : "")
          + "; take a repository with safetensors");
    }
    return List.of(SINGLE);
  }

  private static List<String> shards(Snapshot snapshot) {
    try {
      List<String> shards = new ArrayList<>();
      for (JsonNode shard : JSON.readTree(snapshot.text(INDEX)).path("weight_map")) {
        if (HubFile.isPlain(shard.asText()) && !shards.contains(shard.asText())) {
          shards.add(shard.asText());
        }
      }
      return shards;
    } catch (JsonProcessingException e) {
      throw new HubException(snapshot.path(INDEX) + ": is no JSON; remove it to fetch it again", e);
    }
  }

  private static String onlyGguf(Snapshot snapshot, Set<String> names) {
    List<String> ggufs = names.stream().filter(name -> name.endsWith(".gguf")).toList();
    if (ggufs.size() == 1) {
      return ggufs.get(0);
    }
    String name = snapshot.repo().name();
    throw new HubMissingException(ggufs.isEmpty()
        ? snapshot.repo() + ": has no config.json" + (names.contains("adapter_config.json")
            ? "; it is an adapter, name the model it is for" : " and no .gguf file, so it is no model; check the name")
        : snapshot.repo() + ": holds " + ggufs.size() + " GGUF files; name one, such as " + name + "/" + ggufs.get(0));
  }
}
