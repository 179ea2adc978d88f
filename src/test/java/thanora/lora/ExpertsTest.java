package thanora.lora;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import thanora.Golden;
import thanora.Pico;
import thanora.checkpoint.SafetensorsFile;
import thanora.data.Batch;
import thanora.data.MemberBatch;
import thanora.data.Sample;
import thanora.model.Decoder;
import thanora.model.Tape;
import thanora.model.TokenBatch;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

/** HydraLoRA, MTL-LoRA and one LoRA a task in one linear layer, token by token: make_rivals.py. */
class ExpertsTest {
  private static final Placement F64 = new Placement("cpu", DType.F64);
  private static final String Q = "model.layers.0.self_attn.q_proj";
  private static final int TASKS = 3;
  private static final int HEADS = 3;
  private static final int R = 3;

  private final TensorScope scope = TensorScope.open();
  private final SafetensorsFile golden = SafetensorsFile.open(Golden.path("rivals/experts.safetensors"));

  @BeforeAll
  static void threads() {
    Threads.use(1);
  }

  @AfterEach
  void close() {
    golden.close();
    scope.close();
  }

  /** Each case alone, and as the first, second and third of three. */
  static Stream<Arguments> cases() {
    return Stream.of("hydra", "mtl.0.5", "mtl.0.1", "oracle").flatMap(name -> Stream.of(
        Arguments.of(name, 1, 0), Arguments.of(name, 3, 0), Arguments.of(name, 3, 1), Arguments.of(name, 3, 2)));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void forwardAndGradientsAreThoseByHand(String name, int members, int member) {
    Decoder model = Pico.load("llama", DType.F64);
    model.setWeight(Q, load(name, "w"));
    Adapter adapter = form(name).create(model, List.of(Q), members);
    Random random = new Random(7);
    for (Adapter.Field field : adapter.stacks().get(0).fields().values()) {
      field.values().copy_(normal(random, Tensors.shape(field.values())));
    }
    setGolden(name, adapter, member);
    adapter.attach(model);

    int[] order = groupedByTask(name);
    int tokens = order.length;
    double[][] grads = new double[1][];
    Tensor x = withGolden(random, rows(load(name, "x"), order), members, member);
    Tensor upstream = withGolden(random, rows(load(name, "upstream"), order), members, member);
    try (Tape tape = new Tape(false)) {
      TokenBatch batch = batch(name, members).on(tape);
      Tensor input = tape.input(
          x, g -> grads[0] = Tensors.doubles(Ops.narrow(g, 0, (long) member * tokens, tokens)));
      Tensor y = model.projection(Q).apply(input, batch);
      Golden.assertClose("y", Ops.narrow(y, 0, (long) member * tokens, tokens), rows(load(name, "y"), order), 1e-6);
      tape.backward(upstream);
    }
    Golden.assertClose("dx", grads[0], Tensors.doubles(rows(load(name, "grad.x"), order)), 1e-6);
    for (String field : adapter.stacks().get(0).fields().keySet()) {
      Golden.assertClose(field, Starts.gradients(adapter, Q, field, member), stacked(name, "grad", field), 1e-6);
    }
  }

  private AdapterForm form(String name) {
    double scaling = Tensors.item(load(name, "scaling"));
    return switch (name) {
      case "hydra" -> new HydraLoraAdapter.Form(R, HEADS, scaling);
      case "oracle" -> new LoraAdapter.Form(TASKS * R, 0, scaling, Optional.of(blocks()));
      default -> new MtlLoraAdapter.Form(R, HEADS, TASKS, Double.parseDouble(name.substring(4)), scaling);
    };
  }

  private static Blocks blocks() {
    return new Blocks(new int[] {R, R, R}, 0);
  }

  private void setGolden(String name, Adapter adapter, int member) {
    Tensor a = stacked(name, "param", "a");
    Tensor bt = stacked(name, "param", "bt");
    if (adapter instanceof HydraLoraAdapter hydra) {
      hydra.set(Q, member, a, bt, stacked(name, "param", "router"));
    } else if (adapter instanceof MtlLoraAdapter mtl) {
      mtl.set(Q, member, a, bt, stacked(name, "param", "lambda"), stacked(name, "param", "mix"));
    } else {
      Tensor none = Tensors.empty(Placement.CPU_F32, 0, 1);
      ((LoraAdapter) adapter).set(Q, member, new Factors(a, bt, none, none, blocks()));
    }
  }

  /** A field as the adapter holds it, from the matrices that belong to it. */
  private Tensor stacked(String name, String kind, String field) {
    boolean oracle = name.equals("oracle");
    return switch (field) {
      case "a" -> oracle ? parts(name, kind + ".A", false) : load(name, kind + ".A");
      case "bt" -> parts(name, kind + ".B", true);
      case "lambda" -> parts(name, kind + ".lambda", false);
      default -> load(name, kind + "." + field);
    };
  }

  private Tensor parts(String name, String key, boolean transposed) {
    return Ops.cat(0, IntStream.range(0, 3).mapToObj(i -> load(name, key + "." + i))
        .map(part -> transposed ? part.t() : part).toArray(Tensor[]::new));
  }

  private Tensor load(String name, String key) {
    return golden.load(name + "." + key, F64);
  }

  private int[] tasks(String name) {
    return Arrays.stream(Tensors.longs(golden.load(name + ".task", new Placement("cpu", DType.I64))))
        .mapToInt(Math::toIntExact).toArray();
  }

  private int[] groupedByTask(String name) {
    int[] tasks = tasks(name);
    int[] order = IntStream.range(0, tasks.length).boxed()
        .sorted(Comparator.comparingInt(token -> tasks[token])).mapToInt(Integer::intValue).toArray();
    assertThat(order).isNotEqualTo(IntStream.range(0, tasks.length).toArray());
    return order;
  }

  /** One row a task. */
  private TokenBatch batch(String name, int members) {
    int[] lengths = new int[TASKS];
    for (int task : tasks(name)) {
      lengths[task]++;
    }
    List<Sample> rows = IntStream.range(0, TASKS)
        .mapToObj(task -> new Sample(task, 0, new int[lengths[task]], 0)).toList();
    return TokenBatch.of(MemberBatch.of(Batch.of(rows, TASKS), members), "cpu");
  }

  private static Tensor rows(Tensor all, int[] order) {
    return Ops.select(all, 0, Tensors.of(order, "cpu"));
  }

  /** The member's rows among random ones of the others. */
  private static Tensor withGolden(Random random, Tensor own, int members, int member) {
    Tensor[] parts = new Tensor[members];
    for (int i = 0; i < members; i++) {
      parts[i] = i == member ? own : normal(random, Tensors.shape(own));
    }
    return Ops.cat(0, parts);
  }

  private static Tensor normal(Random random, long... shape) {
    double[] values = new double[Math.toIntExact(Arrays.stream(shape).reduce(1, Math::multiplyExact))];
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextGaussian();
    }
    return Tensors.of(values, shape);
  }
}
