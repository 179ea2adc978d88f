package thanora;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;
import thanora.data.DataReport;
import thanora.data.MixtureSampler;
import thanora.data.Sample;
import thanora.data.TaskData;
import thanora.data.TaskSet;
import thanora.eval.Evaluator;
import thanora.hasi.PreviewMemory;
import thanora.lora.AdapterForm;
import thanora.method.AdapterMethod;
import thanora.model.DecoderMemory;
import thanora.model.DecoderMemory.Rows;
import thanora.tensor.DType;
import thanora.tensor.MatrixSpeed;
import thanora.tensor.Placement;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;
import thanora.train.StepMemory;
import thanora.train.TrainConfig;
import thanora.train.TrainingLoop;

/**
 * What a recipe's run will take, counted before any weight is loaded: from the configuration and the
 * headers of the model, and from the rows as the tokenizer cuts them.
 *
 * @param model its type and size in words
 * @param parameters trainable numbers
 * @param steps optimiser steps
 * @param work of a step
 * @param devices on a CPU and on a GPU
 * @param disk bytes of the run folder at most
 * @param warnings what is better changed before a run, a line each
 */
public record RunPlan(String model, long parameters, long steps, Work work, List<OnDevice> devices, long disk,
    List<String> warnings) {
  /** Steps whose rows are drawn to find the largest micro-batch. */
  private static final long DRAWN_STEPS = 2000;

  /** Resident bytes of Java and its libraries, without its heap; about. */
  private static final long LIBRARIES = 300L << 20;

  /** What CUDA and its libraries take on a GPU beside tensors; about. */
  private static final long CUDA = 600L << 20;

  /** Part of the speed of matrix products alone that a step reaches; measured: docs/performance.md. */
  private static final double REACHED = 0.6;

  /**
   * A step.
   *
   * @param tokens on average
   * @param labels tokens trained on, on average
   * @param microBatchTokens tokens of the largest micro-batch
   * @param flop floating point operations
   * @param device that the probe ran on; empty where there was none
   * @param probe operations a second of matrix products there
   */
  public record Work(double tokens, double labels, long microBatchTokens, double flop, Optional<String> device,
      OptionalDouble probe) {
    /** Estimated seconds. */
    public OptionalDouble seconds() {
      return probe.isPresent() ? OptionalDouble.of(flop / (REACHED * probe.getAsDouble())) : OptionalDouble.empty();
    }
  }

  /**
   * The memory of a device.
   *
   * @param device CPU or GPU
   * @param dtype of weights and activations
   * @param step training
   * @param preview bytes of the initialisation, beside weights and adapter
   * @param evaluation bytes of scoring, beside weights and adapter
   * @param libraries bytes of Java, its heap and libraries; on a GPU those of CUDA
   * @param free bytes that can be had now
   * @param largestMicroBatch most train.micro_batch_tokens for which it fits
   */
  public record OnDevice(String device, DType dtype, StepMemory step, long preview, long evaluation, long libraries,
      OptionalLong free, OptionalLong largestMicroBatch) {
    /** Bytes at the worst moment of the run. */
    public long peak() {
      long beside = step.weights() + step.adapter() + step.gradients();
      return libraries + Math.max(step.peak(), beside + Math.max(preview, evaluation));
    }
  }

  /** Reads files and rows, and counts. */
  public static RunPlan of(Recipe recipe, RunListener listener) {
    Settings.requireMerging(recipe);
    try (ModelText files = ModelText.open(recipe)) {
      TaskSet tasks = Tasks.read(
          recipe, files.config().maxPositions(), Tasks.counted(recipe), files.rows(), listener);
      return new Counting(recipe, files, tasks).plan(listener);
    }
  }

  /** The counting, with what it needs all the way. */
  private static final class Counting {
    private final Recipe recipe;
    private final ModelText files;
    private final TaskSet tasks;
    private final Set<String> modules;
    private final AdapterForm form;
    private final TrainConfig config;
    private final List<List<Rows>> drawn;
    private final List<String> warnings = new ArrayList<>();

    Counting(Recipe recipe, ModelText files, TaskSet tasks) {
      this.recipe = recipe;
      this.files = files;
      this.tasks = tasks;
      List<String> all = memory(DType.F32, false).allLinears().stream().map(DecoderMemory.Linear::name).toList();
      this.modules = new LinkedHashSet<>(ModelText.targets(recipe, files.config(), all));
      this.form = form();
      this.config = Settings.train(recipe.train(), Arrays.stream(tasks.trainSizes()).asLongStream().sum());
      this.drawn = draw();
    }

    private DecoderMemory memory(DType dtype, boolean gpu) {
      return new DecoderMemory(files.config(), dtype, gpu);
    }

    /** A form depends on ranks and tasks alone, so that no model is needed. */
    private AdapterForm form() {
      String fingerprint = files.checkpoint().fingerprint();
      return Settings.method(recipe).form(new AdapterMethod.Setting(null, List.copyOf(modules), tasks.names(),
          List.of(), recipe.lora().r(), recipe.lora().alpha(), recipe.seed(), fingerprint,
          recipe.plan().map(path -> GivenPlan.read(Path.of(path), fingerprint, recipe.lora().r(), tasks.names(),
              List.copyOf(modules))), layer -> {}));
    }

    RunPlan plan(RunListener listener) {
      List<OnDevice> devices = List.of(onDevice(false), onDevice(true));
      StepMemory step = devices.get(0).step();
      long disk = (recipe.train().saveTotalLimit() + 1L) * (step.moments() + step.adapter()) + step.adapter();
      Work work = work(listener);
      warn(devices, disk);
      return new RunPlan(words(), step.parameters(), config.steps(), work, devices, disk, warnings);
    }

    private String words() {
      return files.config().modelType() + ", " + files.config().layers() + " layers of width "
          + files.config().hidden() + ", " + modules.size() + " linear layers adapted";
    }

    /** The rows of the micro-batches of the steps, as the run will draw them. */
    private List<List<Rows>> draw() {
      MixtureSampler sampler = new MixtureSampler(tasks.trainSizes(), Settings.mixing(recipe), recipe.seed());
      int most = config.microBatchTokens() > 0 ? config.microBatchTokens() : Integer.MAX_VALUE;
      List<List<Rows>> steps = new ArrayList<>();
      for (long step = 0; step < Math.min(config.steps(), DRAWN_STEPS); step++) {
        List<Sample> rows = sampler.next(config.batchRows()).stream()
            .map(pick -> tasks.tasks().get(pick.task()).train().samples().get(pick.row())).toList();
        steps.add(TrainingLoop.cutByKind(rows, most, config.accumulation()).stream().map(Counting::rows).toList());
      }
      return steps;
    }

    private static Rows rows(List<Sample> samples) {
      return new Rows(
          samples.stream().mapToLong(sample -> sample.ids().length).sum(),
          samples.stream().mapToLong(Sample::labels).sum(), samples.size(),
          samples.stream().mapToLong(sample -> sample.ids().length).max().orElse(0));
    }

    private OnDevice onDevice(boolean gpu) {
      DType dtype = switch (recipe.dtype()) {
        case AUTO -> gpu ? DType.BF16 : DType.F32;
        case FLOAT32 -> DType.F32;
        case BFLOAT16 -> DType.BF16;
      };
      DecoderMemory model = memory(dtype, gpu);
      StepMemory step = largest().map(rows -> step(model, rows))
          .max(Comparator.comparingLong(StepMemory::peak)).orElseThrow();
      OptionalLong free = gpu
          ? Machine.gpus().stream().mapToLong(Machine.Gpu::free).findFirst() : Machine.freeMemory();
      long libraries = gpu ? CUDA : LIBRARIES + Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
      return new OnDevice(gpu ? "GPU" : "CPU", dtype, step, preview(model), evaluation(model), libraries, free,
          free.isPresent() ? fitting(model, free.getAsLong() - libraries) : OptionalLong.empty());
    }

    /** Micro-batches that may be the largest: most tokens, or most scores of attention. */
    private Stream<Rows> largest() {
      Set<Rows> all = new HashSet<>();
      drawn.forEach(all::addAll);
      Comparator<Rows> byTokens = Comparator.comparingLong(Rows::tokens);
      Comparator<Rows> byScores = Comparator.comparingLong(rows -> rows.rows() * rows.longest() * rows.longest());
      return Stream.of(byTokens, byScores).flatMap(order -> all.stream().sorted(order.reversed()).limit(16));
    }

    private StepMemory step(DecoderMemory model, Rows rows) {
      boolean apart = Settings.gradients(recipe).isPresent() || recipe.train().conflictSteps() > 0;
      return StepMemory.of(model, modules, form, apart ? tasks.tasks().size() : 0, rows,
          recipe.train().checkpointing());
    }

    /** By halving, with rows of the mean length. */
    private OptionalLong fitting(DecoderMemory model, long free) {
      long length = Math.max(2, Math.round(mean(Rows::tokens) / mean(Rows::rows)));
      long low = 0;
      long high = 1 << 24;
      while (high - low > 1) {
        long tokens = (low + high) / 2;
        Rows rows = new Rows(tokens, tokens, (tokens + length - 1) / length, length);
        if (step(model, rows).peak() <= free) {
          low = tokens;
        } else {
          high = tokens;
        }
      }
      return low < length ? OptionalLong.empty() : OptionalLong.of(low);
    }

    /** Mean over micro-batches. */
    private double mean(ToLongFunction<Rows> of) {
      return drawn.stream().flatMap(List::stream).mapToLong(of).average().orElse(0);
    }

    private long preview(DecoderMemory model) {
      if (!recipe.method().isThanora()) {
        return 0;
      }
      List<Sample> rows = tasks.tasks().stream()
          .flatMap(task -> Tasks.preview(task, recipe.hasi().previewRows(), recipe.seed()).stream()).toList();
      Rows all = rows(rows);
      return PreviewMemory.of(model, modules, tasks.tasks().size(), all.tokens(), all.tokens() / all.rows(),
          Settings.hasi(recipe.hasi()).preview());
    }

    private long evaluation(DecoderMemory model) {
      long most = 0;
      for (TaskData task : tasks.tasks()) {
        Rows all = rows(task.test().samples());
        long prompt = task.test().samples().stream().mapToLong(Sample::promptLength).max().orElse(1);
        boolean answers = recipe.eval().generate();
        most = Math.max(most, Evaluator.memory(model, answers ? recipe.eval().batchSize() : 0, prompt,
            TaskScorer.maxNewTokens(recipe, task), Math.max(1, all.tokens()), Math.max(1, all.longest())));
      }
      return most;
    }

    /** Operations of a step: 2 forward and 2 backward a frozen number, 6 a trained one; attention; the head. */
    private double flop() {
      DecoderMemory model = memory(DType.F32, false);
      double adapter = 6.0 * step(model, drawn.get(0).get(0)).parameters();
      double flop = 0;
      for (List<Rows> step : drawn) {
        for (Rows rows : step) {
          double length = (double) rows.tokens() / rows.rows();
          flop += rows.tokens() * (4.0 * model.linearNumbers() + adapter
              + 7.0 * files.config().layers() * files.config().queryWidth() * length);
          flop += rows.labels() * 4.0 * files.config().vocabulary() * files.config().hidden();
        }
      }
      return flop / drawn.size();
    }

    private Work work(RunListener listener) {
      double microBatches = drawn.stream().mapToInt(List::size).average().orElse(1);
      long largest = drawn.stream().flatMap(List::stream).mapToLong(Rows::tokens).max().orElse(0);
      Optional<Placement> placement = placement();
      placement.ifPresent(where -> listener.stage("probe", 1));
      Threads.use(recipe.threads() > 0 ? recipe.threads() : Runtime.getRuntime().availableProcessors());
      OptionalDouble probe = placement.map(where -> OptionalDouble.of(MatrixSpeed.probe(
          where, (int) Math.max(64, Math.min(8192, largest)), files.config().hidden()))).orElse(OptionalDouble.empty());
      placement.ifPresent(where -> listener.advanced(1));
      return new Work(mean(Rows::tokens) * microBatches, mean(Rows::labels) * microBatches, largest, flop(),
          placement.map(Placement::device), probe);
    }

    /** Where the recipe would run here; empty where it cannot. */
    private Optional<Placement> placement() {
      return recipe.device().startsWith("cuda") && !Tensors.cudaIsAvailable()
          ? Optional.empty() : Optional.of(LoadedModel.placement(recipe.device(), recipe.dtype()));
    }

    private void warn(List<OnDevice> devices, long disk) {
      for (DataReport.TaskReport task : tasks.report().tasks()) {
        int left = task.train().dropped() + task.train().truncated();
        if (left > 0) {
          String what = switch (recipe.train().longRows()) {
            case REFUSE -> "train will refuse them";
            case DROP -> "they are dropped";
            case TRUNCATE -> "they are cut";
          };
          warnings.add("tasks." + task.task() + ": " + left + " of " + (task.train().rows() + task.train().dropped())
              + " training rows are longer than train.max_length or the model's context, the longest "
              + task.train().longest() + " tokens; " + what + "; raise train.max_length or shorten the rows");
        }
      }
      boolean gpu = placement().map(where -> !where.isCpu()).orElse(true);
      OnDevice used = devices.get(gpu ? 1 : 0);
      if (used.free().isPresent() && used.peak() > used.free().getAsLong()) {
        warnings.add(used.device() + ": " + gigabytes(used.peak()) + " are needed, " + gigabytes(
            used.free().getAsLong()) + " are free; " + lessMemory(used));
      }
      warnOfDisk(disk);
    }

    private static String lessMemory(OnDevice device) {
      if (device.step().peak() + device.libraries() <= device.free().orElse(0)) {
        return "training fits, the preview or scoring does not: lower eval.batch_size, or train fewer tasks at once";
      }
      return device.largestMicroBatch().stream()
          .mapToObj(most -> "set train.micro_batch_tokens to " + most + " or less").findFirst()
          .orElse("a smaller model or rank is needed");
    }

    private void warnOfDisk(long disk) {
      try {
        long usable = Files.getFileStore(Path.of("").toAbsolutePath()).getUsableSpace();
        if (usable < disk) {
          warnings.add("disk: the run folder takes up to " + gigabytes(disk) + ", " + gigabytes(usable)
              + " are free here; lower train.save_total_limit or give another --run-dir");
        }
      } catch (IOException unknown) {
        // A file system that does not tell: the run itself will.
      }
    }

    private static String gigabytes(long bytes) {
      return String.format(Locale.ROOT, "%.1f GB", bytes / 1e9);
    }
  }
}
