package thanora;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import thanora.checkpoint.GgufAdapterFile;
import thanora.checkpoint.Weights;
import thanora.data.Sample;
import thanora.export.GgufAdapter;
import thanora.export.LogitCheck;
import thanora.export.PeftAdapter;
import thanora.lora.Adapter;

/**
 * Whether what left the project still computes what base and adapter of its run compute: logits of probe
 * rows, those of the run in float32.
 */
public final class Verification {
  private final Recipe recipe;
  private final LoadedModel base;
  private final LogitCheck reference;

  private Verification(Recipe recipe, LoadedModel base, LogitCheck reference) {
    this.recipe = recipe;
    this.base = base;
    this.reference = reference;
  }

  /** What can be verified. */
  public enum Kind {
    RUN("run"),
    PEFT_ADAPTER("PEFT adapter"),
    GGUF_ADAPTER("GGUF adapter"),
    MODEL_FOLDER("Hugging Face model"),
    GGUF_MODEL("GGUF model");

    private final String title;

    Kind(String title) {
      this.title = title;
    }

    /** Its name in words. */
    public String title() {
      return title;
    }

    /**
     * What a path holds.
     *
     * @throws IllegalArgumentException if it is nothing that can be verified
     */
    public static Kind of(Path path) {
      if (Files.isRegularFile(path)) {
        return GgufAdapterFile.isAdapter(path) ? GGUF_ADAPTER : GGUF_MODEL;
      }
      if (Files.exists(path.resolve(PeftAdapter.CONFIG))) {
        return PEFT_ADAPTER;
      }
      if (Files.exists(path.resolve("recipe.yaml"))) {
        return RUN;
      }
      if (Files.exists(path.resolve("config.json"))) {
        return MODEL_FOLDER;
      }
      throw new IllegalArgumentException(path + ": "
          + (Files.exists(path) ? "holds nothing" : "is not there; give something")
          + " that can be verified: a run folder, a PEFT adapter, a Hugging Face model or a .gguf file");
    }
  }

  /**
   * What came of one path.
   *
   * @param difference from the run's logits
   * @param limit of the largest difference, over the largest logit
   */
  public record Result(Path path, Kind kind, LogitCheck.Comparison difference, double limit) {
    /** Whether the difference is within the limit. */
    public boolean passed() {
      return difference.relative() <= limit;
    }
  }

  /**
   * Compares paths with a run.
   *
   * @param recipe the run's: its tasks, {@code merge.probe_rows} and {@code merge.max_logit_difference}
   * @param run its folder
   * @throws IllegalArgumentException if a path is nothing that can be verified
   */
  public static List<Result> of(Recipe recipe, Path run, List<Path> paths, RunListener listener) {
    List<Kind> kinds = paths.stream().map(Kind::of).toList();
    Path adapter = TrainedModel.adapterOf(run);
    try (LoadedModel base = LoadedModel.load(recipe.with("dtype=float32"), listener)) {
      List<Sample> probes = Tasks.probes(Tasks.read(recipe, base, listener), recipe.merge().probeRows());
      listener.stage("verify", paths.size() + 1L);
      LogitCheck reference = adapted(base, PeftAdapter.read(adapter, base.decoder()), () -> LogitCheck.of(
          base.decoder(), probes));
      listener.advanced(1);
      Verification verification = new Verification(recipe, base, reference);
      List<Result> results = new ArrayList<>();
      for (int i = 0; i < paths.size(); i++) {
        results.add(verification.result(paths.get(i), kinds.get(i)));
        listener.advanced(i + 2L);
      }
      return results;
    }
  }

  private Result result(Path path, Kind kind) {
    return switch (kind) {
      case PEFT_ADAPTER -> adapter(path, kind,
          PeftAdapter.read(path, base.decoder()), PeftAdapter.isRounded(path));
      case GGUF_ADAPTER -> adapter(path, kind,
          GgufAdapter.read(path, base.decoder(), base.checkpoint()), GgufAdapter.isRounded(path, base.checkpoint()));
      case GGUF_MODEL -> base.images().isPresent() ? pair(path) : model(path, kind);
      case MODEL_FOLDER -> model(path, kind);
      case RUN -> run(path);
    };
  }

  private Result model(Path path, Kind kind) {
    try (LoadedModel model =
        LoadedModel.load(path.toString(), recipe.device(), Recipe.Dtype.FLOAT32, recipe.threads())) {
      return compared(path, kind, model, model.checkpoint().weights().isRounded());
    }
  }

  /** A decoder's file, and beside it that of the part that sees images. */
  private Result pair(Path path) {
    try (Weights weights = base.weights(path, TrainedModel.visionFile(path));
        LoadedModel model = base.with(weights, recipe.with("dtype=float32"), RunListener.SILENT)) {
      return compared(path, Kind.GGUF_MODEL, model, weights.isRounded());
    }
  }

  private Result adapter(Path path, Kind kind, Adapter adapter, boolean rounded) {
    return adapted(base, adapter, () -> compared(path, kind, base, rounded));
  }

  /** A run computes in its own type, on its own base. */
  private Result run(Path path) {
    Recipe own = RunFolder.recipeOf(path, List.of(), note -> {});
    try (LoadedModel model = LoadedModel.load(own)) {
      return adapted(model, PeftAdapter.read(TrainedModel.adapterOf(path), model.decoder()),
          () -> compared(path, Kind.RUN, model, false));
    }
  }

  private Result compared(Path path, Kind kind, LoadedModel model, boolean rounded) {
    int own = model.decoder().config().vocabulary();
    int expected = base.decoder().config().vocabulary();
    if (own != expected) {
      throw new IllegalArgumentException(path + ": has a vocabulary of " + own + " tokens, the run's base one of "
          + expected + "; it did not come from this run");
    }
    return new Result(
        path, kind, reference.compare(model.decoder()), Settings.logitLimit(recipe, rounded, model));
  }

  private static <T> T adapted(LoadedModel model, Adapter adapter, Supplier<T> body) {
    adapter.attach(model.decoder());
    try {
      return body.get();
    } finally {
      adapter.detach(model.decoder());
    }
  }
}
