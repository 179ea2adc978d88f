package thanora.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import thanora.Golden;
import thanora.Pico;
import thanora.checkpoint.SafetensorsFile;
import thanora.data.Batch;
import thanora.dist.ProcessGroup;
import thanora.lora.Adapter;
import thanora.lora.Blocks;
import thanora.lora.DoraAdapter;
import thanora.lora.Factors;
import thanora.lora.LoraAdapter;
import thanora.lora.Penalty;
import thanora.lora.Starts;
import thanora.model.Decoder;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;
import thanora.train.Trainee;
import thanora.train.Trainer;

/** One step of each method beside PEFT's, from PEFT's initial weights. */
class RivalsStepTest {
  private static final int R = 4;
  private static final Set<String> TAKEN_OUT_OF_THE_BASE = Set.of("pissa", "olora", "corda");

  private final TensorScope scope = TensorScope.open();

  @BeforeAll
  static void threads() {
    Threads.use(1);
  }

  @AfterEach
  void close() {
    scope.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"lora", "rslora", "dora", "pissa", "olora", "corda"})
  void aStepIsPefts(String method) {
    try (SafetensorsFile steps = PeftSteps.open()) {
      Decoder model = Pico.load("llama");
      Batch batch = Pico.batch("llama");
      assertThat(Tensors.longs(steps.load("ids_1", new Placement("cpu", DType.I64)))).hasSize(
          batch.rowStarts()[2] - batch.rowStarts()[1]);
      Adapter adapter = adapter(method, model, steps);
      adapter.attach(model);
      Trainer trainer = new Trainer(model, List.of(Trainee.of(adapter, Penalty.NONE)),
          Starts.constant(1e-2, 0, 0), ProcessGroup.single());
      Trainer.StepResult result = trainer.step(List.of(batch), 1, 1e-2).get(0);
      double loss = Tensors.item(PeftSteps.value(steps, method + ".loss"));
      assertThat(result.loss()).isCloseTo(loss, within(1e-5 * loss));
      for (String module : adapter.modules()) {
        for (Map.Entry<String, String> field : fields(method).entrySet()) {
          String key = "." + module + "." + field.getKey();
          Golden.assertClose(method + ".grad" + key, Starts.gradients(adapter, module, field.getValue(), 0),
              stored(steps, method + ".grad" + key), 1e-4);
          Golden.assertClose(method + ".after" + key, Starts.values(adapter, module, field.getValue(), 0),
              stored(steps, method + ".after" + key), 1e-4);
        }
      }
      adapter.detach(model);
      assertMergedIsPefts(method, adapter, model, steps);
    }
  }

  private static void assertMergedIsPefts(String method, Adapter adapter, Decoder model, SafetensorsFile steps) {
    List<String> merged = steps.names().stream().filter(name -> name.startsWith(method + ".merged.")).toList();
    assertThat(merged).hasSize(2);
    for (String name : merged) {
      String module = name.substring((method + ".merged.").length());
      Tensor w = Tensors.to(model.projection(module).weight(), new Placement("cpu", DType.F64));
      Golden.assertClose(name, Tensors.doubles(adapter.merged(module, 0, w)),
          Tensors.doubles(PeftSteps.value(steps, name)), 1e-4);
      assertThat(largestDifference(w, PeftSteps.value(steps, name))).isGreaterThan(5e-3);
    }
  }

  private static double largestDifference(Tensor a, Tensor b) {
    return Tensors.item(Ops.sub(a, b).abs().max());
  }

  private static Map<String, String> fields(String method) {
    Map<String, String> fields = new LinkedHashMap<>(Map.of("A", "a", "B", "bt"));
    if (method.equals("dora")) {
      fields.put("m", "m");
    }
    return fields;
  }

  /** As we hold it: B transposed. */
  private static Tensor stored(SafetensorsFile steps, String key) {
    Tensor value = PeftSteps.value(steps, key);
    return key.endsWith(".B") ? value.t().contiguous() : value;
  }

  private static Adapter adapter(String method, Decoder model, SafetensorsFile steps) {
    double scaling = Tensors.item(PeftSteps.value(steps, method + ".scaling"));
    List<String> modules = List.copyOf(model.projectionNames());
    boolean frozen = TAKEN_OUT_OF_THE_BASE.contains(method);
    Adapter adapter = method.equals("dora")
        ? new DoraAdapter.Form(R, scaling).create(model, modules, 1)
        : new LoraAdapter.Form(R, frozen ? R : 0, scaling, Optional.empty()).create(model, modules, 1);
    Tensor none = Tensors.empty(Placement.CPU_F32, 0, 1);
    for (String module : modules) {
      Tensor a = stored(steps, method + ".init." + module + ".A");
      Tensor bt = stored(steps, method + ".init." + module + ".B");
      if (adapter instanceof DoraAdapter dora) {
        dora.set(module, a, bt, stored(steps, method + ".init." + module + ".m"));
      } else {
        ((LoraAdapter) adapter).set(module,
            new Factors(a, bt, frozen ? a : none, frozen ? bt : none, new Blocks(new int[] {R}, 0)));
      }
    }
    return adapter;
  }

  /** PEFT's m at its start is that of B = 0: the lengths of the rows of W. */
  @Test
  void theMagnitudesOfDorasStartArePefts() {
    try (SafetensorsFile steps = PeftSteps.open()) {
      Decoder model = Pico.load("llama");
      AdapterMethod.Setting setting = Starts.setting(model, List.copyOf(model.projectionNames()));
      Adapter adapter = new Dora().empty(setting);
      new Dora().start(setting, adapter, 0);
      for (String module : adapter.modules()) {
        Golden.assertClose(module, Starts.values(adapter, module, "m", 0),
            PeftSteps.value(steps, "dora.init." + module + ".m"), 1e-6);
      }
    }
  }

  @Test
  void theScalesArePefts() {
    try (SafetensorsFile steps = PeftSteps.open()) {
      Decoder model = Pico.load("llama");
      AdapterMethod.Setting given = Starts.setting(model, List.copyOf(model.projectionNames()));
      AdapterMethod.Setting setting = new AdapterMethod.Setting(model, given.modules(), given.taskNames(),
          given.previewRows(), R, 8, 1, "pico", Optional.empty(), layer -> {});
      Map<String, AdapterMethod> methods = Map.of("lora", new PlainLora(false), "rslora", new PlainLora(true),
          "pissa", new Pissa(), "olora", new Olora(), "corda", new Corda());
      methods.forEach((name, method) -> assertThat(((LoraAdapter.Form) method.form(setting)).scaling()).as(name)
          .isEqualTo(Tensors.item(PeftSteps.value(steps, name + ".scaling"))));
      assertThat(((DoraAdapter.Form) new Dora().form(setting)).scaling())
          .isEqualTo(Tensors.item(PeftSteps.value(steps, "dora.scaling")));
      assertThat(((LoraAdapter.Form) new PlainLora(true).form(setting)).scaling()).isEqualTo(4);
    }
  }
}
