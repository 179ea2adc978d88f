package thanora.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** A Hugging Face folder: {@code config.json}, safetensors (single or sharded), tokenizer files. */
final class FolderCheckpoint implements Checkpoint {
  static final String CONFIG = "config.json";
  static final String TOKENIZER = "tokenizer.json";
  static final String TOKENIZER_CONFIG = "tokenizer_config.json";
  static final String GENERATION_CONFIG = "generation_config.json";

  private static final String SINGLE = "model.safetensors";
  private static final String TEMPLATE = "chat_template.jinja";
  private static final String OLD_TEMPLATE = "chat_template.json";
  private static final String PROCESSOR = "processor_config.json";
  private static final Set<String> COMPANIONS = Set.of(CONFIG, TOKENIZER, TOKENIZER_CONFIG,
      GENERATION_CONFIG, TEMPLATE, "tokenizer.model", "special_tokens_map.json",
      "added_tokens.json", OLD_TEMPLATE, PROCESSOR, "preprocessor_config.json", "image_processor_config.json",
      "video_preprocessor_config.json", "vocab.json", "vocab.txt", "merges.txt");

  private final Path folder;
  private final ObjectNode config;
  private final ModuleNames weights;
  private final Collection<SafetensorsFile> files;

  private FolderCheckpoint(Path folder) {
    this.folder = folder;
    config = Json.object(folder.resolve(CONFIG));
    if (config.hasNonNull("quantization_config")) {
      throw new CheckpointException(folder.resolve(CONFIG) + ": the model is quantised ("
          + config.path("quantization_config").path("quant_method").asText("unknown method")
          + "), which is not supported; use the model it was made from");
    }
    Path single = folder.resolve(SINGLE);
    Path index = folder.resolve(ShardedWeights.INDEX);
    if (Files.exists(single)) {
      SafetensorsFile file = SafetensorsFile.open(single);
      weights = new ModuleNames(file);
      files = List.of(file);
    } else if (Files.exists(index)) {
      ShardedWeights shards = ShardedWeights.open(index);
      weights = new ModuleNames(shards);
      files = shards.shards();
    } else {
      throw noWeights(folder);
    }
  }

  static FolderCheckpoint open(Path folder) {
    return new FolderCheckpoint(folder);
  }

  private static CheckpointException noWeights(Path folder) {
    Optional<Path> pickle = list(folder).stream().filter(file ->
        file.getFileName().toString().matches(".*\\.(bin|pt|pth|ckpt)(\\.index\\.json)?"))
            .findFirst();
    return new CheckpointException(pickle
        .map(file -> file + ": is a PyTorch pickle, which is never opened because it can run code; "
            + "convert it with transformers: save_pretrained(..., safe_serialization=True)")
        .orElse(folder + ": has neither " + SINGLE + " nor " + ShardedWeights.INDEX));
  }

  private static List<Path> list(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().toList();
    } catch (IOException e) {
      throw new CheckpointException(folder + ": cannot be listed (" + e.getMessage() + ")", e);
    }
  }

  @Override
  public ObjectNode config() {
    return config.deepCopy();
  }

  @Override
  public Weights weights() {
    return weights;
  }

  @Override
  public String storedName(String tensor) {
    return weights.stored(tensor);
  }

  @Override
  public String tokenizerJson() {
    Path file = folder.resolve(TOKENIZER);
    if (!Files.exists(file)) {
      throw new CheckpointException(file + ": is missing; save it with transformers: "
          + "AutoTokenizer.from_pretrained(...).save_pretrained(...)");
    }
    return Json.text(file);
  }

  @Override
  public Optional<String> tokenizerConfigJson() {
    return text(TOKENIZER_CONFIG);
  }

  @Override
  public Optional<String> chatTemplate() {
    return text(TEMPLATE).or(() -> Stream.of(OLD_TEMPLATE, PROCESSOR, TOKENIZER_CONFIG)
        .flatMap(file -> configuredTemplate(file).stream()).findFirst());
  }

  /** A string, or a list of named templates of which {@code default} counts. */
  private Optional<String> configuredTemplate(String file) {
    if (!Files.exists(folder.resolve(file))) {
      return Optional.empty();
    }
    JsonNode node = Json.object(folder.resolve(file)).path("chat_template");
    if (node.isTextual()) {
      return Optional.of(node.textValue());
    }
    for (JsonNode named : node) {
      if (named.path("name").asText().equals("default") && named.path("template").isTextual()) {
        return Optional.of(named.get("template").textValue());
      }
    }
    return Optional.empty();
  }

  private Optional<String> text(String name) {
    Path file = folder.resolve(name);
    return Files.exists(file) ? Optional.of(Json.text(file)) : Optional.empty();
  }

  @Override
  public Path source() {
    return folder;
  }

  @Override
  public String fingerprint() {
    Fingerprint print = new Fingerprint();
    print.add(config.toString()).add(text(TOKENIZER).orElse(""));
    for (SafetensorsFile file : files) {
      print.addHeader(file.file(), file.header().dataStart());
      file.header().slots().values()
          .forEach(slot -> print.addSample(file.file(), slot.position(), slot.bytes()));
    }
    return print.hex();
  }

  @Override
  public void copyCompanions(Path target) {
    try {
      if (Files.isSameFile(folder, target)) {
        throw new CheckpointException(target + ": is the model itself; choose another folder");
      }
      for (Path file : list(folder)) {
        String name = file.getFileName().toString();
        if (Files.isRegularFile(file) && (COMPANIONS.contains(name) || isLicence(name))) {
          byte[] bytes = Files.readAllBytes(file);
          WholeFile.write(target.resolve(name),
              channel -> WholeFile.writeFully(channel, ByteBuffer.wrap(bytes)));
        }
      }
    } catch (IOException e) {
      throw new CheckpointException(target + ": cannot be written (" + e + ")", e);
    }
  }

  @Override
  public GgufTarget gguf() {
    return new GgufKeys(TextConfig.of(config)).target(TextConfig.modules(config));
  }

  @Override
  public GgufValues ggufMetadata() {
    ObjectNode text = TextConfig.of(config);
    GgufValues values = new GgufKeys(text).values(folder.toAbsolutePath().normalize().getFileName().toString());
    String source = folder.toString();
    new GgufVocabulary(source, tokenizerJson(), tokenizerConfigJson(), text)
        .addTo(values, source, chatTemplate());
    return values;
  }

  private static boolean isLicence(String name) {
    String upper = name.toUpperCase(Locale.ROOT);
    return Stream.of("LICENSE", "LICENCE", "NOTICE", "USE_POLICY").anyMatch(upper::startsWith);
  }

  @Override
  public void close() {
    weights.close();
  }
}
