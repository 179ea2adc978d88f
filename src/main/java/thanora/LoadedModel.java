package thanora;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import thanora.checkpoint.Checkpoint;
import thanora.checkpoint.CheckpointException;
import thanora.checkpoint.ExpectedTensors;
import thanora.checkpoint.Weights;
import thanora.data.Row;
import thanora.data.SampleEncoder;
import thanora.export.GgufModel;
import thanora.fused.FusedDecoder;
import thanora.hub.Repo;
import thanora.image.ImageSource;
import thanora.image.ModelImages;
import thanora.model.Decoder;
import thanora.model.FeatureFiles;
import thanora.model.ImageReader;
import thanora.model.TextGenerator;
import thanora.model.Vision;
import thanora.tensor.DType;
import thanora.tensor.Natives;
import thanora.tensor.Placement;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;
import thanora.text.Encoded;
import thanora.text.PromptFormat;
import thanora.text.Tokenizer;

/**
 * A pretrained model, ready to use: files, tokenizer, prompt format, decoder.
 *
 * @param checkpoint where it comes from, still open
 * @param tokenizer its own
 * @param format how a prompt and a completion become tokens
 * @param images how images do; empty for a model of text alone
 * @param decoder the frozen base
 */
public record LoadedModel(Checkpoint checkpoint, Tokenizer tokenizer, PromptFormat format,
    Optional<ModelImages> images, Decoder decoder)
    implements AutoCloseable {

  /**
   * Loads a model.
   *
   * @param path a Hugging Face folder, a GGUF file, a name on the hub, or {@code demo}
   * @param device {@code auto}: a GPU where there is one
   * @param dtype {@code AUTO}: bfloat16 on a GPU, float32 on a CPU
   * @param threads of matrix products; 0 for all cores
   * @param listener hears of each tensor that is read
   * @throws IllegalArgumentException if there is no such model or device
   * @throws CheckpointException naming file and fault
   */
  public static LoadedModel load(
      String path, String device, Recipe.Dtype dtype, int threads, RunListener listener) {
    Natives.loadAhead();
    ModelText text = ModelText.open(path);
    return load(text, text.checkpoint().weights(), path, device, dtype, threads, Optional.empty(), listener);
  }

  /** The weights of this model, which sees images, in the two files of a merged one. */
  Weights weights(Path decoderFile, Path visionFile) {
    return GgufModel.read(checkpoint, decoder, images.orElseThrow().processor(), decoderFile, visionFile);
  }

  /** Loads this model with other weights, as a recipe says. */
  LoadedModel with(Weights weights, Recipe recipe, RunListener listener) {
    String path = checkpoint.source().toString();
    return load(ModelText.open(path), weights, path, recipe.device(), recipe.dtype(), recipe.threads(),
        Optional.empty(), listener);
  }

  private static LoadedModel load(
      ModelText text, Weights weights, String name, String device, Recipe.Dtype dtype, int threads,
      Optional<Path> cache, RunListener listener) {
    Threads.use(threads > 0 ? threads : Runtime.getRuntime().availableProcessors());
    Checkpoint checkpoint = text.checkpoint();
    try {
      Placement placement = placement(device, dtype);
      listener.stage("load " + name, weights.names().size());
      Weights counted = new CountedWeights(weights, listener::advanced);
      Decoder decoder = ModelText.of(checkpoint.source(), () -> Decoder.load(text.config(), counted, placement));
      FusedDecoder.of(decoder);
      decoder.vision().ifPresent(vision -> vision.use(new ImageReader(
          text.images().orElseThrow().processor(), cache.map(folder -> features(folder, text, placement)))));
      return new LoadedModel(checkpoint, text.tokenizer(), text.format(), text.images(), decoder);
    } catch (RuntimeException e) {
      checkpoint.close();
      throw e;
    }
  }

  /** Where what the tower gives of images is kept, by all that it depends on. */
  private static FeatureFiles features(Path folder, ModelText text, Placement placement) {
    return new FeatureFiles(folder, String.join(" ", text.checkpoint().fingerprint(),
        text.images().orElseThrow().processor().signature(), placement.dtype().name(),
        placement.isCpu() ? "cpu" : "cuda"));
  }

  /**
   * Reads images once, so that a broken one is found before anything is trained on, and keeps what a frozen tower
   * gives of them, if there is room for that.
   *
   * @throws thanora.image.ImageException naming the first that is missing or broken
   */
  void readImages(List<ImageSource> all, ImageOptions options, RunListener listener) {
    Vision vision = decoder.vision().orElseThrow();
    ImageReader reader = vision.images().orElseThrow();
    long bytes = all.stream().mapToLong(reader::tiles).sum() * vision.config().selectedTokens()
        * vision.config().hidden() * decoder.placement().dtype().bytes();
    if (reader.room().isPresent() && bytes > reader.room().getAsLong() / 2) {
      vision.use(new ImageReader(images.orElseThrow().processor(), Optional.empty()));
      listener.note(String.format(Locale.ROOT, "what the tower gives of %d images takes %.1f GB, more than half of what"
          + " is free in %s, so it is not kept and the tower goes over them in every epoch; set images.cache to a"
          + " folder with more room", all.size(), bytes / 1e9, options.cacheFolder().orElseThrow()));
    }
    listener.stage("read images", all.size());
    vision.readOnce(all, options.freezeVisionTower(), listener::advanced);
  }

  /** What is odd about the files but does no harm, a line each. */
  public List<String> warnings() {
    List<String> extra = ExpectedTensors.check(
            checkpoint.source().toString(), checkpoint.weights(), decoder.tensorNames()).stream()
        .filter(tensor -> !decoder.config().carries(tensor)).toList();
    return extra.isEmpty() ? List.of()
        : List.of(checkpoint.source() + ": " + ExpectedTensors.listed(extra)
            + " of no use to a " + decoder.config().modelType() + " model; not read");
  }

  /** The same, without a word. */
  public static LoadedModel load(String path, String device, Recipe.Dtype dtype, int threads) {
    return load(path, device, dtype, threads, RunListener.SILENT);
  }

  /** Loads the model of a recipe. */
  public static LoadedModel load(Recipe recipe) {
    return load(recipe, RunListener.SILENT);
  }

  /** The same, with a stage of its own. */
  public static LoadedModel load(Recipe recipe, RunListener listener) {
    Natives.loadAhead();
    ModelText text = ModelText.open(recipe);
    return load(text, text.checkpoint().weights(), recipe.model(), recipe.device(), recipe.dtype(), recipe.threads(),
        recipe.images().cacheFolder(), listener);
  }

  /** Where a model goes. */
  static Placement placement(String device, Recipe.Dtype dtype) {
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

  /** What computes, in words. */
  String device() {
    return decoder.placement().isCpu()
        ? Runtime.getRuntime().availableProcessors() + " CPU cores" : decoder.placement().device();
  }

  /** The name of a weight that an adapter may change. */
  String firstWeight() {
    return decoder.projectionNames().iterator().next() + ".weight";
  }

  /** What the base is called in the configuration of an adapter: its name on the hub, or where it lies. */
  String location() {
    Path source = checkpoint.source().toAbsolutePath().normalize();
    return Repo.ofCached(source).map(Repo::name).orElseGet(source::toString);
  }

  /** A row as the model sees it. */
  public Encoded encode(Row row) {
    return rows().encode(row);
  }

  /** Rows as the model sees them. */
  SampleEncoder rows() {
    return new RowEncoder(tokenizer, format, images);
  }

  /** Prompts as the model sees them. */
  public PromptEncoder prompts() {
    return new PromptEncoder(format, images);
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
  List<String> targets(Recipe recipe) {
    return ModelText.targets(recipe, decoder.config(), decoder.projectionNames());
  }

  @Override
  public void close() {
    decoder.vision().flatMap(Vision::images).ifPresent(ImageReader::close);
    checkpoint.close();
  }
}
