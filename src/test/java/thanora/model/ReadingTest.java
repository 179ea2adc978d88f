package thanora.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import thanora.Golden;
import thanora.Memory;
import thanora.Pico;
import thanora.checkpoint.SafetensorsFile;
import thanora.export.PeftAdapter;
import thanora.lora.ChosenAdapter;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

/** Texts read in pieces, with and without an adapter in one batch, against transformers and PEFT. */
class ReadingTest {
  @BeforeAll
  static void threads() {
    Threads.use(1);
  }

  private static Decoder withAdapter(String name) {
    Decoder model = Pico.load(name);
    Path adapter = Golden.path("models/" + name + "/adapter");
    ChosenAdapter.attach(model, List.of(PeftAdapter.read(adapter, model)));
    return model;
  }

  /**
   * The base reads the first and the last sequence, the adapter the second; the second joins and the
   * first leaves on the way, pieces are of one, two and more tokens.
   */
  @ParameterizedTest
  @MethodSource("thanora.Pico#modelsWithAdapter")
  void logitsOfPiecesEqualThoseOfWholeSequences(String name) throws IOException {
    try (TensorScope scope = TensorScope.open(); SafetensorsFile expected = Pico.expected(name)) {
      Decoder model = withAdapter(name);
      int[][] ids = {Pico.ids(expected, 0), Pico.ids(expected, 2), Pico.ids(expected, 1)};
      String[] logits = {"logits_0", "logits_2", "lora_logits_1"};
      int[] tasks = {0, 0, 1};
      Reading[] texts = new Reading[3];
      for (int step = 0; step < 40; step++) {
        List<Integer> rows = new ArrayList<>();
        List<int[]> pieces = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
          int read = texts[i] == null ? 0 : texts[i].length();
          boolean here = i != 2 || step >= 2;
          if (here && read < ids[i].length) {
            texts[i] = texts[i] == null ? model.open(tasks[i]) : texts[i];
            rows.add(i);
            pieces.add(Arrays.copyOfRange(ids[i], read, Math.min(ids[i].length, read + 1 + (step + i) % 3 * 2)));
          }
        }
        if (rows.isEmpty()) {
          break;
        }
        Tensor last = model.read(rows.stream().map(i -> texts[i]).toList(), pieces);
        for (int at = 0; at < rows.size(); at++) {
          int i = rows.get(at);
          int border = model.config().ropeBorder();
          if (texts[i].length() <= border && ids[i].length > border) {
            continue; // the whole sequence was turned by other frequencies than this part of it
          }
          Tensor whole = expected.load(logits[i], Placement.CPU_F32);
          Golden.assertClose(name + " " + logits[i] + " after " + texts[i].length(),
              last.select(0, at), whole.select(0, texts[i].length() - 1), 1e-4);
        }
      }
      for (int i = 0; i < 3; i++) {
        assertThat(texts[i].length()).isEqualTo(ids[i].length);
        texts[i].close();
      }
    }
  }

  @Test
  void greedyTokensAreThoseOfTheGenerator() throws IOException {
    try (TensorScope scope = TensorScope.open(); SafetensorsFile expected = Pico.expected("llama")) {
      Decoder model = Pico.load("llama");
      int[] prompt = Pico.ids(expected, 0);
      int[] answer = new TextGenerator(model, java.util.Set.of()).generate(List.of(prompt), 0, 200).get(0);
      int[] next = prompt;
      try (Reading text = model.open(0)) {
        for (int token : answer) {
          int best = (int) Tensors.longs(Ops.argmax(model.read(List.of(text), List.of(next))))[0];
          assertThat(best).isEqualTo(token);
          next = new int[] {best};
        }
      }
    }
  }

  @Test
  void manyTextsLeaveNothingBehind() throws IOException {
    try (TensorScope scope = TensorScope.open(); SafetensorsFile expected = Pico.expected("llama")) {
      Decoder model = withAdapter("llama");
      int[] prompt = Pico.ids(expected, 0);
      Memory.assertFlat(20, 50, () -> {
        try (TensorScope step = TensorScope.open(); Reading base = model.open(0); Reading adapted = model.open(1)) {
          for (int i = 0; i < 20; i++) {
            model.read(List.of(base, adapted), List.of(prompt, prompt));
          }
        }
      });
    }
  }
}
