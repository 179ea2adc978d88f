package thanora.fused;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import thanora.Golden;
import thanora.Pico;
import thanora.data.Batch;
import thanora.data.Sample;
import thanora.lora.ChosenAdapter;
import thanora.lora.LoraAdapter;
import thanora.lora.Starts;
import thanora.model.Decoder;
import thanora.model.LayerPass;
import thanora.model.Reading;
import thanora.model.Prompt;
import thanora.model.TextGenerator;
import thanora.model.TokenBatch;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

/** Passes that are not recorded, beside the same operation by operation: hidden states, answers, texts read in pieces. */
class FusedAnswersTest {
  private static final Placement EXACT = new Placement("cpu", DType.F64);

  private final TensorScope scope = TensorScope.open();
  private final NoGrad off = NoGrad.open();

  @BeforeAll
  static void threads() {
    Threads.use(1);
  }

  @AfterEach
  void close() {
    off.close();
    scope.close();
  }

  private static Decoder load(String name, Placement placement) {
    return Pico.load(Pico.folder(name), placement);
  }

  private static LoraAdapter adapter(Decoder model, int rank, long seed) {
    LoraAdapter adapter = LoraAdapter.create(model, List.copyOf(model.projectionNames()), rank, 0, 16);
    Starts.disturb(adapter, 0.1, seed);
    return adapter;
  }

  private static Batch ragged() {
    List<Sample> rows = new ArrayList<>();
    Starts.rows(3, 5).forEach(rows::addAll);
    return Batch.of(rows, 3);
  }

  private static double[] hidden(Decoder model, LayerPass pass) {
    Batch batch = ragged();
    return Tensors.doubles(model.last(TokenBatch.of(batch.ids(), batch.rowStarts(), batch.rowTasks(),
        model.placement().device()), pass, Optional.empty()));
  }

