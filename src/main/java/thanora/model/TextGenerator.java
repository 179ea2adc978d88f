package thanora.model;

import java.util.List;
import java.util.Set;
import java.util.function.IntConsumer;
import thanora.tensor.NoGrad;
import thanora.tensor.TensorScope;

/** Greedy generation of several rows at once, with a cache of keys and values. */
public final class TextGenerator {
  private final Decoder model;
  private final Set<Integer> stopIds;

  /**
   * A generator that ends a row at one of {@code stopIds}.
   *
   * @param stopIds tokens that end an answer; they are not part of it
   */
  public TextGenerator(Decoder model, Set<Integer> stopIds) {
    this.model = model;
    this.stopIds = stopIds;
  }

  /**
   * Continues every prompt by its most likely tokens, all of them at once.
   *
   * @param prompts token ids, at least one each, without images
   * @param task of the prompts
   * @param maxNewTokens tokens generated at most
   * @return the new tokens of each prompt, without prompt and stop token
   */
  public List<int[]> generate(List<int[]> prompts, int task, int maxNewTokens) {
    return generate(prompts.stream().map(Prompt::new).toList(), task, 1, maxNewTokens, prompts.size(), answered -> {});
  }

  /**
   * The same for configurations side by side, some prompts at a time: where an answer ends, the next
   * prompt takes its place.
   *
   * @param task of the prompts
   * @param atOnce answers of each member that are generated side by side
   * @param done receives the number of prompts answered so far
   * @return the answers of the first member, then those of the second, and so on
   * @throws IllegalStateException if another thread computes with the model
   */
  public List<int[]> generate(
      List<Prompt> prompts, int task, int members, int maxNewTokens, int atOnce, IntConsumer done) {
    if (prompts.isEmpty()) {
      return List.of();
    }
    return model.alone(() -> {
      try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
        return new Generation(model, stopIds, prompts, task, members, maxNewTokens, Math.min(atOnce, prompts.size()))
            .run(done);
      }
    });
  }
}
