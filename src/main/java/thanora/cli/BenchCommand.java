package thanora.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import thanora.LoadedModel;
import thanora.Recipe;
import thanora.checkpoint.AtomicFolders;
import thanora.data.Batch;
import thanora.data.MemberBatch;
import thanora.text.Encoded;
import thanora.data.Row;
import thanora.data.Sample;
import thanora.hasi.HasiConfig;
import thanora.model.Decoder;
import thanora.tensor.GpuMemory;
import thanora.tensor.Seeds;
import thanora.tensor.Threads;
import thanora.train.Trainer;

/** Times training steps on random tokens, as bench/peft_step.py times PEFT's. */
@Command(
    name = "bench",
    hidden = true,
    description = {
      "Times training steps, all linear layers adapted: random rows of full length, every token trained on,"
          + " or the rows of a file. In float32 on the CPU, in bfloat16 on a GPU."
    })
final class BenchCommand implements Callable<Integer> {
  /** The model comes from one place. */
  static final class Source {
    @Option(names = "--model", paramLabel = "PATH", description = "A model with its weights.")
    Optional<String> model = Optional.empty();

    @Option(
        names = "--config",
        paramLabel = "FILE",
        description = "A config.json, for a model of random weights.")
    Optional<Path> config = Optional.empty();
  }

  @ArgGroup(exclusive = true)
  private Source source = new Source();

  @Option(
      names = "--method",
      paramLabel = "NAME",
      description = "One of ${COMPLETION-CANDIDATES}; ${DEFAULT-VALUE} if left out.")
  private BenchAdapter.Method method = BenchAdapter.Method.THANORA;

  @Option(names = "--tasks", paramLabel = "N", description = "Tasks of thanora; ${DEFAULT-VALUE}.")
  private int tasks = 6;

  @Option(names = "--batch", paramLabel = "N", description = "Rows a step; ${DEFAULT-VALUE}.")
  private int rows = 4;

  @Option(names = "--length", paramLabel = "N", description = "Tokens a row; ${DEFAULT-VALUE}.")
  private int length = 128;

  @Option(
      names = "--rows",
      paramLabel = "FILE",
      description = "JSONL with prompt and completion, in file order, cut to --length; needs --model.")
  private Optional<Path> file = Optional.empty();

  @Option(
      names = "--preview",
      paramLabel = "N",
      description = "Times preview and initialisation of thanora from N rows a task instead of steps.")
  private int previewRows = 0;

  @Option(
      names = "--spectra",
      paramLabel = "NAME",
      description = "hasi.spectra of --preview: one of ${COMPLETION-CANDIDATES}.")
  private HasiConfig.Spectra spectra = HasiConfig.Spectra.AUTO;

  @Option(names = "--beside-exact", description = "--preview once more with exact spectra, and how far they are apart.")
  private boolean besideExact;

  @Option(
      names = "--images",
      paramLabel = "N",
      description = "Images of random pixels in front of every row of random tokens, whose features are kept on disk;"
          + " needs a model that sees.")
  private int images = 0;

  @Option(names = "--rank", paramLabel = "N", description = "LoRA rank; ${DEFAULT-VALUE}.")
  private int rank = 16;

  @Option(names = "--steps", paramLabel = "N", description = "Measured steps; ${DEFAULT-VALUE}.")
  private int steps = 8;

  @Option(names = "--warmup", paramLabel = "N", description = "Steps before; ${DEFAULT-VALUE}.")
  private int warmup = 2;

  @Option(names = "--checkpointing", description = "Layers keep their input only and are run again.")
  private boolean checkpointing = false;

  @Option(names = "--threads", paramLabel = "N", description = "0: all cores.")
  private int threads = 0;

  @Option(names = "--device", paramLabel = "NAME", description = "cpu or cuda:0; ${DEFAULT-VALUE}.")
  private String device = "cpu";

  @Mixin private OutputOptions output;

