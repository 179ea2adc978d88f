package thanora.hasi;

import java.util.Collection;
import java.util.List;
import thanora.model.DecoderMemory;
import thanora.model.DecoderMemory.Linear;
import thanora.model.DecoderMemory.Rows;

/**
 * The memory that the initialisation takes beside weights and adapter, counted before anything is
 * loaded.
 *
 * <p>{@link PreviewPass}: the hidden states of all preview tokens, and a d x d float64 sum a task for
 * each distinct input of a layer. {@link LayerSpectra}: every weight of the layer in float64, a Gram
 * matrix of its smaller side a task, WᵀW of tall ones, and a moment or two at a time. {@link
 * MomentSpectra}: float32 moments of one task and one weight in float32. {@link
 * GradientPass}: the gradients of one task, as large as the adapted weights in float32, and a recorded
 * pass.
 */
public final class PreviewMemory {
  private static final long DOUBLE = 8;
  private static final long FLOAT = 4;

  /** Rows of a product that are added to a float32 moment at once. */
  private static final long BLOCK_ROWS = 1024;

  /** Columns that leading vectors are looked for in, and how many sets of them there are at once. */
  private static final long COLUMNS = 64;
  private static final long BLOCKS = 4;

  private PreviewMemory() {}

  /**
   * Bytes at most.
   *
   * @param modules names of the linear layers that are adapted
   * @param tokens of all preview rows
   * @param length of a row
   */
  public static long of(
      DecoderMemory model, Collection<String> modules, int tasks, long tokens, long length,
      HasiConfig.Preview preview) {
    long batch = Math.min(tokens, PreviewPass.BATCH_TOKENS);
    Rows rows = Rows.dense(Math.max(1, batch / length), length);
    List<Linear> adapted =
        model.allLinears().stream().filter(linear -> modules.contains(linear.name())).toList();
    if (preview.statistic() == HasiConfig.Statistic.GRADIENT) {
      long largest = adapted.stream().mapToLong(PreviewMemory::numbers).max().orElse(0);
      long all = adapted.stream().mapToLong(PreviewMemory::numbers).sum();
      return (all + largest) * FLOAT + model.kept(modules, linear -> 0, rows, false) + model.ofTheMoment(rows, false);
    }
    String layer = adapted.stream().findFirst().map(Linear::name).orElse("").replaceFirst("(layers\\.\\d+\\.).*", "$1");
    List<Linear> together = adapted.stream().filter(linear -> linear.name().startsWith(layer)).toList();
    long hidden = tokens * model.config().hidden() * model.dtype().bytes();
    long kept = PreviewPass.waits(hidden, model.gpu()) ? 0 : hidden;
    boolean byTask = adapted.stream().anyMatch(linear -> preview.estimates(linear.out(), linear.in()));
    return byTask
        ? kept + moments(together) * FLOAT + Math.max(model.unrecorded(rows) + block(together), estimates(together))
        : kept + moments(together) * tasks * DOUBLE + Math.max(model.unrecorded(rows), spectra(together, tasks));
  }

  /** A block of products on its way into the widest moment. */
  private static long block(List<Linear> layer) {
    return layer.stream().mapToLong(Linear::in).max().orElse(0) * BLOCK_ROWS * FLOAT;
  }

  /** One weight in float32, and some blocks of columns as long as its two sides. */
  private static long estimates(List<Linear> layer) {
    return layer.stream().mapToLong(linear ->
        (numbers(linear) + BLOCKS * COLUMNS * (linear.in() + linear.out())) * FLOAT).max().orElse(0);
  }

  private static long numbers(Linear linear) {
    return (long) linear.in() * linear.out();
  }

  /** Numbers of a task's moments: of what q, k and v read, gate and up, o, and down. */
  private static long moments(List<Linear> layer) {
    return layer.stream().map(PreviewMemory::input).distinct()
        .mapToLong(input -> layer.stream().filter(linear -> input(linear).equals(input))
            .mapToLong(Linear::in).findFirst().orElse(0))
        .map(width -> width * width).sum();
  }

  private static String input(Linear linear) {
    return linear.name().replaceFirst("[qkv]_proj$", "qkv").replaceFirst("(gate|up)_proj$", "unit");
  }

  private static long spectra(List<Linear> layer, int tasks) {
    long widest = layer.stream().mapToLong(Linear::in).max().orElse(0);
    long weights = layer.stream().mapToLong(PreviewMemory::numbers).sum();
    long grams = layer.stream().mapToLong(linear -> {
      long smaller = Math.min(linear.in(), linear.out());
      long shared = linear.out() > linear.in() ? smaller * smaller : 0;
      return smaller > LayerSpectra.EXACT_UP_TO ? tasks * smaller * smaller + shared : 0;
    }).sum();
    return (weights + grams + 3 * widest * widest) * DOUBLE;
  }
}
