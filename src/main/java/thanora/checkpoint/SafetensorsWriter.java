package thanora.checkpoint;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * Writes safetensors files: the same tensors give the same bytes, and the file is whole or absent.
 *
 * <p>Wide element types come first and then names in order, so that every tensor is aligned; the
 * header is padded with spaces to a multiple of 8.
 */
public final class SafetensorsWriter {
  private SafetensorsWriter() {}

  /** What is known of a tensor before it is there. */
  public record Entry(String name, DType dtype, long... shape) {
    /** Bytes of its elements. */
    public long bytes() {
      long bytes = dtype.bytes();
      for (long size : shape) {
        bytes = Math.multiplyExact(bytes, size);
      }
      return bytes;
    }
  }

  /** Writes tensors from any device with the metadata that transformers asks for. */
  public static void write(Path path, Map<String, Tensor> tensors) {
    write(path, tensors, Map.of());
  }

  /** Writes tensors from any device; {@code format: pt} is added where metadata has no format. */
  public static void write(Path path, Map<String, Tensor> tensors, Map<String, String> metadata) {
    List<Entry> entries = new ArrayList<>();
    tensors.forEach((name, tensor) ->
        entries.add(new Entry(name, DType.of(tensor), Tensors.shape(tensor))));
    write(path, entries, tensors::get, metadata);
  }

  /**
   * Writes tensors as they are produced, holding one at a time.
   *
   * @param producer gives the tensor of a name, once for each entry and not in the order of the
   *     entries; what it makes is freed after it is written
   * @throws CheckpointException if the file cannot be written or a tensor is not as announced; the
   *     file is then as it was before
   */
  public static void write(
      Path path, List<Entry> entries, Function<String, Tensor> producer,
      Map<String, String> metadata) {
    List<Entry> sorted = new ArrayList<>(entries);
    sorted.sort(Comparator.comparingInt((Entry e) -> -e.dtype().bytes())
        .thenComparing(e -> e.dtype().name()).thenComparing(Entry::name));
    byte[] header = header(path, sorted, metadata);
    WholeFile.write(path, channel -> {
      WholeFile.writeFully(channel, ByteBuffer.wrap(header));
      for (Entry entry : sorted) {
        try (TensorScope scope = TensorScope.open()) {
          writeTensor(path, channel, entry, producer.apply(entry.name()));
        }
      }
    });
  }

  private static byte[] header(Path path, List<Entry> entries, Map<String, String> metadata) {
    Map<String, String> full = new TreeMap<>(metadata);
    full.putIfAbsent("format", "pt");
    ObjectNode root = Json.MAPPER.createObjectNode();
    ObjectNode meta = root.putObject("__metadata__");
    full.forEach(meta::put);
    long offset = 0;
    for (Entry entry : entries) {
      if (root.has(entry.name()) || entry.name().isEmpty()
          || entry.name().chars().anyMatch(Character::isISOControl)) {
        throw new CheckpointException(
            path + ": tensor name '" + entry.name() + "' is given twice or not allowed");
      }
      ObjectNode node = root.putObject(entry.name());
      node.put("dtype", entry.dtype().name());
      Arrays.stream(entry.shape()).forEach(node.putArray("shape")::add);
      node.putArray("data_offsets").add(offset).add(offset + entry.bytes());
      offset += entry.bytes();
    }
    try {
      String json = Json.MAPPER.writeValueAsString(root);
      int length = json.getBytes(StandardCharsets.UTF_8).length;
      String padded = json + " ".repeat((8 - length % 8) % 8);
      byte[] bytes = padded.getBytes(StandardCharsets.UTF_8);
      return ByteBuffer.allocate(8 + bytes.length).order(ByteOrder.LITTLE_ENDIAN)
          .putLong(bytes.length).put(bytes).array();
    } catch (JsonProcessingException e) {
      throw new CheckpointException(
          path + ": header cannot be written (" + e.getOriginalMessage() + ")", e);
    }
  }

  private static void writeTensor(Path path, FileChannel channel, Entry entry, Tensor tensor)
      throws IOException {
    if (tensor == null || DType.of(tensor) != entry.dtype()
        || !Arrays.equals(Tensors.shape(tensor), entry.shape())) {
      throw new CheckpointException(path + ": tensor " + entry.name() + " was announced as "
          + entry.dtype() + " " + Arrays.toString(entry.shape()) + " and came as "
          + (tensor == null ? "nothing"
              : DType.of(tensor) + " " + Arrays.toString(Tensors.shape(tensor))));
    }
    Tensor flat = Tensors.to(tensor.detach(), new Placement("cpu", entry.dtype())).contiguous();
    TensorBytes.<IOException>forEach(flat, (window, at) -> WholeFile.writeFully(channel, window));
  }
}
