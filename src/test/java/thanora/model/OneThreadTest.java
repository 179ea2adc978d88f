package thanora.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import thanora.Pico;
import thanora.tensor.Placement;

/** A model that two threads use at once. */
class OneThreadTest {
  private static final List<Prompt> PROMPTS = List.of(new Prompt(new int[] {1, 2, 3}), new Prompt(new int[] {4, 5}));

  @Test
  void theSecondThreadIsRefusedAndTheFirstGoesOn() {
    Decoder model = Pico.load(Pico.folder("llama"), Placement.CPU_F32);
    TextGenerator generator = new TextGenerator(model, Set.of());
    List<int[]> alone = generator.generate(PROMPTS, 0, 1, 6, 1, answered -> {});
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch refused = new CountDownLatch(1);
    CompletableFuture<List<int[]>> first = CompletableFuture.supplyAsync(() ->
        generator.generate(PROMPTS, 0, 1, 6, 1, answered -> {
          begun.countDown();
          await(refused);
        }));
    await(begun);
    try {
      assertThatThrownBy(() -> generator.generate(PROMPTS, 0, 1, 6, 1, answered -> {}))
          .isInstanceOf(IllegalStateException.class).hasMessageContaining("the model is in use by thread")
          .hasMessageContaining("take turns, or load it once for each thread");
      assertThatThrownBy(() -> model.read(List.of(model.open(0)), List.of(new int[] {1})))
          .isInstanceOf(IllegalStateException.class).hasMessageContaining("the model is in use");
    } finally {
      refused.countDown();
    }
    assertThat(first.join()).usingRecursiveComparison().isEqualTo(alone);
    assertThat(generator.generate(PROMPTS, 0, 1, 6, 1, answered -> {})).usingRecursiveComparison().isEqualTo(alone);
  }

  @Test
  void aCallThatFailedLeavesTheModelFree() throws Exception {
    Decoder model = Pico.load(Pico.folder("llama"), Placement.CPU_F32);
    assertThatThrownBy(() -> model.alone(() -> {
      throw new IllegalArgumentException("bad");
    })).hasMessage("bad");
    assertThat(CompletableFuture.supplyAsync(() -> new TextGenerator(model, Set.of()).generate(
        List.of(new int[] {1, 2}), 0, 2)).get()).hasSize(1);
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
