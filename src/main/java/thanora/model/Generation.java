package thanora.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import thanora.data.Batch.RowImage;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * The answers to many prompts, as they are generated: a row that is answered leaves the batch, so that no
 * work is done on it, and prompts that wait join. A row is that of all members, and leaves when all of
 * them have answered.
 */
final class Generation {
  /** The share of the rows that must be free before prompts are read: reading a few costs a whole pass. */
  private static final int JOIN = 8;

  /** Tokens that must be spared in all before what prompts share is read by itself: that costs a whole pass. */
  private static final int LEAST_SPARED = 64;

  /** Tokens of the longest prompt, beyond which masks of what is behind the shared ones grow too large. */
  private static final int LONGEST_BEHIND = 512;

  private final Decoder model;
  private final Set<Integer> stopIds;
  private final List<Prompt> prompts;
  private final int task;
  private final int members;
  private final int most;
  private final int rows;
  private final KvCache cache;
  private final int[][] tokens; // generated so far: [member · prompts + prompt][at most]
  private final int[] made; // how many, of each prompt
  private final int[] answer; // tokens before the stop token: [member · prompts + prompt]; −1 where none came
  private final List<Integer> running = new ArrayList<>(); // the prompt in each row of the cache
  private final int shared; // tokens that all prompts begin with and that are read once
  private int joined;

  Generation(Decoder model, Set<Integer> stopIds, List<Prompt> prompts, int task, int members, int most, int rows) {
    this.model = model;
    this.stopIds = stopIds;
    this.prompts = prompts;
    this.task = task;
    this.members = members;
    this.most = most;
    this.rows = rows;
    this.cache = model.cache(members, rows, prompts.stream().mapToInt(p -> p.ids().length).max().orElseThrow() + most);
    this.tokens = new int[members * prompts.size()][most];
    this.made = new int[prompts.size()];
    this.answer = new int[members * prompts.size()];
    Arrays.fill(answer, -1);
    this.shared = shared();
  }

  /** On a GPU short prompts cost their launches, not their tokens. */
  private int shared() {
    int[] some = prompts.get(0).ids();
    int alike = beforeImages(prompts.get(0));
    int longest = 0;
    for (Prompt prompt : prompts) {
      int[] ids = prompt.ids();
      int differs = Arrays.mismatch(some, ids);
      alike = Math.min(alike, Math.min(differs < 0 ? some.length : differs, ids.length - 1));
      longest = Math.max(longest, ids.length);
    }
    boolean pays = model.placement().isCpu() && (prompts.size() - 1L) * alike >= LEAST_SPARED;
    return pays && longest <= Math.min(LONGEST_BEHIND, model.config().ropeBorder()) ? alike : 0;
  }

  /** Tokens before those of a prompt's first image: equal ones may stand for other pictures. */
  private int beforeImages(Prompt prompt) {
    return prompt.images().isEmpty() ? prompt.ids().length
        : (int) Arrays.stream(prompt.ids()).takeWhile(id -> id != model.config().imageToken()).count();
  }

  /** Reads what all prompts begin with. */
  private void share() {
    int[] ids = new int[members * shared];
    int[] starts = new int[members + 1];
    for (int member = 0; member < members; member++) {
      System.arraycopy(prompts.get(0).ids(), 0, ids, member * shared, shared);
      starts[member + 1] = starts[member] + shared;
    }
    try (TensorScope scope = TensorScope.open()) {
      model.hidden(batch(ids, starts, new int[] {0}, false));
    }
    cache.share(shared);
  }

  private TokenBatch batch(int[] ids, int[] starts, int[] begun, boolean behindShared) {
    return TokenBatch.begin(ids, starts, tasks(starts.length - 1), members, cache, begun, behindShared,
        model.config(), model.placement().device());
  }