  /** Prompts of unequal length, of which some begin alike. */
  private static List<int[]> prompts(int count, int alike) {
    Random random = new Random(4);
    List<int[]> prompts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int[] ids = new int[alike + 1 + random.nextInt(20)];
      for (int j = 0; j < ids.length; j++) {
        ids[j] = j < alike ? 3 + j : 3 + random.nextInt(Pico.VOCABULARY - 3);
      }
      prompts.add(ids);
    }
    return prompts;
  }

  /** Rows end at tokens that some answers hold, and others take their place: the answers are the beginnings of the whole ones. */
  private static void assertAnswers(Decoder model, Decoder plain, int alike) {
    List<int[]> prompts = prompts(7, alike);
    TextGenerator alone = new TextGenerator(plain, Set.of());
    List<int[]> whole = prompts.stream().map(prompt -> alone.generate(List.of(prompt), 1, 8).get(0)).toList();
    Set<Integer> stops = Set.copyOf(List.of(whole.get(0)[2], whole.get(4)[4]));
    List<int[]> cut = whole.stream()
        .map(answer -> Arrays.stream(answer).takeWhile(id -> !stops.contains(id)).toArray()).toList();
    assertThat(new TextGenerator(model, stops).generate(prompts.stream().map(Prompt::new).toList(), 1, 1, 8, 3, done -> {}))
        .usingRecursiveComparison().isEqualTo(cut);
  }

  private static void assertAlike(String name, Consumer<Decoder> change, int layers) {
    Decoder plain = load(name, EXACT);
    change.accept(plain);
    Decoder model = load(name, EXACT);
    change.accept(model);
    FusedDecoder fused = FusedDecoder.of(model);
    assertThat(fused.layers(false)).hasSize(layers);
    double[] expected = hidden(plain, LayerPass.PLAIN);
    Golden.assertClose("hidden", hidden(model, fused), expected, 1e-10);
    Golden.assertClose("hidden, on the weights that have moved", hidden(model, LayerPass.PLAIN), expected, 1e-10);
    assertAnswers(model, plain, 16);
  }

  @ParameterizedTest
  @CsvSource({"llama, 2", "llama-bias, 2", "llama-tied-sharded, 2", "qwen2, 2", "qwen2-windows, 3", "phi3, 2",
      "phi3-longrope, 2", "mistral, 2", "smollm, 3", "smollm3, 4", "qwen3, 0"})
  void hiddenStatesAndAnswersAreThoseOfTheOperations(String name, int layers) {
    assertAlike(name, model -> {}, layers);
    assertAlike(name, model -> adapter(model, 5, 1).attach(model), layers);
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama", "phi3"})
  void soTheyAreWhereTasksChooseAnAdapter(String name) {
    assertAlike(name, model -> ChosenAdapter.attach(model, List.of(adapter(model, 5, 1), adapter(model, 3, 2))),
        load(name, EXACT).config().layers());
  }

  /** The base reads some, each of two adapters others; texts join and leave, pieces are of one token and of more. */
  @Test
  void textsThatAreReadInPieces() {
    List<double[]> logits = new ArrayList<>();
    for (boolean fast : new boolean[] {false, true}) {
      Decoder model = load("llama", EXACT);
      ChosenAdapter.attach(model, List.of(adapter(model, 5, 1), adapter(model, 3, 2)));
      if (fast) {
        FusedDecoder.of(model);
      }
      logits.add(readInPieces(model));
    }
    Golden.assertClose("logits", logits.get(1), logits.get(0), 1e-10);
  }

  private static double[] readInPieces(Decoder model) {
    List<double[]> logits = new ArrayList<>();
    List<Reading> texts = Stream.of(0, 0, 1, 2).map(model::open).toList();
    for (int step = 0; step < 6; step++) {
      List<Reading> now = step % 2 == 0 ? texts : texts.subList(step / 2, 4);
      int piece = step % 3 == 0 ? 4 : 1;
      List<int[]> ids = now.stream().map(text -> Arrays.copyOf(new int[] {9 + text.length(), 33, 50, 60}, piece)).toList();
      logits.add(Tensors.doubles(model.read(now, ids)));
    }
    texts.forEach(Reading::close);
    return logits.stream().flatMapToDouble(Arrays::stream).toArray();
  }

  /** One storage for all: an adapter comes, is changed, goes; other weights take the place of the base's for a while. */
  @Test
  void whatIsAroundTheLinearLayersMayChange() {
    Decoder model = load("llama", EXACT);
    Decoder plain = load("llama", EXACT);
    FusedDecoder fused = FusedDecoder.of(model);
    assertThat(FusedDecoder.of(model)).isSameAs(fused);
    double[] base = hidden(plain, LayerPass.PLAIN);
    Golden.assertClose("base", hidden(model, fused), base, 1e-10);

    LoraAdapter adapter = adapter(model, 5, 1);
    adapter.attach(model);
    double[] adapted = hidden(model, LayerPass.PLAIN);
    assertThat(adapted).isNotEqualTo(base);
    Golden.assertClose("adapter", hidden(model, fused), adapted, 1e-10);
    Starts.disturb(adapter, 0.1, 3);
    double[] changed = hidden(model, LayerPass.PLAIN);
    Golden.assertClose("adapter changed", hidden(model, fused), changed, 1e-10);

    adapter.detach(model);
    Golden.assertClose("base again", hidden(model, fused), base, 1e-10);
    String name = model.projectionNames().iterator().next();
    Tensor other = Tensors.zeros(EXACT, Tensors.shape(model.projection(name).weight()));
    double[] without = model.with(Map.of(name, other), () -> hidden(model, LayerPass.PLAIN));
    assertThat(without).isNotEqualTo(base);
    Golden.assertClose("other weight", model.with(Map.of(name, other), () -> hidden(model, fused)), without, 1e-10);
    Golden.assertClose("base at last", hidden(model, fused), base, 1e-10);
  }

  /** Weights are moved, not copied: each of the model's is a view of what the layers read. */
  @Test
  void weightsAreThereOnce() {
    Decoder model = load("llama", EXACT);
    hidden(model, FusedDecoder.of(model));
    Tensor q = model.projection("model.layers.0.self_attn.q_proj").weight();
    Tensor k = model.projection("model.layers.0.self_attn.k_proj").weight();
    assertThat(Tensors.address(k) - Tensors.address(q)).isEqualTo(q.numel() * DType.F64.bytes());
    long before = Tensors.address(q);
    hidden(model, FusedDecoder.of(model));
    assertThat(Tensors.address(q)).isEqualTo(before);
  }

  @Test
  void thePropertyTakesTheFastWayAway() {
    Decoder model = load("llama", EXACT);
    FusedDecoder fused = FusedDecoder.of(model);
    TokenBatch batch = Pico.tokens(ragged());
    System.setProperty("thanora.fused", "false");
    try {
      assertThat(fused.apply(0, model.embed(batch), batch, java.util.Optional.empty())).isEmpty();
    } finally {
      System.clearProperty("thanora.fused");
    }
  }

  @Tag("gpu")
  @ParameterizedTest
  @ValueSource(strings = {"llama", "llama-bias", "qwen2-windows", "phi3", "mistral", "smollm", "smollm3"})
  void onAGpuAnswersInFloat32AreThose(String name) {
    Decoder plain = load(name, Placement.CPU_F32);
    Decoder model = load(name, Placement.CPU_F32.on("cuda"));
    FusedDecoder.of(model);
    assertAnswers(model, plain, 16);
    adapter(plain, 5, 1).attach(plain);
    adapter(model, 5, 1).attach(model);
    assertAnswers(model, plain, 16);
  }
}