  @Override
  public Integer call() throws IOException {
    check();
    if (source.config.isPresent()) {
      Threads.use(threads());
      Decoder model = RandomWeights.load(source.config.get(), device);
      measure(model, random(model.config().vocabulary()));
    } else {
      try (LoadedModel model = LoadedModel.load(
          source.model.orElseThrow(), device, Recipe.Dtype.AUTO, threads())) {
        measure(model.decoder(),
            file.isPresent() ? read(file.get(), model) : random(model.decoder().config().vocabulary()));
      }
    }
    return 0;
  }

  private void check() {
    if (source.model.isEmpty() && source.config.isEmpty()) {
      throw new IllegalArgumentException("no model is given; give --model PATH or --config FILE");
    }
    if (file.isPresent() && source.model.isEmpty()) {
      throw new IllegalArgumentException("--rows needs a tokenizer; give --model PATH");
    }
    if (IntStream.of(tasks, rows, rank, steps).anyMatch(n -> n < 1) || length < 2 || warmup < 0 || previewRows < 0) {
      throw new IllegalArgumentException("--tasks, --batch, --rank and --steps are 1 or more,"
          + " --length 2 or more, --warmup and --preview 0 or more");
    }
    if (method == BenchAdapter.Method.THANORA && rank < tasks + 1) {
      throw new IllegalArgumentException("--rank " + rank + " is smaller than " + (tasks + 1)
          + " = tasks + 1; raise --rank or lower --tasks");
    }
  }

  private int threads() {
    return threads > 0 ? threads : Runtime.getRuntime().availableProcessors();
  }

  /** Rows of random tokens. */
  private IntFunction<Encoded> random(int vocabulary) {
    Random random = Seeds.stream(0, "bench");
    return row -> new Encoded(random.ints(length, 0, vocabulary).toArray(), 0);
  }

  /** The rows of a file as the model sees them, over and over. */
  private IntFunction<Encoded> read(Path rows, LoadedModel model) throws IOException {
    List<Encoded> encoded = new ArrayList<>();
    for (String line : Files.readAllLines(rows)) {
      JsonNode row = new ObjectMapper().readTree(line);
      Encoded whole = model.encode(Row.of(row.path("prompt").asText(), row.path("completion").asText()));
      int[] ids = Arrays.copyOf(whole.ids(), Math.min(length, whole.ids().length));
      encoded.add(new Encoded(ids, Math.min(ids.length - 1, whole.promptLength())));
    }
    return row -> encoded.get(row % encoded.size());
  }

  private void measure(Decoder model, IntFunction<Encoded> source) throws IOException {
    if (previewRows > 0) {
      preview(model, source);
    } else {
      time(model, source);
    }
  }

  private void preview(Decoder model, IntFunction<Encoded> source) throws IOException {
    List<List<Sample>> byTask = new ArrayList<>();
    for (int task = 0; task < tasks; task++) {
      List<Sample> samples = new ArrayList<>();
      for (int row = 0; row < previewRows; row++) {
        Encoded encoded = source.apply(task * previewRows + row);
        samples.add(new Sample(task, row, encoded.ids(), encoded.promptLength()));
      }
      byTask.add(samples);
    }
    Map<String, Object> result = new LinkedHashMap<>();
    try (Progress progress = output.progress("preview", model.stages())) {
      BenchPreview made = BenchPreview.of(model, rank, spectra, byTask, progress);
      result.put("preview_seconds", rounded(made.seconds()));
      if (!Double.isNaN(made.gpuBytes())) {
        result.put("peak_gpu_mb_beyond_model", Math.round(made.gpuBytes() / 1e6));
      }
      peakMegabytes().ifPresent(value -> result.put("peak_rss_mb", value));
      result.put("pass_seconds", rounded(BenchPreview.pass(model, spectra, byTask)));
      result.put("tokens", byTask.stream().flatMap(List::stream).mapToLong(row -> row.ids().length).sum());
      if (besideExact) {
        result.putAll(made.beside(BenchPreview.of(
            model, rank, HasiConfig.Spectra.EXACT, byTask, progress.from(0)).plan()));
      }
    }
    output.result(result, result.toString());
  }

