package thanora.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.assertj.core.data.Percentage;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import thanora.SmolLm2;
import thanora.checkpoint.Checkpoint;
import thanora.data.Batch;
import thanora.data.Sample;
import thanora.dist.ProcessGroup;
import thanora.lora.Adapter;
import thanora.lora.AdapterForm;
import thanora.lora.DoraAdapter;
import thanora.lora.LoraAdapter;
import thanora.lora.Penalty;
import thanora.model.Decoder;
import thanora.model.DecoderMemory;
import thanora.model.ModelConfig;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

/** {@link StepMemory} beside real steps: a process of its own, whose peak the kernel has counted. */
@Tag("slow")
class MeasuredStepTest {
  private static final String DEMO = "demo";

  /** Form lora-FROZEN or dora; rows of equal length, or of half of them half as long. */
  @ParameterizedTest
  @CsvSource({
    "demo, lora-0, 16, 128, false, false", "demo, lora-0, 64, 128, false, false", "demo, lora-13, 32, 128, true, false",
    "demo, dora, 32, 128, false, false", "smollm2, lora-0, 4, 128, false, false", "smollm2, lora-13, 8, 128, true, false",
    "demo, lora-0, 64, 128, false, true", "smollm2, lora-0, 8, 128, false, true"
  })
  void thePeakIsWithinAFifth(String model, String form, int rows, int length, boolean uneven, boolean checkpointing)
      throws Exception {
    Path path = path(model);
    long measured = measure(path.toString(), form, "" + rows, "" + length, "" + uneven, "" + checkpointing);
    try (Checkpoint checkpoint = Checkpoint.open(path)) {
      DecoderMemory decoder = new DecoderMemory(ModelConfig.from(checkpoint.config()), DType.F32, false);
      List<String> all = decoder.linears().stream().map(DecoderMemory.Linear::name).toList();
      List<Sample> samples = samples(rows, length, uneven);
      long tokens = samples.stream().mapToLong(sample -> sample.ids().length).sum();
      StepMemory memory = StepMemory.of(decoder, all, form(form), 0,
          new DecoderMemory.Rows(tokens, tokens - rows, rows, length), checkpointing);
      assertThat((double) memory.peak()).isCloseTo(measured, Percentage.withPercentage(20));
    }
  }

  private static Path path(String model) throws IOException {
    if (model.equals(DEMO)) {
      return Path.of("demo", "model");
    }
    try (Stream<Path> files = Files.list(SmolLm2.folder())) {
      return files.filter(file -> file.toString().endsWith(".gguf")).findFirst().orElseThrow();
    }
  }

  private static AdapterForm form(String name) {
    return name.equals("dora") ? new DoraAdapter.Form(16, 2)
        : new LoraAdapter.Form(16, Integer.parseInt(name.substring("lora-".length())), 2, Optional.empty());
  }

  private static List<Sample> samples(int rows, int length, boolean uneven) {
    List<Sample> samples = new ArrayList<>();
    Random random = new Random(1);
    for (int row = 0; row < rows; row++) {
      int own = uneven && row % 2 == 1 ? length / 2 : length;
      samples.add(new Sample(0, row, random.ints(own, 0, 3000).toArray(), 0));
    }
    return samples;
  }

  /** Runs {@link #main} in a Java whose heap is in memory from the start; what it printed. */
  private static long measure(String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xms256m", "-Xmx256m",
        "-XX:+UseSerialGC", "-XX:+AlwaysPreTouch", "-Dorg.bytedeco.javacpp.maxPhysicalBytes=0",
        "-cp", System.getProperty("java.class.path"), MeasuredStepTest.class.getName()));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
    // as the launcher does
    builder.environment().put("MALLOC_ARENA_MAX", "1");
    builder.environment().put("MALLOC_MMAP_THRESHOLD_", "1073741824");
    builder.environment().put("MALLOC_TRIM_THRESHOLD_", "1073741824");
    Process process = builder.start();
    try (BufferedReader out = process.inputReader()) {
      long bytes = Long.parseLong(out.readLine());
      assertThat(process.waitFor()).isZero();
      return bytes;
    }
  }

  /** Takes two steps; prints the peak beyond what the process had with libraries alone, in bytes. */
  public static void main(String[] arguments) throws IOException {
    Threads.use(1);
    warmUp();
    long base = resident("VmRSS");
    try (Checkpoint checkpoint = Checkpoint.open(Path.of(arguments[0]))) {
      Decoder model =
          Decoder.load(ModelConfig.from(checkpoint.config()), checkpoint.weights(), Placement.CPU_F32);
      Adapter adapter = form(arguments[1]).create(model, List.copyOf(model.projectionNames()), 1);
      adapter.attach(model);
      Trainer trainer = new Trainer(model, List.of(Trainee.of(adapter, Penalty.NONE)),
          new TrainConfig(1e-4, 2, 0, LrSchedule.CONSTANT, 1, 0, 1, 1, 0, 0.9, 0.999, 1e-8, 0, 0, 1, 0, false, false, 0,
              Boolean.parseBoolean(arguments[5])),
          ProcessGroup.single());
      List<Sample> rows = samples(
          Integer.parseInt(arguments[2]), Integer.parseInt(arguments[3]), Boolean.parseBoolean(arguments[4]));
      for (int step = 1; step <= 2; step++) {
        trainer.step(List.of(Batch.of(rows, 1)), step, 1e-4);
      }
      System.out.println(resident("VmHWM") - base);
    }
  }

  /** Loads the libraries, and has matrix products take the buffers that they keep. */
  private static void warmUp() {
    try (TensorScope scope = TensorScope.open()) {
      Tensor a = Tensors.ones(Placement.CPU_F32, 512, 512);
      Ops.matmul(a, a);
    }
  }

  private static long resident(String key) throws IOException {
    return Files.readAllLines(Path.of("/proc/self/status")).stream().filter(line -> line.startsWith(key + ":"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10).findFirst().orElseThrow();
  }
}
