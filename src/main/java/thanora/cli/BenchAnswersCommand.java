package thanora.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import thanora.LoadedModel;
import thanora.Recipe;
import thanora.data.Row;
import thanora.model.Decoder;
import thanora.model.Prompt;
import thanora.model.TextGenerator;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.text.Encoded;

/** Times greedy generation as evaluation does it, beside bench/generate.py. */
@Command(
    name = "bench-answers",
    hidden = true,
    description = "Times greedy answers to the prompts of a file; --merged also those of a model with an adapter merged.")
final class BenchAnswersCommand implements Callable<Integer> {
  private static final int WARMUP_PROMPTS = 4;
  private static final int WARMUP_TOKENS = 4;

  @Option(names = "--model", required = true, paramLabel = "PATH", description = "A model with its weights.")
  private String source = "";

  @Option(names = "--rows", required = true, paramLabel = "FILE", description = "JSONL with prompts.")
  private Path file = Path.of("");

  @Option(names = "--prompts", paramLabel = "N", description = "How many; ${DEFAULT-VALUE}.")
  private int count = 256;

  @Option(names = "--batch", paramLabel = "N", description = "Answered at once; ${DEFAULT-VALUE}.")
  private int batch = 32;

  @Option(names = "--new-tokens", paramLabel = "N", description = "Of an answer at most; ${DEFAULT-VALUE}.")
  private int most = 64;

  @Option(names = "--endless", description = "No answer ends before --new-tokens.")
  private boolean endless;

  @Option(names = "--merged", description = "Base and merged model in turn.")
  private boolean merged;

  @Option(names = "--repeat", paramLabel = "N", description = "Measurements; ${DEFAULT-VALUE}.")
  private int repeat = 1;

  @Option(names = "--threads", paramLabel = "N", description = "0: all cores.")
  private int threads = 0;

  @Option(names = "--device", paramLabel = "NAME", description = "cpu or cuda:0; ${DEFAULT-VALUE}.")
  private String device = "cpu";

  @Mixin private OutputOptions output;

  /** Seconds of each measurement. */
  private final List<Double> seconds = new ArrayList<>();

  private final List<Double> mergedSeconds = new ArrayList<>();

  @Override
  public Integer call() throws IOException {
    if (count < 1 || batch < 1 || most < 1 || repeat < 1) {
      throw new IllegalArgumentException("--prompts, --batch, --new-tokens and --repeat are 1 or more");
    }
    int cores = threads > 0 ? threads : Runtime.getRuntime().availableProcessors();
    try (LoadedModel model = LoadedModel.load(source, device, Recipe.Dtype.AUTO, cores)) {
      List<int[]> prompts = read(model);
      TextGenerator generator = endless ? new TextGenerator(model.decoder(), Set.of()) : model.generator();
      generator.generate(prompts.subList(0, Math.min(WARMUP_PROMPTS, prompts.size())), 0, WARMUP_TOKENS);
      Map<String, Tensor> weights = merged ? merged(model.decoder()) : Map.of();
      List<int[]> answers = List.of();
      for (int i = 0; i < repeat; i++) {
        List<Prompt> asked = prompts.stream().map(Prompt::new).toList();
        Supplier<List<int[]>> all = () -> generator.generate(asked, 0, 1, most, batch, done -> {});
        answers = timed(all, seconds);
        if (merged) {
          model.decoder().with(weights, () -> timed(all, mergedSeconds));
        }
      }
      report(answers);
    }
    return 0;
  }

  /** The prompts as the model sees them, those of like length together as evaluation has them. */
  private List<int[]> read(LoadedModel model) throws IOException {
    List<int[]> prompts = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      JsonNode row = new ObjectMapper().readTree(line);
      if (prompts.size() < count) {
        Encoded encoded = model.encode(Row.of(row.path("prompt").asText(), "-"));
        prompts.add(Arrays.copyOf(encoded.ids(), encoded.promptLength()));
      }
    }
    prompts.sort(Comparator.comparingInt(prompt -> prompt.length));
    return prompts;
  }

  private static <T> T timed(Supplier<T> body, List<Double> seconds) {
    long start = System.nanoTime();
    T result = body.get();
    seconds.add(Math.round((System.nanoTime() - start) / 1e5) / 1e4);
    return result;
  }

  /** The weights with an adapter of random factors in them. */
  private static Map<String, Tensor> merged(Decoder decoder) {
    BenchAdapter made = BenchAdapter.attach(decoder, BenchAdapter.Method.THANORA, 16, 6);
    made.adapter().detach(decoder);
    try (NoGrad off = NoGrad.open()) {
      Map<String, Tensor> weights = new LinkedHashMap<>();
      for (String module : made.adapter().modules()) {
        weights.put(module, TensorScope.outside(() -> {
          Tensor w = Tensors.to(decoder.projection(module).weight(), new Placement("cpu", DType.F64));
          return Tensors.to(made.adapter().merged(module, 0, w), decoder.placement());
        }));
      }
      return weights;
    }
  }

  private void report(List<int[]> answers) {
    int tokens = answers.stream().mapToInt(answer -> answer.length).sum();
    double best = seconds.stream().mapToDouble(Double::doubleValue).min().orElseThrow();
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("seconds", seconds);
    if (merged) {
      result.put("merged_seconds", mergedSeconds);
    }
    result.put("tokens", tokens);
    result.put("tokens_per_second", Math.round(10 * tokens / best) / 10.0);
    result.put("answers", answers);
    output.result(result, String.format(Locale.ROOT, "%d tokens in %.3f s (best of %d)%s", tokens, best, repeat,
        merged ? String.format(Locale.ROOT, ", merged %.3f s",
            mergedSeconds.stream().mapToDouble(Double::doubleValue).min().orElseThrow()) : ""));
  }
}
