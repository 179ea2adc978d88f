package thanora;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import thanora.checkpoint.AtomicFiles;
import thanora.checkpoint.AtomicFolders;
import thanora.checkpoint.CheckpointException;
import thanora.checkpoint.OutType;
import thanora.checkpoint.Weights;
import thanora.data.TaskSet;
import thanora.eval.ScoredTask;
import thanora.eval.TaskScore;
import thanora.export.GgufAdapter;
import thanora.export.GgufModel;
import thanora.export.LogitCheck;
import thanora.export.MergedFolder;
import thanora.export.PeftAdapter;
import thanora.hasi.RankPlan;
import thanora.image.ModelImages;
import thanora.lora.Adapter;

/** A base model, with an adapter on it or not, and what can be done with it: score, merge, export, answer. */
public final class TrainedModel implements AutoCloseable {
  private final LoadedModel model;
  private final Optional<Adapter> adapter;
  private final Optional<RankPlan> plan;

  private TrainedModel(LoadedModel model, Optional<Adapter> adapter, Optional<RankPlan> plan) {
    this.model = model;
    this.adapter = adapter;
    this.plan = plan;
  }

  /**
   * Loads a base and puts an adapter on it.
   *
   * @param adapter a folder in PEFT's format; the base alone where empty
   * @throws CheckpointException naming file and fault
   */
  public static TrainedModel open(LoadedModel model, Optional<Path> adapter) {
    Optional<Adapter> read = adapter.map(folder -> PeftAdapter.read(folder, model.decoder()));
    read.ifPresent(a -> a.attach(model.decoder()));
    Optional<RankPlan> plan = adapter.map(folder -> folder.resolve(PeftAdapter.PLAN))
        .filter(Files::exists).map(GivenPlan::read);
    return new TrainedModel(model, read, plan);
  }

  /**
   * Loads the model of a run, with the adapter that was trained.
   *
   * @throws RunFolderException if the folder holds no run, or it has not come so far
   */
  public static TrainedModel ofRun(Path run) {
    Path folder = adapterOf(run);
    Recipe recipe = RunFolder.recipeOf(run, List.of(), note -> {}).withAbsolutePaths();
    return open(LoadedModel.load(recipe), Optional.of(folder));
  }

  /**
   * The adapter's folder of a run.
   *
   * @throws RunFolderException if the run has not come so far
   */
  public static Path adapterOf(Path run) {
    Path folder = run.resolve("adapter");
    if (!Files.exists(folder.resolve(PeftAdapter.CONFIG))) {
      throw new RunFolderException("run folder " + run + ": has no adapter yet; go on with thanora train --resume --run-dir " + run);
    }
    return folder;
  }

  /**
   * A folder that is said to hold an adapter.
   *
   * @throws IllegalArgumentException if it holds none
   */
  public static Path requireAdapter(Path folder) {
    if (!Files.exists(folder.resolve(PeftAdapter.CONFIG))) {
      throw new IllegalArgumentException("adapter " + folder + ": holds no " + PeftAdapter.CONFIG
          + "; give the folder that PEFT or thanora export wrote");
    }
    return folder;
  }

  /** What is odd about the base's files but does no harm, a line each. */
  public List<String> warnings() {
    return model.warnings();
  }

  /** Whether the model sees images. */
  public boolean seesImages() {
    return model.images().isPresent();
  }

  /** Every task of the recipe on its test rows. */
  public Map<String, TaskScore> score(Recipe recipe, RunListener listener) {
    return ScoredTask.totals(rows(recipe, listener));
  }

  /** The test rows of every task of the recipe, one by one. */
  public Map<String, ScoredTask> rows(Recipe recipe, RunListener listener) {
    return new TaskScorer(recipe, model, Tasks.read(recipe, model, listener)).rows("", listener);
  }

  /**
   * The model's answer to a prompt.
   *
   * @param maxNewTokens tokens at most; fewer where the model's context ends before
   * @throws IllegalArgumentException if the prompt fills the context
   * @throws IllegalStateException if another thread computes with the model: one at a time may
   */
  public String answer(String prompt, int maxNewTokens) {
    int[] ids = model.format().prompt(prompt);
    int most = Math.min(maxNewTokens, model.room(ids));
    List<int[]> tokens = model.generator().generate(List.of(ids), 0, most);
    return model.decode(tokens.get(0));
  }

  /**
   * Writes the adapter as PEFT saves one; the target must not be there.
   *
   * @return how vLLM serves it, a line
   */
  public String export(Path target) {
    AtomicFolders.publish(target, folder -> PeftAdapter.write(
        folder, adapter.orElseThrow(), model.decoder(), model.location(), plan));
    OptionalInt rank = PeftAdapter.vllmRank(adapter.orElseThrow());
    return rank.isPresent() ? "vLLM serves it with --enable-lora --max-lora-rank " + rank.getAsInt()
        : "vLLM does not take it; serve the merged model: thanora merge RUN --out DIR";
  }

  /**
   * Writes the adapter as llama.cpp reads one; the target must not be there.
   *
   * @param type of the factors; float32 loses nothing
   * @throws UnsupportedOperationException if it is no plain LoRA
   */
  public void exportGguf(Path target, OutType type) {
    AtomicFiles.publish(target, file -> GgufAdapter.write(file, adapter.orElseThrow(), model.checkpoint(), type));
  }

