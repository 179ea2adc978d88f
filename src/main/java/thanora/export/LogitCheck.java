package thanora.export;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;
import thanora.checkpoint.CheckpointException;
import thanora.checkpoint.SafetensorsWriter;
import thanora.data.Batch;
import thanora.data.Sample;
import thanora.image.Pixels;
import thanora.model.Decoder;
import thanora.model.ImageReader;
import thanora.model.TokenBatch;
import thanora.model.Vision;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/** Logits of probe rows, kept to be compared with another model's on the same rows. */
public final class LogitCheck {
  private final List<Sample> rows;
  private final Optional<ImageReader> images;
  private final List<float[]> logits = new ArrayList<>();

  private LogitCheck(List<Sample> rows, Optional<ImageReader> images) {
    this.rows = rows;
    this.images = images;
  }

  /** Computes the logits of every token of the rows. */
  public static LogitCheck of(Decoder model, List<Sample> rows) {
    LogitCheck check = new LogitCheck(rows, model.vision().flatMap(Vision::images));
    for (Sample row : rows) {
      try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
        check.logits.add(Tensors.floats(logits(model, row)));
      }
    }
    return check;
  }

  private static Tensor logits(Decoder model, Sample row) {
    Sample alone = new Sample(0, 0, row.ids(), row.trained(), row.images());
    return model.logits(model.hidden(TokenBatch.of(Batch.of(List.of(alone), 1), model.placement().device())));
  }

  /**
   * How another model's logits differ.
   *
   * @param absolute the largest difference of a logit
   * @param largest the largest logit of the reference
   * @param same positions at which both models name the same next token
   * @param positions all positions
   */
  public record Comparison(double absolute, double largest, long same, long positions) {
    /** The largest difference over the largest logit. */
    public double relative() {
      return absolute / Math.max(largest, 1e-12);
    }

    /** The share of positions at which both models name the same next token. */
    public double sameShare() {
      return (double) same / Math.max(positions, 1);
    }
  }

  /**
   * The largest difference of a logit, over the largest logit of these rows.
   *
   * @param other a model of the same vocabulary
   */
  public double difference(Decoder other) {
    return compare(other).relative();
  }

  /**
   * Compares another model's logits on these rows.
   *
   * @param other a model of the same vocabulary
   */
  public Comparison compare(Decoder other) {
    Comparison total = new Comparison(0, 0, 0, 0);
    for (int i = 0; i < rows.size(); i++) {
      float[] values;
      try (NoGrad off = NoGrad.open(); TensorScope scope = TensorScope.open()) {
        values = Tensors.floats(logits(other, rows.get(i)));
      }
      total = plus(total, logits.get(i), values, rows.get(i).ids().length);
    }
    return total;
  }

  private static Comparison plus(Comparison before, float[] reference, float[] values, int positions) {
    double absolute = before.absolute;
    double largest = before.largest;
    long same = before.same;
    int width = reference.length / positions;
    for (int at = 0; at < reference.length; at += width) {
      int best = at;
      int otherBest = at;
      for (int j = at; j < at + width; j++) {
        double gap = Math.abs(values[j] - reference[j]);
        absolute = gap > absolute || Double.isNaN(gap) ? gap : absolute;
        largest = Math.max(largest, Math.abs(reference[j]));
        best = reference[j] > reference[best] ? j : best;
        otherBest = values[j] > values[otherBest] ? j : otherBest;
      }
      same += best == otherBest ? 1 : 0;
    }
    return new Comparison(absolute, largest, same, before.positions + positions);
  }

  /**
   * Writes rows and logits for another program to compare with: {@code ids_0} (n) int64, {@code
   * logits_0} (n, V) float32, {@code pixels_0_0} (tiles, 3, S, S) float32 of the first image of the row, and so
   * on, as safetensors.
   *
   * @throws CheckpointException if the file cannot be written; an older one is then still there
   */
  public void write(Path file) {
    List<SafetensorsWriter.Entry> entries = new ArrayList<>();
    Map<String, Supplier<Tensor>> values = new HashMap<>();
    for (int i = 0; i < rows.size(); i++) {
      int[] ids = rows.get(i).ids();
      float[] own = logits.get(i);
      long vocabulary = own.length / ids.length;
      entries.add(new SafetensorsWriter.Entry("ids_" + i, DType.I64, ids.length));
      values.put("ids_" + i, () -> Tensors.of(Arrays.stream(ids).asLongStream().toArray(), "cpu"));
      entries.add(new SafetensorsWriter.Entry("logits_" + i, DType.F32, ids.length, vocabulary));
      values.put("logits_" + i, () -> Tensors.of(own, ids.length, vocabulary));
      for (int j = 0; j < rows.get(i).images().size(); j++) {
        Pixels pixels = images.orElseThrow().read(rows.get(i).images().get(j));
        long[] shape = {pixels.layout().tiles(), 3, pixels.size(), pixels.size()};
        entries.add(new SafetensorsWriter.Entry("pixels_" + i + "_" + j, DType.F32, shape));
        values.put("pixels_" + i + "_" + j, () -> Tensors.of(pixels.values(), shape));
      }
    }
    SafetensorsWriter.write(file, entries, name -> values.get(name).get(), Map.of());
  }
}
