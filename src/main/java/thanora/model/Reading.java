package thanora.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;
import thanora.data.Batch.RowImage;
import thanora.image.ImageSource;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * A text as far as the model has read it: the keys and values of its tokens, in room that grows.
 *
 * <p>Each text has its own, so that texts of any length join and leave a batch at every step:
 * {@link Decoder#read}. For one thread.
 */
public final class Reading implements AutoCloseable {
  private static final int FIRST_ROOM = 128;

  private final ModelConfig config;
  private final Placement placement;
  private final int task;
  private final List<ImageSource> images;
  private final TensorScope.Arena seen = new TensorScope.Arena();
  private Optional<Tensor> features = Optional.empty(); // (image tokens, D) of all its images
  private TensorScope.Arena arena = new TensorScope.Arena();
  private List<Tensor> keys = List.of(); // (room, Hkv · Dh) a layer
  private List<Tensor> values = List.of();
  private int[] ids = {};
  private long[] addresses = {}; // of keys and values, layer by layer
  private int room;
  private int length;

  Reading(ModelConfig config, Placement placement, int task, List<ImageSource> images) {
    this.config = config;
    this.placement = placement;
    this.task = task;
    this.images = List.copyOf(images);
  }

  /** Tokens read. */
  public int length() {
    return length;
  }

  int task() {
    return task;
  }

  /**
   * Takes the text's next tokens; returns those to be read now. Where the text grows longer than its
   * rotary frequencies serve, its keys are turned anew, so that all of it is read again.
   */
  int[] take(int[] next) {
    int before = ids.length;
    ids = Arrays.copyOf(ids, before + next.length);
    System.arraycopy(next, 0, ids, before, next.length);
    boolean outgrown = before > 0 && before <= config.ropeBorder() && ids.length > config.ropeBorder();
    if (outgrown) {
      length = 0;
    }
    return outgrown ? ids : next;
  }

  /**
   * What the image tokens among those that {@link #take} gave last stand for, if there are some.
   *
   * @param made gives it for all images of a batch
   */
  Optional<Tensor> features(int[] taken, Function<TokenBatch, Tensor> made) {
    int count = imageTokens(taken, taken.length);
    if (images.isEmpty() || count == 0) {
      return Optional.empty();
    }
    if (features.isEmpty()) {
      TokenBatch row = TokenBatch.of(new int[1], new int[] {0, 1}, new int[] {task}, placement.device())
          .with(images.stream().map(image -> new RowImage(0, image)).toList());
      features = Optional.of(seen.make(() -> TensorScope.keep(() -> made.apply(row))));
    }
    return Optional.of(Ops.narrow(features.get(), 0, imageTokens(ids, ids.length - taken.length), count));
  }

  private int imageTokens(int[] tokens, int end) {
    return (int) Arrays.stream(tokens, 0, end).filter(token -> token == config.imageToken()).count();
  }

  ModelConfig config() {
    return config;
  }

  /** Makes room for so many tokens more, which {@link #store} fills layer by layer. */
  void extend(int tokens) {
    int needed = length + tokens;
    if (needed > room) {
      room = Math.max(Math.max(FIRST_ROOM, needed), 2 * room);
      TensorScope.Arena larger = new TensorScope.Arena();
      keys = larger.make(() -> moved(keys));
      values = larger.make(() -> moved(values));
      arena.close();
      arena = larger;
      addresses = new long[2 * config.layers()];
      Arrays.setAll(addresses, i -> Tensors.address((i % 2 == 0 ? keys : values).get(i / 2)));
    }
    length = needed;
  }

  private List<Tensor> moved(List<Tensor> from) {
    List<Tensor> to = new ArrayList<>();
    for (int layer = 0; layer < config.layers(); layer++) {
      Tensor tensor = Tensors.zeros(placement, room, config.kvWidth());
      if (!from.isEmpty()) {
        Ops.narrow(tensor, 0, 0, length).copy_(Ops.narrow(from.get(layer), 0, 0, length));
      }
      to.add(tensor);
    }
    return to;
  }

  /** Keys and values (n, Hkv · Dh) of the last n tokens. */
  void store(int layer, Tensor k, Tensor v) {
    long n = k.size(0);
    Ops.narrow(keys.get(layer), 0, length - n, n).copy_(k);
    Ops.narrow(values.get(layer), 0, length - n, n).copy_(v);
  }

  /** Where keys, or values, of a layer lie. */
  long address(int layer, boolean ofValues) {
    return addresses[2 * layer + (ofValues ? 1 : 0)];
  }

  /** Keys from a token on, (1, Hkv, n, Dh). */
  Tensor keys(int layer, int from) {
    return heads(keys.get(layer), from);
  }

  /** Values from a token on, (1, Hkv, n, Dh). */
  Tensor values(int layer, int from) {
    return heads(values.get(layer), from);
  }

  private Tensor heads(Tensor stored, int from) {
    return Ops.narrow(stored, 0, from, length - from)
        .view(1, -1, config.kvHeads(), config.headDim()).transpose(1, 2);
  }

  /** Frees the keys and values. */
  @Override
  public void close() {
    arena.close();
    seen.close();
  }
}
