package thanora.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

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
   * Continues every prompt by its most likely tokens.
   *
   * @param prompts token ids, at least one each
   * @param tasks task of each prompt
   * @param maxNewTokens tokens generated at most
   * @return the new tokens of each prompt, without prompt and stop token
   */
  public List<int[]> generate(List<int[]> prompts, int[] tasks, int maxNewTokens) {
    return generate(prompts, tasks, 1, maxNewTokens);
  }

  /**
   * The same for configurations side by side.
   *
   * @param prompts those of the first member, then those of the second, equal for all
   */
  public List<int[]> generate(List<int[]> prompts, int[] tasks, int members, int maxNewTokens) {
    try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
      int longest = prompts.stream().mapToInt(p -> p.length).max().orElse(0);
      KvCache cache = model.cache(prompts.size(), longest + maxNewTokens);
      Answers answers = new Answers(prompts.size(), stopIds);
      int[] next = firstTokens(prompts, tasks, members, cache);
      for (int made = 1; answers.take(next) && made < maxNewTokens; made++) {
        // where a row grows longer than its rotary frequencies serve, its keys are turned anew
        next = cache.hasRowOf(model.config().ropeBorder())
            ? firstTokens(answers.after(prompts), tasks, members, cache)
            : nextTokens(next, tasks, members, cache);
      }
      return answers.tokens();
    }
  }

  private int[] firstTokens(List<int[]> prompts, int[] tasks, int members, KvCache cache) {
    try (TensorScope scope = TensorScope.open()) {
      int[] starts = new int[prompts.size() + 1];
      for (int row = 0; row < prompts.size(); row++) {
        starts[row + 1] = starts[row] + prompts.get(row).length;
      }
      int[] ids = prompts.stream().flatMapToInt(Arrays::stream).toArray();
      String device = model.placement().device();
      Tensor hidden = model.hidden(TokenBatch.prefill(ids, starts, tasks, members, cache, device));
      int[] last = new int[prompts.size()];
      Arrays.setAll(last, row -> starts[row + 1] - 1);
      return mostLikely(Ops.select(hidden, 0, Tensors.of(last, device)));
    }
  }

  private int[] nextTokens(int[] ids, int[] tasks, int members, KvCache cache) {
    try (TensorScope scope = TensorScope.open()) {
      return mostLikely(model.hidden(
          TokenBatch.next(ids, tasks, members, cache, model.placement().device())));
    }
  }

  private int[] mostLikely(Tensor hidden) {
    long[] ids = Tensors.longs(Ops.argmax(model.logits(hidden)));
    return Arrays.stream(ids).mapToInt(Math::toIntExact).toArray();
  }

  /** What has been generated, and which rows go on. */
  private static final class Answers {
    private final List<List<Integer>> rows = new ArrayList<>();
    private final boolean[] ended;
    private final Set<Integer> stopIds;

    Answers(int count, Set<Integer> stopIds) {
      this.ended = new boolean[count];
      this.stopIds = stopIds;
      for (int row = 0; row < count; row++) {
        rows.add(new ArrayList<>());
      }
    }

    /** Appends a token to each row that goes on; returns whether any row still does. */
    boolean take(int[] next) {
      boolean goesOn = false;
      for (int row = 0; row < next.length; row++) {
        ended[row] |= stopIds.contains(next[row]);
        if (!ended[row]) {
          rows.get(row).add(next[row]);
          goesOn = true;
        }
      }
      return goesOn;
    }

    /** Each prompt with what has been generated after it. */
    List<int[]> after(List<int[]> prompts) {
      List<int[]> longer = new ArrayList<>();
      for (int row = 0; row < rows.size(); row++) {
        longer.add(IntStream.concat(
            Arrays.stream(prompts.get(row)), rows.get(row).stream().mapToInt(Integer::intValue)).toArray());
      }
      return longer;
    }

    List<int[]> tokens() {
      return rows.stream().map(row -> row.stream().mapToInt(Integer::intValue).toArray()).toList();
    }
  }
}
