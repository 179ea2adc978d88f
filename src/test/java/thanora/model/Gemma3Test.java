package thanora.model;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import thanora.Gemma3;
import thanora.Golden;
import thanora.LoadedModel;
import thanora.Recipe;
import thanora.checkpoint.SafetensorsFile;
import thanora.data.Batch;
import thanora.data.Sample;
import thanora.dist.ProcessGroup;
import thanora.lora.LoraAdapter;
import thanora.lora.Penalty;
import thanora.lora.Starts;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.train.Trainee;
import thanora.train.Trainer;

/** The real Gemma-3-270M from its GGUF file against transformers' GGUF reader and Google's tokenizer. */
@Tag("slow")
class Gemma3Test {
  private static final Placement INTEGERS = new Placement("cpu", DType.I64);
  private static final double TOLERANCE = 1e-4;
  /** A base model goes on with what it is shown. */
  private static final String CAPITALS =
      "The capital of Germany is Berlin.\nThe capital of Spain is Madrid.\nThe capital of ";

  private static LoadedModel model;

  @BeforeAll
  static void load() {
    model = LoadedModel.load(Gemma3.folder().toString(), "cpu", Recipe.Dtype.FLOAT32, 0);
  }

  @AfterAll
  static void close() {
    model.close();
  }

  /** The ids of a text after {@code <bos>}. */
  private static int[] ids(String text) {
    return model.tokenizer().encodeWithSpecials(text);
  }

  @Test
  void tokenIdsAreThoseOfGooglesTokenizer() throws IOException {
    JsonNode rows = new ObjectMapper().readTree(Files.readString(Golden.path("tokens/gemma3.json")));
    assertThat(rows.size()).isGreaterThan(40);
    for (JsonNode row : rows) {
      String text = row.get("text").textValue();
      int[] wanted = new ObjectMapper().treeToValue(row.get("ids"), int[].class);
      assertThat(ids(text)).as("'%s'", text).isEqualTo(wanted);
      assertThat(model.tokenizer().decode(wanted, false)).isEqualTo(row.get("decoded").textValue());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void logitsAndHiddenStatesAreThoseOfTransformers(int prompt) {
    try (TensorScope scope = TensorScope.open(); NoGrad off = NoGrad.open();
        SafetensorsFile expected = SafetensorsFile.open(Golden.path("gemma3/expected.safetensors"))) {
      Decoder decoder = model.decoder();
      int[] ids = Arrays.stream(Tensors.longs(expected.load("ids_" + prompt, INTEGERS)))
          .mapToInt(Math::toIntExact).toArray();
      TokenBatch tokens = TokenBatch.of(ids, "cpu");
      List<double[]> states = new ArrayList<>();
      Tensor x = decoder.embed(tokens);
      states.add(last(x));
      for (int layer = 0; layer < decoder.config().layers(); layer++) {
        x = decoder.layer(layer, x, tokens);
        states.add(last(x));
      }
      Tensor normed = decoder.normed(x);
      states.add(last(normed));
      double[] first = value(expected, "hidden_" + prompt);
      for (int i = 0; i < states.size(); i++) {
        Golden.assertClose("hidden state " + i, Arrays.copyOf(states.get(i), 32),
            Arrays.copyOfRange(first, 32 * i, 32 * (i + 1)), TOLERANCE);
      }
      Tensor logits = decoder.logits(normed);
      Golden.assertClose("logits", Tensors.doubles(Ops.select(logits, 1, expected.load("columns", INTEGERS))),
          value(expected, "logits_" + prompt), TOLERANCE);
      Golden.assertClose("logsumexp", Tensors.doubles(logits.logsumexp(new long[] {1}, false)), value(expected, "logsumexp_" + prompt), TOLERANCE);
      Golden.assertClose("mean", Tensors.doubles(logits.mean(new long[] {1}, false, null)),
          value(expected, "mean_" + prompt), TOLERANCE);
    }
  }

  private static double[] value(SafetensorsFile expected, String name) {
    return Tensors.doubles(expected.load(name, Placement.CPU_F32));
  }

  private static double[] last(Tensor x) {
    return Tensors.doubles(Ops.narrow(x, 0, x.size(0) - 1, 1));
  }

  @Test
  void itKnowsTheCapitals() {
    List<int[]> prompts = List.of(ids(CAPITALS + "France is"), ids(CAPITALS + "Italy is"));
    List<int[]> answers = new TextGenerator(model.decoder(), Set.of()).generate(prompts, 0, 4);
    assertThat(model.decode(answers.get(0))).contains("Paris");
    assertThat(model.decode(answers.get(1))).contains("Rome");
  }

  @Test
  void threeStepsOfLoraLowerTheLoss() {
    try (TensorScope scope = TensorScope.open()) {
      Batch batch = Batch.of(List.of(new Sample(0, 0, ids(CAPITALS + "France is Paris."), 4)), 1);
      LoraAdapter adapter = LoraAdapter.create(model.decoder(), model.decoder().projectionNames().stream()
          .filter(name -> name.matches(".*[qv]_proj")).toList(), 4, 0, 8);
      Starts.disturb(adapter, 0.01, 1);
      adapter.attach(model.decoder());
      Trainer trainer = new Trainer(model.decoder(), List.of(Trainee.of(adapter, Penalty.NONE)),
          Starts.constant(1e-3, 0, 0), ProcessGroup.single());
      double[] losses = new double[4];
      for (int step = 0; step < losses.length; step++) {
        losses[step] = trainer.step(List.of(batch), step + 1, 1e-3).get(0).loss();
      }
      adapter.detach(model.decoder());
      assertThat(losses[1]).isLessThan(losses[0]);
      assertThat(losses[2]).isLessThan(losses[1]);
      assertThat(losses[3]).isLessThan(losses[2]);
    }
  }
}
