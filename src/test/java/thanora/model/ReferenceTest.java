package thanora.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import thanora.Golden;
import thanora.Pico;
import thanora.checkpoint.SafetensorsFile;
import thanora.checkpoint.Weights;
import thanora.data.Batch;
import thanora.dist.ProcessGroup;
import thanora.lora.Adapter;
import thanora.lora.LoraAdapter;
import thanora.lora.Blocks;
import thanora.lora.Factors;
import thanora.lora.Penalty;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;
import thanora.train.LrSchedule;
import thanora.train.TrainConfig;
import thanora.train.Trainee;
import thanora.train.Trainer;

/** The decoder against transformers, its LoRA gradients against PEFT, in float32. */
class ReferenceTest {
  private static final double TOLERANCE = 1e-4;

  @BeforeAll
  static void threads() {
    Threads.use(1);
  }

  static Tensor value(Weights expected, String name) {
    return expected.load(name, Placement.CPU_F32);
  }

  @ParameterizedTest
  @MethodSource("thanora.Pico#models")
  void everyHiddenStateAndLogitEqualsTransformers(String name) throws IOException {
    try (TensorScope scope = TensorScope.open(); NoGrad off = NoGrad.open(); SafetensorsFile expected = Pico.expected(name)) {
      Decoder model = Pico.load(name);
      Batch batch = Batch.of(Pico.samples(expected), 3);
      TokenBatch tokens = Pico.tokens(batch);
      Tensor x = model.embed(tokens);
      check(expected, "embed", x, tokens);
      for (int layer = 0; layer < model.config().layers(); layer++) {
        x = model.layer(layer, x, tokens);
        check(expected, "layer" + layer, x, tokens);
      }
      check(expected, "norm", model.normed(x), tokens);
      Tensor logits = model.logits(model.hidden(tokens));
      for (int i = 0; i < 3; i++) {
        Golden.assertClose("logits " + i, row(logits, tokens, i), value(expected, "logits_" + i), TOLERANCE);
      }
      HeadLoss.Result loss = HeadLoss.of(model, model.last(tokens), batch.labelled(), batch.targets());
      double mean = 0;
      for (float nll : loss.nll()) {
        mean += nll / loss.nll().length;
      }
      assertThat(mean).isCloseTo(value(expected, "loss").item_double(), within(1e-4));
    }
  }

  private static void check(Weights expected, String state, Tensor x, TokenBatch tokens) {
    for (int i = 0; i < 3; i++) {
      Golden.assertClose(state + " " + i, row(x, tokens, i), value(expected, "hidden_" + i + "_" + state), TOLERANCE);
    }
  }

  /** The tokens of a row. */
  static Tensor row(Tensor x, TokenBatch tokens, int i) {
    int end = i + 1 < tokens.rows() ? tokens.rowStart(i + 1) : tokens.tokens();
    return Ops.narrow(x, 0, tokens.rowStart(i), end - tokens.rowStart(i));
  }

