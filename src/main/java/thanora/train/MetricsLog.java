package thanora.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import thanora.checkpoint.CheckpointException;

/**
 * The log of a run, {@code log.jsonl}: one JSON object a line, written out at once. A row of
 * training has {@code step, loss, task_loss, spr, lr, grad_norm, tokens, seconds}; other rows have
 * {@code step}, {@code event} and what belongs to it. Numbers that are not finite are null, since
 * JSON has no others.
 */
public final class MetricsLog implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int LONGEST_LINE = 1 << 20;

  private final Path file;
  private final FileChannel channel;

  private MetricsLog(Path file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
  }

  /**
   * What one optimiser step did.
   *
   * @param step from 1
   * @param loss mean over the labelled tokens of the batch, in nats, without spr
   * @param taskLoss the same by task, for tasks with rows in the batch
   * @param spr value of the regulariser, before its factor
   * @param lr learning rate of the step
   * @param gradNorm length of the gradient before clipping
   * @param tokens tokens of the batch, prompts included
   * @param seconds time of the step
   */
  public record StepRow(
      int step,
      double loss,
      Map<String, Double> taskLoss,
      double spr,
      double lr,
      double gradNorm,
      long tokens,
      double seconds) {}

  /**
   * Opens a log to go on after a step: rows of later steps are cut, and a torn last line.
   *
   * @param resumedStep last step that counts; 0 = a new run
   * @throws CheckpointException if the file cannot be read or written
   */
  public static MetricsLog open(Path file, int resumedStep) {
    try {
      long length = Files.exists(file) ? lengthUpTo(file, resumedStep) : 0;
      FileChannel channel =
          FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      channel.truncate(length);
      channel.position(length);
      return new MetricsLog(file, channel);
    } catch (IOException e) {
      throw new CheckpointException(file + ": the log cannot be opened; check rights", e);
    }
  }

  /** Bytes of the whole rows up to the first that is of a later step or is not a row. */
  private static long lengthUpTo(Path file, int step) throws IOException {
    long good = 0;
    long position = 0;
    try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
      ByteArrayOutputStream line = new ByteArrayOutputStream();
      for (int b = in.read(); b >= 0 && line.size() < LONGEST_LINE; b = in.read()) {
        position++;
        if (b != '\n') {
          line.write(b);
          continue;
        }
        if (!isRowUpTo(line.toByteArray(), step)) {
          return good;
        }
        good = position;
        line.reset();
      }
    }
    return good;
  }

  private static boolean isRowUpTo(byte[] line, int step) {
    try {
      JsonNode row = JSON.readTree(line);
      return row != null && row.path("step").isInt() && row.path("step").intValue() <= step
          && step > 0;
    } catch (IOException torn) {
      return false;
    }
  }

  /** Writes the row of a step. */
  public void step(StepRow row) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("step", row.step());
    fields.put("loss", row.loss());
    fields.put("task_loss", row.taskLoss());
    fields.put("spr", row.spr());
    fields.put("lr", row.lr());
    fields.put("grad_norm", row.gradNorm());
    fields.put("tokens", row.tokens());
    fields.put("seconds", row.seconds());
    write(fields);
  }

  /** Writes a row of another kind, such as an evaluation. */
  public void event(int step, String event, Map<String, ?> values) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("step", step);
    fields.put("event", event);
    fields.putAll(values);
    write(fields);
  }

  private void write(Map<String, Object> fields) {
    try {
      String line = JSON.writeValueAsString(finite(fields)) + "\n";
      ByteBuffer bytes = ByteBuffer.wrap(line.getBytes(StandardCharsets.UTF_8));
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("a log row has a value that JSON cannot hold", e);
    } catch (IOException e) {
      throw new CheckpointException(file + ": the log cannot be written; check free space", e);
    }
  }

  /** The same with null for what is not finite, in maps, lists and arrays too. */
  private static Object finite(Object value) {
    if (value instanceof Map<?, ?> fields) {
      Map<String, Object> result = new LinkedHashMap<>();
      fields.forEach((key, inner) -> result.put(String.valueOf(key), finite(inner)));
      return result;
    }
    if (value instanceof List<?> list) {
      return list.stream().map(MetricsLog::finite).toList();
    }
    if (value instanceof double[] numbers) {
      return finite(Arrays.stream(numbers).boxed().toList());
    }
    if (value instanceof double[][] rows) {
      return finite(Arrays.asList(rows));
    }
    return value instanceof Double number && !Double.isFinite(number) ? null : value;
  }

  @Override
  public void close() {
    try {
      channel.force(false);
      channel.close();
    } catch (IOException e) {
      throw new CheckpointException(file + ": the log cannot be closed; check free space", e);
    }
  }
}
