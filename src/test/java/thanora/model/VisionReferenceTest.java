package thanora.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static thanora.model.ReferenceTest.checkGradients;
import static thanora.model.ReferenceTest.row;
import static thanora.model.ReferenceTest.value;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import thanora.Golden;
import thanora.Pico;
import thanora.Seeing;
import thanora.checkpoint.SafetensorsFile;
import thanora.checkpoint.Weights;
import thanora.data.Batch;
import thanora.data.MemberBatch;
import thanora.data.Sample;
import thanora.dist.ProcessGroup;
import thanora.image.ImageSource;
import thanora.lora.LoraAdapter;
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

/** Models that see images against transformers, their LoRA gradients against PEFT, in float32. */
class VisionReferenceTest {
  private static final double TOLERANCE = 1e-4;

  @TempDir
  Path cache;

  @BeforeAll
  static void threads() {
    Threads.use(1);
  }

  private static void checkLogits(Decoder model, TokenBatch tokens, Weights expected, String what) {
    try (NoGrad off = NoGrad.open()) {
      Tensor logits = model.logits(model.hidden(tokens));
      for (int i = 0; i < 3; i++) {
        Golden.assertClose(what + i, row(logits, tokens, i), value(expected, what + i), TOLERANCE);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("thanora.Seeing#models")
  void featuresAndLogitsEqualTransformers(String name) {
    try (TensorScope scope = TensorScope.open(); SafetensorsFile expected = Seeing.expected(name)) {
      Decoder model = Seeing.load(name, Optional.empty());
      List<Sample> rows = Seeing.samples(expected);
      for (int i = 1; i < 3; i++) {
        try (NoGrad off = NoGrad.open()) {
          TokenBatch alone = Pico.tokens(Batch.of(List.of(rows.get(i)), 3));
          Golden.assertClose("features " + i, model.vision().get().features(alone), value(expected, "features_" + i), TOLERANCE);
        }
      }
      checkLogits(model, Pico.tokens(Batch.of(rows, 3)), expected, "logits_");
    }
  }

  @ParameterizedTest
  @MethodSource("thanora.Seeing#models")
  void adapterLogitsLossAndGradientsEqualPeft(String name) {
    try (TensorScope scope = TensorScope.open(); SafetensorsFile expected = Seeing.expected(name)) {
      Decoder model = Seeing.load(name, Optional.empty());
      LoraAdapter adapter = peftAdapter(model, name, module -> true);
      adapter.attach(model);
      List<Sample> rows = Seeing.samples(expected);
      checkLogits(model, Pico.tokens(Batch.of(rows, 3)), expected, "lora_logits_");
      Trainer trainer = trainer(model, adapter);
      Trainer.StepResult step = trainer.step(List.of(Batch.of(rows, 3)), 1, 0).get(0);
      assertThat(step.loss()).isCloseTo(value(expected, "lora_loss").item_double(), within(1e-4));
      checkGradients(adapter, expected);
      // micro-batches of one kind: the token-exact mean gives the same
      List<Batch> kinds = List.of(Batch.of(rows.subList(1, 3), 3), Batch.of(rows.subList(0, 1), 3));
      assertThat(trainer.step(kinds, 2, 0).get(0).loss()).isCloseTo(step.loss(), within(1e-6));
      checkGradients(adapter, expected);
      adapter.detach(model);
      checkLogits(model, Pico.tokens(Batch.of(rows, 3)), expected, "logits_");
    }
  }

  /** What lies under no adapter has no gradient, and what lies over one has the right one all the same. */
  @ParameterizedTest
  @ValueSource(strings = {"llava", "smolvlm"})
  void partsThatAreNotAdaptedChangeNoGradient(String name) {
    try (TensorScope scope = TensorScope.open(); SafetensorsFile expected = Seeing.expected(name)) {
      Decoder model = Seeing.load(name, Optional.empty());
      LoraAdapter whole = peftAdapter(model, name, module -> true);
      whole.attach(model);
      List<Sample> rows = Seeing.samples(expected);
      trainer(model, whole).step(List.of(Batch.of(rows, 3)), 1, 0);
      whole.detach(model);
      for (Predicate<String> part : List.<Predicate<String>>of(
          module -> !module.contains("vision"), module -> module.contains("layers.1."),
          module -> module.contains("projector") || module.contains("connector"))) {
        model.projectionNames().forEach(module -> model.setWeight(module, part.test(module)
            ? model.projection(module).weight() : Ops.add(model.projection(module).weight(),
                Tensors.cast(whole.delta(module), DType.F32))));
        LoraAdapter some = peftAdapter(model, name, part);
        some.attach(model);
        trainer(model, some).step(List.of(Batch.of(rows, 3)), 1, 0);
        checkGradients(some, expected);
        some.detach(model);
        model.projectionNames().stream().filter(part.negate()).forEach(module -> model.setWeight(module,
            Ops.sub(model.projection(module).weight(), Tensors.cast(whole.delta(module), DType.F32))));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llava", "llava-siglip", "smolvlm"})
  void mergedWeightsGiveTheLogitsOfPeftsMerge(String name) {
    try (TensorScope scope = TensorScope.open(); SafetensorsFile expected = Seeing.expected(name)) {
      Decoder model = Seeing.load(name, Optional.empty());
      LoraAdapter adapter = peftAdapter(model, name, module -> true);
      adapter.modules().forEach(module -> model.setWeight(
          module, Tensors.cast(adapter.merged(module, 0, Tensors.cast(model.projection(module).weight(), DType.F64)), DType.F32)));
      checkLogits(model, Pico.tokens(Batch.of(Seeing.samples(expected), 3)), expected, "merged_logits_");
    }
  }

  /** Features come from the cache bit by bit, whatever they were computed beside. */
  @ParameterizedTest
  @ValueSource(strings = {"llava", "smolvlm"})
  void featuresThatWereKeptAreThose(String name) throws IOException {
    try (TensorScope scope = TensorScope.open(); SafetensorsFile expected = Seeing.expected(name); NoGrad off = NoGrad.open()) {
      TokenBatch tokens = Pico.tokens(Batch.of(Seeing.samples(expected), 3));
      double[] plain = Tensors.doubles(Seeing.load(name, Optional.empty()).hidden(tokens));
      FeatureFiles files = new FeatureFiles(cache, "key");
      assertThat(Tensors.doubles(Seeing.load(name, Optional.of(files)).hidden(tokens))).isEqualTo(plain);
      List<Path> kept = files();
      assertThat(kept).hasSize(3);
      assertThat(Tensors.doubles(Seeing.load(name, Optional.of(files)).hidden(tokens))).isEqualTo(plain);
      Files.write(kept.get(0), new byte[] {1, 2, 3}); // damaged: made again
      assertThat(Tensors.doubles(Seeing.load(name, Optional.of(files)).hidden(tokens))).isEqualTo(plain);
      assertThat(Files.size(kept.get(0))).isGreaterThan(3);
    }
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> files = Files.walk(cache)) {
      return files.filter(Files::isRegularFile).toList();
    }
  }

  /** Answers go on behind images as the whole text would, whatever is beside them; what prompts share ends before an image. */
  @ParameterizedTest
  @ValueSource(strings = {"llava", "smolvlm"})
  void answersAndPiecesSeeTheImages(String name) {
    try (TensorScope scope = TensorScope.open(); SafetensorsFile expected = Seeing.expected(name); NoGrad off = NoGrad.open()) {
      Decoder model = Seeing.load(name, Optional.empty());
      List<Sample> rows = Seeing.samples(expected);
      List<Prompt> prompts = new ArrayList<>();
      for (int i = 0; i < 12; i++) { // the same words about other images
        Sample row = rows.get(1);
        List<ImageSource> image = i % 2 == 0 ? row.images() : rows.get(2).images().subList(0, 1);
        if (name.equals("smolvlm")) {
          image = row.images(); // its other images are of more tiles
        }
        prompts.add(new Prompt(Arrays.copyOf(row.ids(), row.ids().length - i / 6), image));
      }
      prompts.add(new Prompt(rows.get(2).ids(), rows.get(2).images()));
      TextGenerator generator = new TextGenerator(model, Set.of());
      for (int members = 1; members <= 2; members++) {
        List<int[]> answers = generator.generate(prompts, 0, members, 6, 4, done -> {});
        for (int i = 0; i < answers.size(); i++) {
          Prompt prompt = prompts.get(i % prompts.size());
          assertThat(answers.get(i)).as("%d", i).isEqualTo(slowly(model, prompt));
        }
      }
      for (Prompt prompt : List.of(prompts.get(0), prompts.get(12))) {
        try (Reading text = model.open(0, prompt.images())) {
          Tensor last = null;
          for (int at = 0; at < prompt.ids().length; at += 5) {
            last = model.read(List.of(text), List.of(Arrays.copyOfRange(
                prompt.ids(), at, Math.min(prompt.ids().length, at + 5))));
          }
          assertThat(Tensors.longs(Ops.argmax(last))[0]).isEqualTo(slowly(model, prompt)[0]);
        }
      }
    }
  }

  private static int[] slowly(Decoder model, Prompt prompt) {
    int[] text = prompt.ids();
    for (int made = 0; made < 6; made++) {
      Batch batch = Batch.of(List.of(new Sample(0, 0, text, new boolean[text.length], prompt.images())), 1);
      long[] best = Tensors.longs(Ops.argmax(model.logits(model.hidden(Pico.tokens(batch)))));
      text = Arrays.copyOf(text, text.length + 1);
      text[text.length - 1] = (int) best[best.length - 1];
    }
    return Arrays.copyOfRange(text, prompt.ids().length, text.length);
  }

  /** Members of other seeds have other images, and not as many. */
  @ParameterizedTest
  @ValueSource(strings = {"llava", "smolvlm"})
  void membersMayHaveImagesOfTheirOwn(String name) {
    try (TensorScope scope = TensorScope.open(); SafetensorsFile expected = Seeing.expected(name); NoGrad off = NoGrad.open()) {
      Decoder model = Seeing.load(name, Optional.empty());
      List<Sample> rows = Seeing.samples(expected);
      MemberBatch both = MemberBatch.of(List.of(
          Batch.of(List.of(rows.get(0), rows.get(1)), 3), Batch.of(List.of(rows.get(1), rows.get(2)), 3)));
      TokenBatch tokens = TokenBatch.of(both, "cpu");
      Tensor seen = Ops.select(model.embed(tokens), 0, Tensors.of(tokens.places(model.config().imageToken()), "cpu"));
      Golden.assertClose("features", seen, Ops.cat(0, value(expected, "features_1"), value(expected, "features_1"),
          value(expected, "features_2")), TOLERANCE);
    }
  }

  @Test
  void tooFewImageTokensAreTold() {
    try (TensorScope scope = TensorScope.open(); SafetensorsFile expected = Seeing.expected("llava")) {
      Decoder model = Seeing.load("llava", Optional.empty());
      Sample row = Seeing.samples(expected).get(1);
      Sample wrong = new Sample(0, 0, row.ids(), row.trained(), Seeing.samples(expected).get(2).images());
      assertThatThrownBy(() -> model.embed(Pico.tokens(Batch.of(List.of(wrong), 1))))
          .hasMessageContaining("9 image tokens stand for images of 18 vectors");
    }
  }

  /** On a GPU, too: loss, logits and the gradients of all linear layers. */
  @Tag("gpu")
  @ParameterizedTest
  @MethodSource("thanora.Seeing#models")
  void aGpuGivesTheSame(String name) {
    try (TensorScope scope = TensorScope.open(); SafetensorsFile expected = Seeing.expected(name)) {
      Decoder model = Seeing.load(name, new Placement("cuda", DType.F32), Optional.empty());
      LoraAdapter adapter = peftAdapter(model, name, module -> true);
      adapter.attach(model);
      Batch batch = Batch.of(Seeing.samples(expected), 3);
      assertThat(trainer(model, adapter).step(List.of(batch), 1, 0).get(0).loss())
          .isCloseTo(value(expected, "lora_loss").item_double(), within(1e-4));
      checkGradients(adapter, expected);
      try (NoGrad off = NoGrad.open()) {
        TokenBatch tokens = TokenBatch.of(batch, "cuda");
        Tensor logits = model.logits(model.hidden(tokens));
        for (int i = 0; i < 3; i++) {
          Golden.assertClose("logits " + i, row(logits, tokens, i), value(expected, "lora_logits_" + i), TOLERANCE);
        }
      }
    }
  }

  private static Trainer trainer(Decoder model, LoraAdapter adapter) {
    TrainConfig config = new TrainConfig(
        0, 1, 0, LrSchedule.CONSTANT, 3, 0, 1, 0, 0, 0.9, 0.999, 1e-8, 0, 0, 1, 0, false, false, 0, false);
    return new Trainer(model, List.of(Trainee.of(adapter, Penalty.NONE)), config, ProcessGroup.single());
  }

  private static LoraAdapter peftAdapter(Decoder model, String name, Predicate<String> part) {
    return ReferenceTest.peftAdapter(model, model.projectionNames().stream().filter(part).toList(),
        Seeing.folder(name.replace("-legacy", "")));
  }
}
