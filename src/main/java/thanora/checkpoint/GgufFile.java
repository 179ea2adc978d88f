package thanora.checkpoint;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;

/**
 * A GGUF file as a Hugging Face model: weights decoded to float32 under Hugging Face names,
 * {@code config.json}, {@code tokenizer.json} and {@code tokenizer_config.json} rebuilt from its
 * metadata.
 *
 * <p>Architectures of {@link GgufFamily}, dense; types F32, F16, BF16, Q8_0, Q4_0, Q4_1,
 * Q5_0, Q5_1, Q4_K, Q5_K and Q6_K. Anything else is refused by name.
 */
public final class GgufFile implements AutoCloseable {
  private final GgufHeader header;
  private final GgufMetadata metadata;
  private final GgufConfig config;

  private GgufFile(FileBytes file) {
    header = GgufHeader.read(file);
    metadata = new GgufMetadata(header);
    config = new GgufConfig(header, metadata);
  }

  /**
   * Opens a file and checks its header.
   *
   * @throws CheckpointException naming the file and the rule it breaks
   */
  public static GgufFile open(Path path) {
    FileBytes file = FileBytes.open(path);
    try {
      return new GgufFile(file);
    } catch (RuntimeException e) {
      file.close();
      throw e;
    }
  }

  /** Metadata by key: Long, Float, Double, Boolean, String, or a List of these. */
  public Map<String, Object> metadata() {
    return Collections.unmodifiableMap(header.metadata());
  }

  /** The weights under Hugging Face names; closing them closes the file. */
  public Weights weights() {
    return new GgufWeights(header, target());
  }

  /** How this file names and orders tensors, and those of one dimension that are no weights. */
  GgufTarget target() {
    return new GgufTarget(config.family(), TextConfig.ALONE, config.queryHeads(), config.keyHeads(),
        GgufWeights.extras(header));
  }

  /** What {@code config.json} would hold. */
  public ObjectNode config() {
    return config.json();
  }

  /** What {@code generation_config.json} would hold: the special tokens. */
  public ObjectNode generationConfig() {
    return config.generationJson();
  }

  /**
   * The text of {@code tokenizer.json}.
   *
   * @throws CheckpointException if the tokenizer or its pre-tokenizer is not known, by name
   */
  public String tokenizerJson() {
    return new GgufTokenizer(metadata).json();
  }

  /** The text of {@code tokenizer_config.json}, with the chat template. */
  public String tokenizerConfig() {
    return new GgufTokenizer(metadata).configJson();
  }

  /** The chat template, if the file has one. */
  public Optional<String> chatTemplate() {
    return metadata.text("tokenizer.chat_template");
  }

  GgufHeader header() {
    return header;
  }

  @Override
  public void close() {
    header.file().close();
  }
}
