package thanora.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.Tensors;

/** The pasts of texts that are read a piece at a time, each piece a row of the batch; for one step. */
final class ReadingPast implements Past {
  private final List<Reading> readings;
  private final int[] starts;
  private final Map<Integer, List<Seen>> seen = new HashMap<>(); // by window; belongs to the scope of the step
  private final Optional<Tensor> addresses; // also

  /**
   * What the last tokens of a text see.
   *
   * @param from first token that any of them sees
   * @param causal each sees all up to itself, and they are the whole text
   * @param mask (1, 1, n, S) of booleans, where that is not said otherwise
   */
  private record Seen(int from, boolean causal, Optional<Tensor> mask) {}

  ReadingPast(List<Reading> readings, int[] starts, String device) {
    this.readings = readings;
    this.starts = starts;
    for (int row = 0; row < readings.size(); row++) {
      int n = starts[row + 1] - starts[row];
      Reading reading = readings.get(row);
      reading.extend(n);
      reading.config().byLayer().stream().mapToInt(ModelConfig.Layer::window).distinct().forEach(window ->
          seen.computeIfAbsent(window, first -> new ArrayList<>()).add(seen(n, reading.length(), window, device)));
    }
    boolean single = starts[readings.size()] == readings.size();
    this.addresses = single && !device.equals("cpu") ? Optional.of(addresses(device)) : Optional.empty();
  }

  private Tensor addresses(String device) {
    int rows = readings.size();
    int layers = readings.get(0).config().layers();
    long[] found = new long[2 * layers * rows];
    for (int i = 0; i < found.length; i++) {
      found[i] = readings.get(i % rows).address(i / (2 * rows), i / rows % 2 == 1);
    }
    return Tensors.of(found, device).view(layers, 2, rows);
  }

  @Override
  public Optional<Tensor> addresses() {
    return addresses;
  }

  private static Seen seen(int n, int length, int window, String device) {
    boolean windowed = window > 0 && length > window;
    int from = windowed ? Math.max(0, length - n - window + 1) : 0;
    if (n == 1 || n == length && !windowed) {
      return new Seen(from, n > 1, Optional.empty());
    }
    return new Seen(from, false, Optional.of(mask(n, length - from, windowed ? window : length, device)));
  }

  /** (1, 1, n, S): the last n of S tokens, each over itself and the window − 1 before it. */
  private static Tensor mask(int n, int keys, int window, String device) {
    float[] near = new float[n * keys];
    for (int i = 0; i < n; i++) {
      int last = keys - n + i;
      Arrays.fill(near, i * keys + Math.max(0, last - window + 1), i * keys + last + 1, 1f);
    }
    return Tensors.to(Tensors.of(near, 1, 1, n, keys), new Placement(device, DType.BOOL));
  }

  @Override
  public Optional<Tensor> attend(int layer, Tensor q, Tensor k, Tensor v, TokenBatch batch, ModelConfig config) {
    Tensor[] mixed = new Tensor[readings.size()];
    for (int row = 0; row < mixed.length; row++) {
      int n = starts[row + 1] - starts[row];
      readings.get(row).store(layer, Ops.narrow(k, 0, starts[row], n), Ops.narrow(v, 0, starts[row], n));
      Tensor query = Ops.narrow(q, 0, starts[row], n).transpose(0, 1).unsqueeze(0); // (1, H, n, Dh)
      Seen own = seen.get(config.byLayer().get(layer).window()).get(row);
      mixed[row] = attend(readings.get(row), own, layer, query, config.scores()).squeeze(0).transpose(0, 1);
    }
    return Optional.of(mixed.length == 1 ? mixed[0] : Ops.cat(0, mixed));
  }

  private static Tensor attend(Reading reading, Seen seen, int layer, Tensor query, Scores scores) {
    Tensor keys = reading.keys(layer, seen.from);
    Tensor values = reading.values(layer, seen.from);
    return seen.mask.map(mask -> scores.masked(query, keys, values, mask))
        .orElseGet(() -> seen.causal ? scores.causal(query, keys, values, 0) : scores.all(query, keys, values));
  }
}
