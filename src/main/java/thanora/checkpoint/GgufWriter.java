package thanora.checkpoint;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * Writes GGUF files of version 3: the same metadata and tensors give the same bytes, and the file is
 * whole or absent. Holds one tensor at a time.
 */
public final class GgufWriter {
  private static final int VERSION = 3;
  private static final int ALIGNMENT = 32;
  private static final int CHUNK_VALUES = 1 << 20;

  private GgufWriter() {}

  /**
   * What is known of a tensor before it is there.
   *
   * @param heads of a query or key: its rows are written in llama.cpp's order, see {@link
   *     GgufWeights}; 0 leaves the rows as they are
   * @param shape outermost dimension first
   */
  public record Entry(String name, OutType type, int heads, long... shape) {
    /**
     * The entry of a tensor in a file mostly of a type. Norms, biases and all else of one dimension
     * are float32; rows that are no whole blocks are half precision, as llama.cpp's converter has it.
     */
    public static Entry of(String name, OutType type, int heads, long... shape) {
      boolean matrix = shape.length > 1 && !name.endsWith("_norm.weight");
      OutType fitting = type.fits(shape[shape.length - 1]) ? type : OutType.F16;
      return new Entry(name, matrix ? fitting : OutType.F32, heads, shape);
    }

    long values() {
      return Arrays.stream(shape).reduce(1, Math::multiplyExact);
    }

    long bytes() {
      return type.bytes(values());
    }
  }

  /**
   * Writes a file.
   *
   * @param producer gives the tensor of an entry, once for each and in their order; what it makes is
   *     freed after it is written
   * @throws CheckpointException if there is no room, the file cannot be written or a tensor is not as
   *     announced; the file is then as it was before
   */
  public static void write(
      Path path, GgufValues values, List<Entry> entries, Function<String, Tensor> producer) {
    byte[] header = header(values, entries);
    requireRoom(path, header.length + entries.stream().mapToLong(entry -> padded(entry.bytes())).sum());
    WholeFile.write(path, channel -> {
      WholeFile.writeFully(channel, ByteBuffer.wrap(header));
      for (Entry entry : entries) {
        try (TensorScope scope = TensorScope.open()) {
          writeTensor(path, channel, entry, producer.apply(entry.name()));
        }
      }
    });
  }

  private static byte[] header(GgufValues values, List<Entry> entries) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes("GGUF".getBytes(StandardCharsets.US_ASCII));
    GgufValues.u32(out, VERSION);
    GgufValues.u64(out, entries.size());
    GgufValues.u64(out, values.entries().size());
    values.entries().forEach(out::writeBytes);
    long offset = 0;
    for (Entry entry : entries) {
      GgufValues.string(out, entry.name());
      GgufValues.u32(out, entry.shape().length);
      for (int i = entry.shape().length - 1; i >= 0; i--) {
        GgufValues.u64(out, entry.shape()[i]);
      }
      GgufValues.u32(out, entry.type().stored().id());
      GgufValues.u64(out, offset);
      offset += padded(entry.bytes());
    }
    return Arrays.copyOf(out.toByteArray(), Math.toIntExact(padded(out.size())));
  }

  private static long padded(long bytes) {
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  private static void requireRoom(Path path, long bytes) {
    try {
      long free = Files.getFileStore(path.toAbsolutePath().getParent()).getUsableSpace();
      if (free < bytes) {
        throw new CheckpointException(path + ": its disk has " + (free >> 20) + " MiB free, but "
            + ((bytes >> 20) + 1) + " MiB are needed; make room or give another place");
      }
    } catch (IOException e) {
      throw AtomicFiles.cannotWrite(path, e);
    }
  }

  private static void writeTensor(Path path, FileChannel channel, Entry entry, Tensor tensor) throws IOException {
    if (!Arrays.equals(Tensors.shape(tensor), entry.shape())) {
      throw new CheckpointException(path + ": tensor " + entry.name() + " was announced as "
          + Arrays.toString(entry.shape()) + " and came as " + Arrays.toString(Tensors.shape(tensor)));
    }
    Tensor flat = Tensors.to(tensor.detach(), new Placement("cpu", DType.F32)).contiguous();
    long rows = entry.shape()[0];
    int row = Math.toIntExact(entry.values() / rows);
    // a head at a time where its rows change places
    long atOnce = entry.heads() > 0 ? rows / entry.heads() : Math.max(1, CHUNK_VALUES / row);
    for (long first = 0; first < rows; first += atOnce) {
      int count = (int) Math.min(atOnce, rows - first);
      float[] values = new float[Math.multiplyExact(count, row)];
      TensorBytes.window(flat, first * row, values.length).asFloatBuffer().get(values);
      WholeFile.writeFully(channel,
          entry.type().encode(entry.heads() > 0 ? interleaved(values, row) : values));
    }
    WholeFile.writeFully(channel, ByteBuffer.allocate((int) (padded(entry.bytes()) - entry.bytes())));
  }

  /** The rows of a head with its two halves taken in turn. */
  private static float[] interleaved(float[] head, int row) {
    int half = head.length / row / 2;
    float[] out = new float[head.length];
    for (int i = 0; i < 2 * half; i++) {
      System.arraycopy(head, (i % 2 * half + i / 2) * row, out, i * row, row);
    }
    return out;
  }
}