  List<int[]> run(IntConsumer done) {
    if (shared > 0) {
      share();
    }
    while (joined < prompts.size() || !running.isEmpty()) {
      int free = Math.min(rows - running.size(), prompts.size() - joined);
      int[] outgrown = IntStream.range(0, running.size())
          .filter(row -> cache.length(row) == model.config().ropeBorder()).toArray();
      if (free > 0 && (running.isEmpty() || free * JOIN >= rows)) {
        int first = running.size();
        IntStream.range(joined, joined += free).forEach(running::add);
        begin(IntStream.range(first, running.size()).toArray(), shared);
      } else if (outgrown.length > 0) {
        begin(outgrown, 0); // a row longer than its rotary frequencies serve has its keys turned anew
      } else {
        goOn();
      }
      done.accept(joined - running.size());
    }
    return IntStream.range(0, tokens.length)
        .mapToObj(i -> Arrays.copyOf(tokens[i], answer[i] < 0 ? most : answer[i])).toList();
  }

  /** Reads all of some rows, the prompt and what was generated, from a token on. */
  private void begin(int[] begun, int from) {
    List<int[]> texts = new ArrayList<>();
    List<RowImage> images = new ArrayList<>();
    int[] starts = new int[members * begun.length + 1];
    int[] last = new int[members * begun.length];
    for (int i = 0; i < last.length; i++) {
      int prompt = running.get(begun[i % begun.length]);
      int[] ids = prompts.get(prompt).ids();
      int[] text = Arrays.copyOf(ids, ids.length + made[prompt]);
      System.arraycopy(tokens[at(i / begun.length, prompt)], 0, text, ids.length, made[prompt]);
      texts.add(Arrays.copyOfRange(text, from, text.length));
      starts[i + 1] = starts[i] + text.length - from;
      last[i] = starts[i + 1] - 1;
      int row = i;
      prompts.get(prompt).images().forEach(image -> images.add(new RowImage(row, image)));
    }
    try (TensorScope scope = TensorScope.open()) {
      int[] ids = texts.stream().flatMapToInt(Arrays::stream).toArray();
      Tensor hidden = model.hidden(batch(ids, starts, begun, from > 0).with(images));
      take(begun, Ops.select(hidden, 0, Tensors.of(last, model.placement().device())));
    }
  }

  /** Each running row by a token. */
  private void goOn() {
    int[] all = IntStream.range(0, running.size()).toArray();
    int[] ids = new int[members * all.length];
    for (int i = 0; i < ids.length; i++) {
      int prompt = running.get(i % all.length);
      ids[i] = tokens[at(i / all.length, prompt)][made[prompt] - 1];
    }
    try (TensorScope scope = TensorScope.open()) {
      take(all, model.hidden(TokenBatch.next(
          ids, tasks(ids.length), members, cache, model.config(), model.placement().device())));
    }
  }

  private int[] tasks(int count) {
    int[] tasks = new int[count];
    Arrays.fill(tasks, task);
    return tasks;
  }

  /** The most likely next token of some rows; those that are answered leave. */
  private void take(int[] of, Tensor hidden) {
    long[] next = Tensors.longs(Ops.argmax(model.logits(hidden)));
    for (int row = of.length - 1; row >= 0; row--) {
      int prompt = running.get(of[row]);
      boolean over = ++made[prompt] == most;
      boolean answered = true;
      for (int member = 0; member < members; member++) {
        int id = (int) next[member * of.length + row];
        int at = at(member, prompt);
        tokens[at][made[prompt] - 1] = id;
        if (answer[at] < 0 && stopIds.contains(id)) {
          answer[at] = made[prompt] - 1;
        }
        answered &= answer[at] >= 0;
      }
      if (over || answered) {
        leave(of[row]);
      }
    }
  }

  /** The last row takes the place of the one that leaves. */
  private void leave(int row) {
    int last = running.size() - 1;
    if (row != last) {
      cache.move(last, row);
    }
    running.set(row, running.get(last));
    running.remove(last);
  }

  private int at(int member, int prompt) {
    return member * prompts.size() + prompt;
  }
}