  @ParameterizedTest
  @MethodSource("thanora.Pico#modelsWithAdapter")
  void adapterLogitsLossAndGradientsEqualPeft(String name) throws IOException {
    try (TensorScope scope = TensorScope.open(); SafetensorsFile expected = Pico.expected(name)) {
      Decoder model = Pico.load(name);
      LoraAdapter adapter = peftAdapter(model, List.copyOf(model.projectionNames()), Pico.folder(name));
      adapter.attach(model);
      Batch batch = Batch.of(Pico.samples(expected), 3);
      TokenBatch tokens = Pico.tokens(batch);
      try (NoGrad off = NoGrad.open()) {
        Tensor logits = model.logits(model.hidden(tokens));
        for (int i = 0; i < 3; i++) {
          Golden.assertClose("logits " + i, row(logits, tokens, i), value(expected, "lora_logits_" + i), TOLERANCE);
        }
      }
      TrainConfig config = new TrainConfig(
          0, 1, 0, LrSchedule.CONSTANT, 3, 0, 1, 0, 0, 0.9, 0.999, 1e-8, 0, 0, 1, 0, false, false, 0, false);
      Trainer trainer = new Trainer(
          model, List.of(Trainee.of(adapter, Penalty.NONE)), config, ProcessGroup.single());
      Trainer.StepResult step = trainer.step(List.of(batch), 1, 0).get(0);
      assertThat(step.loss()).isCloseTo(value(expected, "lora_loss").item_double(), within(1e-4));
      checkGradients(adapter, expected);
      // one micro-batch a sequence: the token-exact mean gives the same
      List<Batch> parts = Pico.samples(expected).stream().map(s -> Batch.of(List.of(s), 3)).toList();
      Trainer.StepResult again = trainer.step(parts, 2, 0).get(0);
      assertThat(again.loss()).isCloseTo(step.loss(), within(1e-6));
      checkGradients(adapter, expected);
      adapter.detach(model);
      Tensor base = model.logits(model.hidden(tokens));
      Golden.assertClose("base", row(base, tokens, 1), value(expected, "logits_1"), TOLERANCE);
    }
  }

  /** The adapter that PEFT saved with a golden model, on these modules of it. */
  static LoraAdapter peftAdapter(Decoder model, List<String> modules, Path folder) {
    LoraAdapter adapter = LoraAdapter.create(model, modules, 4, 0, 8);
    Path file = folder.resolve("adapter/adapter_model.safetensors");
    try (SafetensorsFile peft = SafetensorsFile.open(file)) {
      for (String module : modules) {
        Tensor a = value(peft, "base_model.model." + module + ".lora_A.weight");
        Tensor b = value(peft, "base_model.model." + module + ".lora_B.weight");
        Tensor none = Tensors.empty(Placement.CPU_F32, 0, 1);
        adapter.set(module, new Factors(a, b.t(), none, none, new Blocks(new int[] {4}, 0)));
      }
    }
    return adapter;
  }