  private void time(Decoder model, IntFunction<Encoded> source) throws IOException {
    BenchAdapter made = BenchAdapter.attach(model, method, rank, tasks);
    Trainer trainer = made.trainer(model, rows, warmup + steps, checkpointing);
    Optional<BenchImages> seen = images == 0 ? Optional.empty() : Optional.of(new BenchImages(
        model.vision().orElseThrow(() -> new IllegalArgumentException("--images needs a model that sees")),
        model.config().imageToken(), 4 * rows * images, images));
    Path cache = Files.createTempDirectory("bench-images");
    seen.ifPresent(own -> own.use(cache));
    double[] seconds = new double[steps];
    double loss = 0;
    long tokens = 0;
    Batch next = batch(source, 0, made.tasks(), seen);
    for (int step = 1; step <= warmup + steps; step++) {
      Batch batch = next;
      next = batch(source, step * rows, made.tasks(), seen);
      trainer.ahead(List.of(MemberBatch.of(next, 1)));
      long start = System.nanoTime();
      loss = trainer.step(List.of(batch), step, BenchAdapter.LEARNING_RATE).get(0).loss();
      if (step > warmup) {
        seconds[step - warmup - 1] = (System.nanoTime() - start) / 1e9;
        tokens += batch.tokens();
      }
    }
    AtomicFolders.remove(cache);
    report(seconds, tokens, loss, made.adapter().trainableParameters(), GpuMemory.peakBytes(model.placement()));
  }

  /** The rows from that number on, in turn of each task. */
  private Batch batch(IntFunction<Encoded> source, int first, int tasksHere, Optional<BenchImages> seen) {
    List<Sample> samples = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      Encoded encoded = source.apply(first + row);
      int number = first + row;
      samples.add(new Sample(row % tasksHere, row, seen.map(own -> own.place(encoded.ids())).orElse(encoded.ids()),
          encoded.trained(), seen.map(own -> own.of(number)).orElse(List.of())));
    }
    return Batch.of(samples, tasksHere);
  }

  private void report(double[] seconds, long tokens, double loss, long parameters, double gpuBytes) throws IOException {
    double mean = Arrays.stream(seconds).average().orElseThrow();
    double[] sorted = Arrays.stream(seconds).sorted().toArray();
    double median = (sorted[(steps - 1) / 2] + sorted[steps / 2]) / 2;
    OptionalLong peak = peakMegabytes();
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("seconds_per_step_mean", rounded(mean));
    result.put("median", rounded(median));
    result.put("best", rounded(sorted[0]));
    result.put("steps", steps);
    peak.ifPresent(value -> result.put("peak_rss_mb", value));
    if (!Double.isNaN(gpuBytes)) {
      result.put("peak_gpu_mb", Math.round(gpuBytes / 1e6));
    }
    result.put("tokens_per_second", rounded(tokens / (mean * steps)));
    result.put("loss", rounded(loss));
    result.put("trainable_parameters", parameters);
    result.put("threads", threads());
    result.put("seconds", Arrays.stream(seconds).map(BenchCommand::rounded).toArray());
    output.result(result, String.format(Locale.ROOT, "%.3f s a step (median of %d, best %.3f)%s",
        median, steps, sorted[0], peak.isPresent() ? ", peak " + peak.getAsLong() + " MB" : ""));
  }

  private static double rounded(double value) {
    return Math.round(value * 1e4) / 1e4;
  }

  /** The most memory this process had; empty where there is no /proc. */
  private static OptionalLong peakMegabytes() throws IOException {
    Path status = Path.of("/proc/self/status");
    if (!Files.exists(status)) {
      return OptionalLong.empty();
    }
    return Files.readAllLines(status).stream()
        .filter(line -> line.startsWith("VmHWM:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) / 1024)
        .findFirst();
  }
}
