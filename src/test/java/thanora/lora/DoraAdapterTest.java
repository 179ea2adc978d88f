package thanora.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import thanora.Golden;
import thanora.Pico;
import thanora.checkpoint.SafetensorsFile;
import thanora.data.Batch;
import thanora.data.MemberBatch;
import thanora.export.PeftAdapter;
import thanora.method.Dora;
import thanora.model.Decoder;
import thanora.model.TokenBatch;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

/** DoRA; one step beside PEFT's is in RivalsStepTest. */
class DoraAdapterTest {
  private static final Placement F64 = new Placement("cpu", DType.F64);
  private static final String DOWN = "model.layers.1.mlp.down_proj";

  @TempDir Path folder;

  private final TensorScope scope = TensorScope.open();

  @BeforeAll
  static void threads() {
    Threads.use(1);
  }

  @AfterEach
  void close() {
    scope.close();
  }

  private static DoraAdapter start(Decoder model, int members) {
    List<String> modules = List.copyOf(model.projectionNames());
    DoraAdapter adapter =
        (DoraAdapter) new Dora().form(Starts.setting(model, modules)).create(model, modules, members);
    for (int member = 0; member < members; member++) {
      new Dora().start(Starts.setting(model, modules, 1 + member), adapter, member);
    }
    return adapter;
  }

  /** A and m change what the function is already through B. */
  @ParameterizedTest
  @ValueSource(strings = {"llama", "qwen2", "llama-bias"})
  void theMergedWeightGivesTheAdaptersLogits(String name) {
    Decoder model = Pico.load(name, DType.F64);
    Batch batch = Pico.batch(name);
    double[] base = Tensors.doubles(Pico.logits(model, batch));
    DoraAdapter adapter = start(model, 1);
    adapter.attach(model);
    Starts.disturb(adapter, 0.05, 2);
    double[] adapted = Tensors.doubles(Pico.logits(model, batch));
    adapter.detach(model);
    for (String module : adapter.modules()) {
      model.setWeight(module, adapter.merged(module, 0, model.projection(module).weight()));
    }
    Golden.assertClose("logits", adapted, Tensors.doubles(Pico.logits(model, batch)), 2e-6);
    assertThat(adapted[5]).isNotCloseTo(base[5], within(1e-3));
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama", "qwen2", "llama-bias"})
  void theFirstStepsOutputIsTheBasesInFloat32AndInBfloat16(String name) {
    for (DType dtype : List.of(DType.F32, DType.BF16)) {
      for (int members : new int[] {1, 2}) {
        Decoder model = Pico.load(name, dtype);
        Batch batch = Pico.batch(name);
        float[] base = Tensors.floats(logits(model, batch, members));
        start(model, members).attach(model);
        assertThat(Tensors.floats(logits(model, batch, members))).isEqualTo(base);
      }
    }
  }

  private static Tensor logits(Decoder model, Batch batch, int members) {
    try (NoGrad off = NoGrad.open()) {
      return model.logits(model.hidden(TokenBatch.of(MemberBatch.of(batch, members), "cpu")));
    }
  }

  /** Rows of W + s B A are as long as m says. */
  @Test
  void rowsOfTheMergedWeightAreAsLongAsM() {
    Decoder model = Pico.load("llama");
    DoraAdapter adapter = start(model, 2);
    Starts.disturb(adapter, 0.1, 3);
    for (String module : adapter.modules()) {
      for (int member = 0; member < 2; member++) {
        Tensor w = Tensors.to(model.projection(module).weight(), F64);
        Golden.assertClose(module, Tensors.doubles(Ops.norms(adapter.merged(module, member, w), -1)),
            Tensors.doubles(Starts.values(adapter, module, "m", member)), 1e-6);
      }
    }
  }

  /** ρ − 1 = 2e-3: beside 1 bfloat16 would round it to 0. The base's y is made small beside it. */
  @Test
  void aSmallChangeOfLengthSurvivesBfloat16() {
    Decoder model = Pico.load("llama", DType.BF16);
    DoraAdapter adapter = new DoraAdapter.Form(8, 2).create(model, List.of(DOWN), 1);
    long in = model.projection(DOWN).weight().size(1);
    long out = model.projection(DOWN).weight().size(0);
    adapter.set(DOWN, 0, Tensors.zeros(Placement.CPU_F32, 8, in), Tensors.zeros(Placement.CPU_F32, 8, out));
    try (NoGrad off = NoGrad.open()) {
      Ops.scaleInPlace(Starts.values(adapter, DOWN, "m", 0), 1.002);
    }
    adapter.refresh();
    float[] wx = new float[(int) out];
    float[] bias = new float[(int) out];
    Arrays.fill(wx, 0.25f);
    Arrays.fill(bias, 0.25f - 8);
    // W x = 8, so y = 0.25 + 0.002 · 8
    Tensor y = adapter.apply(adapter.site(DOWN), Tensors.zeros(model.placement(), 1, in),
        Tensors.cast(Tensors.of(wx, 1, out), DType.BF16), Optional.of(Tensors.cast(Tensors.of(bias, out), DType.BF16)),
        TokenBatch.of(new int[1], "cpu"));
    for (double value : Tensors.doubles(y)) {
      assertThat(value).isCloseTo(0.266, within(1e-3));
    }
  }

  @Test
  void whatIsWrittenForPeftIsReadBackWithTheSameFunction() throws IOException {
    Decoder model = Pico.load("qwen2", DType.F64);
    Batch batch = Pico.batch("qwen2");
    DoraAdapter adapter = start(model, 1);
    Starts.disturb(adapter, 0.05, 4);
    PeftAdapter.write(folder, adapter, model, "base/model", Optional.empty());
    adapter.attach(model);
    double[] expected = Tensors.doubles(Pico.logits(model, batch));
    adapter.detach(model);

    JsonNode config = new ObjectMapper().readTree(folder.resolve("adapter_config.json").toFile());
    assertThat(config.get("use_dora").asBoolean()).isTrue();
    assertThat(config.get("r").asInt()).isEqualTo(8);
    assertThat(config.get("lora_alpha").asInt()).isEqualTo(16);
    try (SafetensorsFile file = SafetensorsFile.open(folder.resolve("adapter_model.safetensors"))) {
      assertThat(file.names()).hasSize(3 * adapter.modules().size())
          .contains("base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector");
    }
    Adapter read = PeftAdapter.read(folder, model);
    assertThat(Tensors.floats(read.parameters())).isEqualTo(Tensors.floats(adapter.parameters()));
    read.attach(model);
    assertThat(Tensors.doubles(Pico.logits(model, batch))).isEqualTo(expected);
  }
}