  /**
   * Writes the token ids and logits of a few rows of every task, for another program to compare with.
   *
   * @param recipe tasks, and {@code merge.probe_rows}
   * @param file safetensors: {@code ids_0} (n), {@code logits_0} (n, V), ...; replaced if it is there
   */
  public void writeLogits(Recipe recipe, Path file, RunListener listener) {
    probe(recipe, Tasks.read(recipe, model, listener)).write(file);
  }

  private LogitCheck probe(Recipe recipe, TaskSet tasks) {
    return LogitCheck.of(model.decoder(), Tasks.probes(tasks, recipe.merge().probeRows()));
  }

  /**
   * What a merge came to.
   *
   * @param maxLogitDifference largest difference of a logit on the probe rows, over the largest logit
   * @param adapter scores with base and adapter
   * @param merged scores of the merged model, read back from its folder
   */
  public record MergeReport(
      double maxLogitDifference, Map<String, TaskScore> adapter, Map<String, TaskScore> merged) {}

  /**
   * Writes the merged model as a Hugging Face folder, reads it back, and compares logits and scores.
   *
   * @param target must not be there; appears only when everything agrees
   * @throws CheckpointException if logits differ by more than the recipe's limit
   */
  public MergeReport merge(Recipe recipe, Path target, RunListener listener) {
    MergeCheck check = new MergeCheck(recipe, "merge.dtype=float32", listener);
    AtomicFolders.publish(target, folder -> {
      MergedFolder.write(model.checkpoint(), model.decoder(), adapter.orElseThrow(), folder,
          Settings.mergeDtype(recipe), listener::advanced);
      template(recipe).ifPresent(source -> AtomicFiles.write(folder.resolve("chat_template.jinja"), source));
      check.read(folder);
    });
    return check.report;
  }

  /** Where {@link #mergeGguf} puts the part of a model that sees images: beside the decoder, as llama.cpp names it. */
  public static Path visionFile(Path target) {
    return target.resolveSibling("mmproj-" + target.getFileName());
  }

  /**
   * Writes the merged model as a GGUF file, reads it back, and compares logits and scores. Of a model that sees
   * images the file has the decoder, and {@link #visionFile} the rest.
   *
   * @param target must not be there, nor the other file; they appear only when everything agrees
   * @param type of its matrices; where empty, bfloat16 for a base in bfloat16, else half precision
   * @throws CheckpointException if logits differ by more than the recipe's limit, or llama.cpp has no such model
   */
  public MergeReport mergeGguf(Recipe recipe, Path target, Optional<OutType> type, RunListener listener) {
    GgufModel merged = new GgufModel(model.checkpoint(), model.decoder(), model.images().map(ModelImages::processor),
        adapter.orElseThrow());
    template(recipe).ifPresent(merged::chatTemplate);
    merged.differences().forEach(listener::note);
    OutType stored = type.orElseGet(() -> OutType.auto(model.checkpoint().weights().dtype(model.firstWeight())));
    MergeCheck check = new MergeCheck(recipe, "--outtype f32", listener);
    AtomicFiles.publish(target, file -> {
      if (!seesImages()) {
        merged.write(file, stored, listener::advanced);
        check.read(file);
      } else {
        AtomicFiles.publish(visionFile(target), other -> {
          merged.write(file, stored, listener::advanced);
          merged.writeVision(other, stored, listener::advanced);
          check.read(file, other);
        });
      }
    });
    return check.report;
  }

  /** A chat template that is not the base's: what it was trained with goes with it. */
  private Optional<String> template(Recipe recipe) {
    return recipe.chatTemplate().map(file -> model.tokenizer().chatTemplate().orElseThrow().source());
  }

  /** Logits and scores before a merge, and whether the merged model has them too. */
  private final class MergeCheck {
    private final Recipe recipe;
    private final String remedy;
    private final RunListener listener;
    private final TaskSet tasks;
    private final LogitCheck logits;
    private final Map<String, TaskScore> before;
    private MergeReport report;

    /** Measures base and adapter, and begins the stage of writing. */
    MergeCheck(Recipe recipe, String remedy, RunListener listener) {
      this.recipe = recipe;
      this.remedy = remedy;
      this.listener = listener;
      tasks = Tasks.read(recipe, model, listener);
      logits = probe(recipe, tasks);
      before = new TaskScorer(recipe, model, tasks).score("adapter", listener);
      listener.stage("merge", model.decoder().tensorNames().size());
    }

    void read(Path path) {
      try (LoadedModel merged =
          LoadedModel.load(path.toString(), recipe.device(), recipe.dtype(), recipe.threads(), listener)) {
        compare(merged, merged.checkpoint().weights().isRounded());
      }
    }

    /** Of decoder and vision part in two files; all else is the base's. */
    void read(Path decoder, Path vision) {
      try (Weights weights = model.weights(decoder, vision);
          LoadedModel merged = model.with(weights, recipe, listener)) {
        compare(merged, weights.isRounded());
      }
    }

    private void compare(LoadedModel merged, boolean rounded) {
      double difference = logits.difference(merged.decoder());
      double limit = Settings.logitLimit(recipe, rounded, merged);
      if (!(difference <= limit)) {
        throw new CheckpointException("merged logits differ from the adapter's by " + difference
            + " of the largest logit, the limit merge.max_logit_difference is " + limit
            + "; give " + remedy + ", or raise the limit");
      }
      report = new MergeReport(
          difference, before, new TaskScorer(recipe, merged, tasks).score("merged", listener));
    }
  }

  @Override
  public void close() {
    model.close();
  }
}
