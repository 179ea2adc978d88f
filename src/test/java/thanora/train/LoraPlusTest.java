package thanora.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import thanora.Golden;
import thanora.Pico;
import thanora.dist.ProcessGroup;
import thanora.hasi.HasiConfig;
import thanora.lora.Adapter;
import thanora.lora.Penalty;
import thanora.lora.SprConfig;
import thanora.lora.Starts;
import thanora.method.AdapterMethod;
import thanora.method.Dora;
import thanora.method.HydraLora;
import thanora.method.MtlLora;
import thanora.method.PlainLora;
import thanora.method.Thanora;
import thanora.model.Decoder;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

class LoraPlusTest {
  private static final double RATE = 1e-2;
  private static final double DECAY = 0.5;
  private static final double EPSILON = 1e-4;
  private static final double[] RATIOS = {1, 4, 0.5};

  private final TensorScope scope = TensorScope.open();

  @AfterEach
  void close() {
    scope.close();
  }

  private static List<AdapterMethod> methods() {
    return List.of(new PlainLora(false), new Thanora("thanora", HasiConfig.thanora(), SprConfig.thanora()), new Dora(),
        new HydraLora(4), new MtlLora(3, 0.1));
  }

  /**
   * The groups of PEFT's create_loraplus_optimizer: names with lora_B, and vectors, have ratio times the
   * rate. A first step of AdamW is θ (1 − lr·wd) − lr · g / (|g| + ε).
   */
  @ParameterizedTest
  @MethodSource("methods")
  void oneStepIsTheFormulaWithTheRateOfEachField(AdapterMethod method) {
    Decoder model = Pico.load("llama");
    List<String> modules = List.copyOf(model.projectionNames());
    Adapter adapter = method.form(Starts.setting(model, modules)).create(model, modules, RATIOS.length);
    List<Trainee.Member> members = new ArrayList<>();
    for (int member = 0; member < RATIOS.length; member++) {
      method.start(Starts.setting(model, modules), adapter, member);
      members.add(new Trainee.Member(Penalty.NONE, Optional.empty(), 1, LossWeighting.TOKEN, RATIOS[member]));
    }
    adapter.attach(model);
    Starts.disturb(adapter, 0.1, 3);
    Map<String, double[]> start = numbers(adapter);
    TrainConfig config = new TrainConfig(
        RATE, 1, 0, LrSchedule.CONSTANT, 7, 0, 1, 0, DECAY, 0.9, 0.99, EPSILON, 0, 0, 1, 0, false, false, 0, false);
    Trainer trainer = new Trainer(model, List.of(new Trainee(adapter, members)), config, ProcessGroup.single());
    trainer.step(List.of(Pico.batch("llama")), 1, RATE);
    Map<String, double[]> trained = numbers(adapter);
    for (Adapter.Stack stack : adapter.stacks()) {
      for (String field : stack.fields().keySet()) {
        for (int member = 0; member < RATIOS.length; member++) {
          double rate = RATE * (Set.of("bt", "m").contains(field) ? RATIOS[member] : 1);
          String key = key(stack, field, member);
          double[] expected = start.get(key);
          double[] gradient = Tensors.doubles(stack.fields().get(field).gradients().select(0, member));
          for (int i = 0; i < expected.length; i++) {
            expected[i] += -rate * DECAY * expected[i] - rate * gradient[i] / (Math.abs(gradient[i]) + EPSILON);
          }
          Golden.assertClose(key, trained.get(key), expected, 1e-6);
        }
      }
    }
    assertThat(adapter.columns()).extracting(Adapter.Columns::fast).contains(true, false);
  }

  private static Map<String, double[]> numbers(Adapter adapter) {
    Map<String, double[]> numbers = new HashMap<>();
    for (Adapter.Stack stack : adapter.stacks()) {
      stack.fields().forEach((name, field) -> {
        for (int member = 0; member < RATIOS.length; member++) {
          numbers.put(key(stack, name, member), Tensors.doubles(field.values().select(0, member)));
        }
      });
    }
    return numbers;
  }

  private static String key(Adapter.Stack stack, String field, int member) {
    return stack.names().get(0) + " " + field + " " + member;
  }
}
