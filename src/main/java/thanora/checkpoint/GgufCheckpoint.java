package thanora.checkpoint;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/** A GGUF file behind the interface of a Hugging Face folder. */
final class GgufCheckpoint implements Checkpoint {
  private static final Pattern TYPES_AND_PARTS = Pattern.compile(
      "general\\.(alignment|file_type|quantization_version|quantized_by)|split\\.|quantize\\.");

  private final Path path;
  private final GgufFile file;
  private final ObjectNode config;
  private final Weights weights;

  GgufCheckpoint(Path path, GgufFile file) {
    this.path = path;
    this.file = file;
    try {
      config = file.config();
      weights = file.weights();
    } catch (RuntimeException e) {
      file.close();
      throw e;
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
  public String tokenizerJson() {
    return file.tokenizerJson();
  }

  @Override
  public Optional<String> tokenizerConfigJson() {
    return Optional.of(file.tokenizerConfig());
  }

  @Override
  public Optional<String> chatTemplate() {
    return file.chatTemplate();
  }

  @Override
  public Path source() {
    return path;
  }

  /** {@inheritDoc} The header of the file holds configuration and tokenizer. */
  @Override
  public String fingerprint() {
    GgufHeader header = file.header();
    Fingerprint print = new Fingerprint().addHeader(header.file(), header.dataStart());
    header.tensors().values()
        .forEach(slot -> print.addSample(header.file(), slot.position(), slot.bytes()));
    return print.hex();
  }

  @Override
  public void copyCompanions(Path target) {
    Map<String, String> texts = Map.of(
        FolderCheckpoint.CONFIG, config.toPrettyString() + "\n",
        FolderCheckpoint.GENERATION_CONFIG, file.generationConfig().toPrettyString() + "\n",
        FolderCheckpoint.TOKENIZER, file.tokenizerJson(),
        FolderCheckpoint.TOKENIZER_CONFIG, file.tokenizerConfig());
    texts.forEach((name, text) -> WholeFile.write(target.resolve(name), text));
  }

  @Override
  public GgufTarget gguf() {
    return file.target();
  }

  /** {@inheritDoc} Those of the file itself, but what is said of its types and parts. */
  @Override
  public GgufValues ggufMetadata() {
    GgufValues values = new GgufValues();
    for (String key : file.metadata().keySet()) {
      if (!TYPES_AND_PARTS.matcher(key).lookingAt()) {
        values.entry(key, file.header().entry(key));
      }
    }
    return values;
  }

  @Override
  public void close() {
    weights.close();
  }
}
