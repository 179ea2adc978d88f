package thanora.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import thanora.Golden;
import thanora.LoadedModel;
import thanora.Recipe;
import thanora.SmolLm2;
import thanora.checkpoint.SafetensorsFile;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/** The real SmolLM2-135M-Instruct from its GGUF file against transformers' GGUF reader. */
@Tag("slow")
class SmolLm2Test {
  private static final Placement INTEGERS = new Placement("cpu", DType.I64);
  private static final double TOLERANCE = 1e-4;

  private static LoadedModel model;
  private static SafetensorsFile expected;

  @BeforeAll
  static void load() {
    model = LoadedModel.load(SmolLm2.folder().toString(), "cpu", Recipe.Dtype.FLOAT32, 0);
    expected = SafetensorsFile.open(Golden.path("smollm2/expected.safetensors"));
  }

  @AfterAll
  static void close() {
    model.close();
    expected.close();
  }

  private static double[] value(String name) {
    return Tensors.doubles(expected.load("gguf." + name, Placement.CPU_F32));
  }

  private static int[] ids(String name) {
    return Arrays.stream(Tensors.longs(expected.load(name, INTEGERS)))
        .mapToInt(Math::toIntExact).toArray();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void logitsAndHiddenStatesAreThoseOfTransformers(int prompt) {
    try (TensorScope scope = TensorScope.open(); NoGrad off = NoGrad.open()) {
      Decoder decoder = model.decoder();
      int[] ids = ids("ids_" + prompt);
      TokenBatch tokens = TokenBatch.of(ids, "cpu");
      Tensor x = decoder.embed(tokens);
      double[][] states = new double[decoder.config().layers() + 2][];
      states[0] = last(x);
      for (int layer = 0; layer < decoder.config().layers(); layer++) {
        x = decoder.layer(layer, x, tokens);
        states[layer + 1] = last(x);
      }
      Tensor normed = decoder.normed(x);
      states[states.length - 1] = last(normed);
      checkStates(states, value("hidden_" + prompt), value("hidden_rms_" + prompt));

      Tensor logits = decoder.logits(normed);
      Golden.assertClose("logits", Tensors.doubles(Ops.select(
          logits, 1, expected.load("columns", INTEGERS))), value("logits_" + prompt), TOLERANCE);
      Golden.assertClose("logsumexp", Tensors.doubles(logits.logsumexp(new long[] {1}, false)),
          value("logsumexp_" + prompt), TOLERANCE);
      Golden.assertClose("mean", Tensors.doubles(logits.mean(new long[] {1}, false, null)),
          value("mean_" + prompt), TOLERANCE);
      int[] labelled = new int[ids.length - 1];
      Arrays.setAll(labelled, i -> i);
      float[] nll = HeadLoss.of(
          decoder, x, labelled, Arrays.copyOfRange(ids, 1, ids.length)).nll();
      double[] wide = new double[nll.length];
      Arrays.setAll(wide, i -> nll[i]);
      Golden.assertClose("nll", wide, value("nll_" + prompt), TOLERANCE);
    }
  }

  private static double[] last(Tensor x) {
    return Tensors.doubles(Ops.narrow(x, 0, x.size(0) - 1, 1));
  }

  /** The first 32 numbers of each state and its root mean square. */
  private static void checkStates(double[][] states, double[] first, double[] rms) {
    for (int i = 0; i < states.length; i++) {
      Golden.assertClose("hidden state " + i, Arrays.copyOf(states[i], 32),
          Arrays.copyOfRange(first, 32 * i, 32 * (i + 1)), TOLERANCE);
      double squares = Arrays.stream(states[i]).map(v -> v * v).average().orElseThrow();
      Golden.assertClose("size of state " + i, new double[] {Math.sqrt(squares)},
          new double[] {rms[i]}, TOLERANCE);
    }
  }

  @Test
  void thePromptIsWhatTransformersTemplateRenders() {
    assertThat(model.format().prompt("What is the capital of France?")).isEqualTo(ids("ids_0"));
  }

  @Test
  void itKnowsTheCapitalOfFrance() {
    int[] prompt = model.format().prompt("What is the capital of France?");
    int[] answer = model.generator().generate(List.of(prompt), 0, 20).get(0);
    assertThat(model.decode(answer)).contains("Paris");
    int best = ids("gguf.top_ids_0")[0];
    assertThat(answer[0]).isEqualTo(best);
  }
}
