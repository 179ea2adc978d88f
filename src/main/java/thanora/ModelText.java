package thanora;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import thanora.checkpoint.Checkpoint;
import thanora.checkpoint.CheckpointException;
import thanora.data.Row;
import thanora.model.ModelConfig;
import thanora.text.Encoded;
import thanora.text.PromptFormat;
import thanora.text.Special;
import thanora.text.Tokenizer;
import thanora.text.jinja.TemplateException;

/**
 * A pretrained model without its weights: all that is needed to turn rows into tokens.
 *
 * @param checkpoint where it comes from, still open
 * @param config its shape
 * @param tokenizer its own, maybe with another chat template
 * @param format how rows become tokens
 */
public record ModelText(
    Checkpoint checkpoint, ModelConfig config, Tokenizer tokenizer, PromptFormat format)
    implements AutoCloseable {

  /** Opens a model as it is. */
  static ModelText open(String path) {
    return open(path, tokenizer -> tokenizer, Map.of());
  }

  /**
   * Opens the model of a recipe, with its chat template.
   *
   * @throws IllegalArgumentException if there is no such model or template
   * @throws CheckpointException naming file and fault
   */
  public static ModelText open(Recipe recipe) {
    return open(
        recipe.model(),
        tokenizer -> recipe.chatTemplate()
            .map(file -> withTemplate(tokenizer, Path.of(file))).orElse(tokenizer),
        recipe.chatTemplateKwargs());
  }

  private static ModelText open(
      String path, UnaryOperator<Tokenizer> change, Map<String, Object> variables) {
    if (!Files.exists(resolve(path))) {
      throw new IllegalArgumentException("model " + path
          + " does not exist; give a Hugging Face folder, a .gguf file or demo");
    }
    Checkpoint checkpoint = Checkpoint.open(resolve(path));
    try {
      Tokenizer tokenizer = change.apply(tokenizer(checkpoint));
      Path source = checkpoint.source();
      ModelConfig config = of(source, () -> ModelConfig.from(checkpoint.config()));
      if (tokenizer.vocabularySize() > config.vocabulary()) {
        throw new CheckpointException(source + ": the tokenizer has ids up to "
            + (tokenizer.vocabularySize() - 1) + ", the embedding " + config.vocabulary()
            + " rows; tokenizer and weights are of different models");
      }
      PromptFormat format = PromptFormat.of(tokenizer, variables, LocalDateTime.now());
      return new ModelText(checkpoint, config, tokenizer, format);
    } catch (RuntimeException e) {
      checkpoint.close();
      throw e;
    }
  }

  private static Tokenizer withTemplate(Tokenizer tokenizer, Path file) {
    try {
      return tokenizer.withChatTemplate(Files.readString(file));
    } catch (TemplateException e) {
      throw new IllegalArgumentException("chat_template: " + file + ": " + e.getMessage(), e);
    } catch (IOException e) {
      throw new IllegalArgumentException(
          "chat_template: " + file + " cannot be read; give a file of UTF-8 text that you may read", e);
    }
  }

  /** Reads a part of a model; a fault of the file names the file, and is no wrong use. */
  static <T> T of(Path source, Supplier<T> read) {
    try {
      return read.get();
    } catch (IllegalArgumentException | CheckpointException e) {
      String fault = e.getMessage();
      throw new CheckpointException(
          fault.startsWith(source.toString()) ? fault : source + ": " + fault, e);
    }
  }

  /** The path that a recipe's {@code model} means. */
  static Path resolve(String model) {
    return model.equals(Recipe.DEMO_MODEL)
        ? Path.of(System.getProperty("thanora.home", "")).resolve("demo").resolve("model")
        : Path.of(model);
  }

  private static Tokenizer tokenizer(Checkpoint checkpoint) {
    if (checkpoint.source().toFile().isDirectory()) {
      return Tokenizer.of(checkpoint.source());
    }
    JsonNode config = checkpoint.config();
    OptionalInt eos = id(config, "eos_token_id");
    Set<Integer> ends = new LinkedHashSet<>();
    eos.ifPresent(ends::add);
    Special special =
        new Special(id(config, "bos_token_id"), eos, id(config, "pad_token_id"), OptionalInt.empty(), ends);
    return Tokenizer.of(checkpoint.tokenizerJson(), special, checkpoint.chatTemplate());
  }

  private static OptionalInt id(JsonNode config, String field) {
    return config.hasNonNull(field) ? OptionalInt.of(config.get(field).asInt()) : OptionalInt.empty();
  }

  /** A row as the model sees it. */
  public Encoded encode(Row row) {
    return encode(format, row);
  }

  static Encoded encode(PromptFormat format, Row row) {
    if (row instanceof Row.Pair pair) {
      return format.encode(pair.system(), pair.question(), pair.completion());
    }
    if (row instanceof Row.Text text) {
      return format.encodeText(text.text());
    }
    return format.encode(((Row.Conversation) row).chat());
  }

  @Override
  public void close() {
    checkpoint.close();
  }
}
