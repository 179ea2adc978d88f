package thanora;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Supplier;
import thanora.checkpoint.Checkpoint;
import thanora.checkpoint.CheckpointException;
import thanora.checkpoint.ExpectedTensors;
import thanora.data.EncodedRow;
import thanora.data.Row;
import thanora.model.Decoder;
import thanora.model.ModelConfig;
import thanora.model.TextGenerator;
import thanora.tensor.DType;
import thanora.tensor.Placement;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;
import thanora.text.Encoded;
import thanora.text.PromptFormat;
import thanora.text.Special;
import thanora.text.Tokenizer;

/**
 * A pretrained model, ready to use: files, tokenizer, prompt format, decoder.
 *
 * @param checkpoint where it comes from, still open
 * @param tokenizer its own
 * @param format how a prompt and a completion become tokens
 * @param decoder the frozen base
 */
public record LoadedModel(
    Checkpoint checkpoint, Tokenizer tokenizer, PromptFormat format, Decoder decoder)
    implements AutoCloseable {

  /**
   * Loads a model.
   *
   * @param path a Hugging Face folder, a GGUF file, or {@code demo}
   * @param device {@code auto}: a GPU where there is one
   * @param dtype {@code AUTO}: bfloat16 on a GPU, float32 on a CPU
   * @param threads of matrix products; 0 for all cores
   * @throws IllegalArgumentException if there is no such model or device
   * @throws CheckpointException naming file and fault
   */
  public static LoadedModel load(String path, String device, Recipe.Dtype dtype, int threads) {
    if (!Files.exists(resolve(path))) {
      throw new IllegalArgumentException("model " + path
          + " does not exist; give a Hugging Face folder, a .gguf file or demo");
    }
    Threads.use(threads > 0 ? threads : Runtime.getRuntime().availableProcessors());
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
      Placement placement = placement(device, dtype);
      Decoder decoder = of(source, () -> Decoder.load(config, checkpoint.weights(), placement));
      return new LoadedModel(checkpoint, tokenizer, PromptFormat.of(tokenizer), decoder);
    } catch (RuntimeException e) {
      checkpoint.close();
      throw e;
    }
  }

  /** Reads a part of a model; a fault of the file names the file, and is no wrong use. */
  private static <T> T of(Path source, Supplier<T> read) {
    try {
      return read.get();
    } catch (IllegalArgumentException | CheckpointException e) {
      String fault = e.getMessage();
      throw new CheckpointException(
          fault.startsWith(source.toString()) ? fault : source + ": " + fault, e);
    }
  }

  /** What is odd about the files but does no harm, a line each. */
  public List<String> warnings() {
    List<String> extra = ExpectedTensors.check(
        checkpoint.source().toString(), checkpoint.weights(), decoder.tensorNames());
    return extra.isEmpty() ? List.of()
        : List.of(checkpoint.source() + ": " + ExpectedTensors.listed(extra)
            + " of no use to a " + decoder.config().modelType() + " model; not read");
  }

  /** Loads the model of a recipe. */
  public static LoadedModel load(Recipe recipe) {
    return load(recipe.model(), recipe.device(), recipe.dtype(), recipe.threads());
  }

  /** The path that a recipe's {@code model} means. */
  static Path resolve(String model) {
    return model.equals(Recipe.DEMO_MODEL)
        ? Path.of(System.getProperty("thanora.home", "")).resolve("demo").resolve("model")
        : Path.of(model);
  }

  private static Placement placement(String device, Recipe.Dtype dtype) {
    boolean gpu = device.startsWith("cuda") || device.equals("auto") && Tensors.cudaIsAvailable();
    if (device.startsWith("cuda") && !Tensors.cudaIsAvailable()) {
      throw new IllegalArgumentException("device " + device
          + " is not there; use cpu, or build with -Pcuda on a machine with a CUDA 13 driver");
    }
    String where = !gpu ? "cpu" : device.equals("auto") ? "cuda" : device;
    return new Placement(where, switch (dtype) {
      case AUTO -> gpu ? DType.BF16 : DType.F32;
      case FLOAT32 -> DType.F32;
      case BFLOAT16 -> DType.BF16;
    });
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

  /** What computes, in words. */
  String device() {
    return decoder.placement().isCpu()
        ? Runtime.getRuntime().availableProcessors() + " CPU cores" : decoder.placement().device();
  }

  /** Where the base lies, for the configuration of an adapter. */
  String location() {
    return checkpoint.source().toAbsolutePath().normalize().toString();
  }

  /** A row as the model sees it. */
  public EncodedRow encode(Row row) {
    Encoded encoded = format.encode(row.prompt(), row.completion());
    return new EncodedRow(encoded.ids(), encoded.promptLength());
  }

  /** Text of generated tokens, without special ones. */
  public String decode(int[] ids) {
    return tokenizer.decode(ids, true);
  }

  /**
   * Tokens of an answer that fit behind a prompt.
   *
   * @throws IllegalArgumentException if there is room for none
   */
  public int room(int[] prompt) {
    int context = decoder.config().maxPositions();
    if (prompt.length >= context) {
      throw new IllegalArgumentException("the prompt has " + prompt.length
          + " tokens, the model's context " + context + "; shorten it");
    }
    return context - prompt.length;
  }

  /** Greedy generation that stops where this model's answers end. */
  public TextGenerator generator() {
    return new TextGenerator(decoder, format.stopIds());
  }

  /**
   * The linear layers that a recipe's {@code lora.target_modules} means, in the model's order.
   *
   * @throws RecipeException naming every target that matches nothing, and what there is
   */
  public List<String> targets(List<String> names) {
    if (names.equals(List.of(Recipe.Lora.ALL_LINEAR))) {
      return List.copyOf(decoder.projectionNames());
    }
    Set<String> chosen = new LinkedHashSet<>();
    List<String> problems = new ArrayList<>();
    for (String name : names) {
      List<String> matches = decoder.projectionNames().stream()
          .filter(module -> module.equals(name) || module.endsWith("." + name)).toList();
      if (matches.isEmpty()) {
        problems.add("lora.target_modules: " + name + " matches no linear layer; there are "
            + String.join(", ", decoder.projectionNames().stream()
                .map(module -> module.substring(module.lastIndexOf('.') + 1)).distinct().toList()));
      }
      chosen.addAll(matches);
    }
    if (!problems.isEmpty()) {
      throw new RecipeException(problems);
    }
    List<String> ordered = new ArrayList<>(decoder.projectionNames());
    ordered.retainAll(chosen);
    return ordered;
  }

  @Override
  public void close() {
    checkpoint.close();
  }
}
