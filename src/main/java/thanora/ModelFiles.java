package thanora;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Supplier;
import thanora.checkpoint.Checkpoint;
import thanora.checkpoint.CheckpointException;
import thanora.data.EncodedRow;
import thanora.data.Row;
import thanora.model.ModelConfig;
import thanora.text.Encoded;
import thanora.text.PromptFormat;
import thanora.text.Special;
import thanora.text.Tokenizer;

/**
 * A model's files: everything but its weights, of which only the headers were read.
 *
 * @param checkpoint open
 */
record ModelFiles(Checkpoint checkpoint, Tokenizer tokenizer, PromptFormat format, ModelConfig config)
    implements AutoCloseable {

  /**
   * Opens them.
   *
   * @param path a Hugging Face folder, a GGUF file, or {@code demo}
   * @throws IllegalArgumentException if there is no such model
   * @throws CheckpointException naming file and fault
   */
  static ModelFiles open(String path) {
    if (!Files.exists(resolve(path))) {
      throw new IllegalArgumentException("model " + path
          + " does not exist; give a Hugging Face folder, a .gguf file or demo");
    }
    Checkpoint checkpoint = Checkpoint.open(resolve(path));
    try {
      Tokenizer tokenizer = tokenizer(checkpoint);
      Path source = checkpoint.source();
      ModelConfig config = of(source, () -> ModelConfig.from(checkpoint.config()));
      if (tokenizer.vocabularySize() > config.vocabulary()) {
        throw new CheckpointException(source + ": the tokenizer has ids up to "
            + (tokenizer.vocabularySize() - 1) + ", the embedding " + config.vocabulary()
            + " rows; tokenizer and weights are of different models");
      }
      return new ModelFiles(checkpoint, tokenizer, PromptFormat.of(tokenizer), config);
    } catch (RuntimeException e) {
      checkpoint.close();
      throw e;
    }
  }

  /** The path that a recipe's {@code model} means. */
  static Path resolve(String model) {
    return model.equals(Recipe.DEMO_MODEL)
        ? Path.of(System.getProperty("thanora.home", "")).resolve("demo").resolve("model")
        : Path.of(model);
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
  static EncodedRow encode(PromptFormat format, Row row) {
    Encoded encoded = format.encode(row.prompt(), row.completion());
    return new EncodedRow(encoded.ids(), encoded.promptLength());
  }

  /**
   * The linear layers that a recipe's {@code lora.target_modules} means, in the model's order.
   *
   * @param all linear layers of the model
   * @throws RecipeException naming every target that matches nothing, and what there is
   */
  static List<String> targets(List<String> names, Collection<String> all) {
    if (names.equals(List.of(Recipe.Lora.ALL_LINEAR))) {
      return List.copyOf(all);
    }
    Set<String> chosen = new LinkedHashSet<>();
    List<String> problems = new ArrayList<>();
    for (String name : names) {
      List<String> matches = all.stream()
          .filter(module -> module.equals(name) || module.endsWith("." + name)).toList();
      if (matches.isEmpty()) {
        problems.add("lora.target_modules: " + name + " matches no linear layer; there are "
            + String.join(", ", all.stream()
                .map(module -> module.substring(module.lastIndexOf('.') + 1)).distinct().toList()));
      }
      chosen.addAll(matches);
    }
    if (!problems.isEmpty()) {
      throw new RecipeException(problems);
    }
    List<String> ordered = new ArrayList<>(all);
    ordered.retainAll(chosen);
    return ordered;
  }

  @Override
  public void close() {
    checkpoint.close();
  }
}
