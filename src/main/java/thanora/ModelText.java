package thanora;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import thanora.checkpoint.Checkpoint;
import thanora.checkpoint.CheckpointException;
import thanora.data.SampleEncoder;
import thanora.image.ModelImages;
import thanora.model.ModelConfig;
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
 * @param format how texts become tokens
 * @param images how images do; empty for a model of text alone
 */
public record ModelText(Checkpoint checkpoint, ModelConfig config, Tokenizer tokenizer, PromptFormat format,
    Optional<ModelImages> images)
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
    Path files = resolve(path);
    if (!Files.exists(files)) {
      throw new IllegalArgumentException("model " + path
          + " does not exist; give a Hugging Face folder, a .gguf file, a name on the hub or demo");
    }
    Checkpoint checkpoint = Checkpoint.open(files);
    try {
      Tokenizer tokenizer = change.apply(tokenizer(checkpoint));
      Path source = checkpoint.source();
      ModelConfig config = of(source, () -> ModelConfig.from(checkpoint.config()));
      if (tokenizer.vocabularySize() > config.vocabulary()) {
        throw new CheckpointException(source + ": the tokenizer has ids up to "
            + (tokenizer.vocabularySize() - 1) + ", the embedding " + config.vocabulary()
            + " rows; tokenizer and weights are of different models");
      }
      Optional<ModelImages> images = of(source, () -> images(checkpoint, tokenizer));
      PromptFormat format = PromptFormat.of(tokenizer, variables, LocalDateTime.now(),
          images.map(own -> own.tokens().placeholder()));
      return new ModelText(checkpoint, config, tokenizer, format, images);
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
        : HubNames.path(model);
  }

  /**
   * The linear layers that a recipe's {@code lora.target_modules} means, in the model's order; those of frozen
   * parts are left out.
   *
   * @param all linear layers of the model
   * @throws RecipeException naming every target that matches nothing, and what there is
   */
  static List<String> targets(Recipe recipe, ModelConfig config, Collection<String> all) {
    List<String> free = config.vision().map(vision ->
        all.stream().filter(module -> recipe.images().trains(module, vision)).toList()).orElse(List.copyOf(all));
    if (free.isEmpty()) {
      throw new RecipeException(List.of("images: all parts of the model are frozen; let one of them be trained"));
    }
    return targets(recipe.lora().targetModules(), free);
  }

  private static List<String> targets(List<String> names, List<String> all) {
    if (names.equals(List.of(Recipe.Lora.ALL_LINEAR))) {
      return all;
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

  private static Optional<ModelImages> images(Checkpoint checkpoint, Tokenizer tokenizer) {
    return Files.isDirectory(checkpoint.source())
        ? ModelImages.read(checkpoint.source(), checkpoint.config(), tokenizer) : Optional.empty();
  }

  private static OptionalInt id(JsonNode config, String field) {
    return config.hasNonNull(field) ? OptionalInt.of(config.get(field).asInt()) : OptionalInt.empty();
  }

  /** Rows as the model sees them. */
  SampleEncoder rows() {
    return new RowEncoder(tokenizer, format, images);
  }

  @Override
  public void close() {
    checkpoint.close();
  }
}