  /** Against what PEFT computed. */
  static void checkGradients(LoraAdapter adapter, Weights expected) {
    for (Adapter.Stack stack : adapter.stacks()) {
      for (int i = 0; i < stack.names().size(); i++) {
        String key = "grad.base_model.model." + stack.names().get(i);
        Golden.assertClose(key, adapter.gradA(stack, 0).select(0, i), value(expected, key + ".lora_A.weight"), TOLERANCE);
        Golden.assertClose(key, adapter.gradBt(stack, 0).select(0, i).t(), value(expected, key + ".lora_B.weight"), TOLERANCE);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama", "llama3", "qwen2", "qwen3", "smollm3", "phi3", "gemma2", "gemma3"})
  void ggufFilesGiveTheLogitsOfTheirDequantisedWeights(String name) {
    Path path = Golden.path("gguf/tiny-" + name + ".gguf");
    try (TensorScope scope = TensorScope.open(); NoGrad off = NoGrad.open();
        SafetensorsFile expected = SafetensorsFile.open(Golden.path("gguf/tiny-" + name + ".expected.safetensors"))) {
      Decoder model = Pico.load(path, Placement.CPU_F32);
      for (int i = 0; i < 3; i++) {
        Tensor hidden = model.hidden(TokenBatch.of(Pico.ids(expected, i), "cpu"));
        Golden.assertClose("logits " + i, model.logits(hidden), value(expected, "logits_" + i), TOLERANCE);
      }
    }
  }

  /** Rounding, but no more: factors and norms that are kept in another type meet activations in bfloat16. */
  @ParameterizedTest
  @ValueSource(strings = {"llama", "phi3-longrope", "gemma2", "gemma3"})
  void bfloat16IsNearFloat32(String name) {
    try (TensorScope scope = TensorScope.open()) {
      Batch batch = Pico.batch(name);
      Tensor narrow = Pico.logits(Pico.load(name, DType.BF16), batch);
      assertThat(DType.of(narrow)).isEqualTo(DType.BF16);
      Golden.assertClose(name, Tensors.doubles(narrow), Tensors.doubles(Pico.logits(Pico.load(name), batch)), 0.05);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama", "mistral", "qwen2-windows", "qwen3", "smollm", "smollm3-windows-legacy", "phi3",
      "phi3-longrope", "gemma2", "gemma3"})
  void generationWithTheCacheEqualsGenerationWithoutIt(String name) throws IOException {
    try (TensorScope scope = TensorScope.open(); NoGrad off = NoGrad.open(); SafetensorsFile expected = Pico.expected(name)) {
      Decoder model = Pico.load(name);
      List<int[]> prompts = List.of(Pico.ids(expected, 0), Pico.ids(expected, 1), Pico.ids(expected, 2));
      List<int[]> answers = new TextGenerator(model, Set.of()).generate(prompts, 0, 9);
      for (int i = 0; i < 3; i++) {
        int[] row = prompts.get(i);
        for (int made = 0; made < 9; made++) {
          long[] best = Tensors.longs(Ops.argmax(model.logits(model.hidden(TokenBatch.of(row, "cpu")))));
          row = Arrays.copyOf(row, row.length + 1);
          row[row.length - 1] = (int) best[best.length - 1];
        }
        assertThat(answers.get(i)).isEqualTo(Arrays.copyOfRange(row, prompts.get(i).length, row.length));
      }
    }
  }

  /**
   * Rows that end leave, the last one takes their place, prompts that wait join; of two members both must end.
   * What enough prompts begin with is read once.
   */
  @ParameterizedTest
  @CsvSource({"llama, 0", "qwen2-windows, 0", "phi3-longrope, 0", "gemma2, 0", "llama, 12", "qwen2-windows, 12",
      "phi3, 12", "phi3-longrope, 8", "gemma2, 12", "gemma3, 12"})
  void answersDoNotDependOnWhatIsBesideThem(String name, int alike) throws IOException {
    try (TensorScope scope = TensorScope.open(); SafetensorsFile expected = Pico.expected(name)) {
      Decoder model = Pico.load(name);
      List<int[]> prompts = new ArrayList<>();
      for (int i = 0; i < 9; i++) {
        int[] whole = Pico.ids(expected, i % 3);
        int[] own = Arrays.copyOf(whole, Math.max(1, whole.length - i));
        int[] prompt = IntStream.range(0, alike + own.length)
            .map(at -> at < alike ? 3 + 5 * at : own[at - alike]).toArray();
        prompts.add(prompt);
      }
      TextGenerator alone = new TextGenerator(model, Set.of());
      List<int[]> whole = prompts.stream().map(prompt -> alone.generate(List.of(prompt), 0, 12).get(0)).toList();
      Set<Integer> stops = Set.copyOf(List.of(whole.get(0)[3], whole.get(4)[5], whole.get(8)[1]));
      List<int[]> cut = whole.stream().map(answer -> Arrays.stream(answer).takeWhile(id -> !stops.contains(id)).toArray()).toList();
      assertThat(cut.stream().map(answer -> answer.length).distinct().count()).isGreaterThan(1);
      TextGenerator generator = new TextGenerator(model, stops);
      for (int atOnce : new int[] {1, 2, 4, 20}) {
        List<Integer> done = new ArrayList<>();
        assertThat(generator.generate(prompts.stream().map(Prompt::new).toList(), 0, 1, 12, atOnce, done::add)).usingRecursiveComparison().isEqualTo(cut);
        assertThat(done).isSorted().endsWith(9);
        assertThat(generator.generate(prompts.stream().map(Prompt::new).toList(), 0, 2, 12, atOnce, answered -> {})).usingRecursiveComparison()
            .isEqualTo(Stream.concat(cut.stream(), cut.stream()).toList());
      }
    }
  }
}
