package thanora.checkpoint;

import java.nio.FloatBuffer;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * The tensors of a GGUF file under Hugging Face names, decoded to float32.
 *
 * <p>For Llama the converter interleaves the two halves of every query and key
 * head: row 2i + j of a head was row j·half + i. That is undone here, so that rotation works on
 * halves as it does in transformers; so is the 1 that it adds to Gemma's norms. Source: {@code permute} in llama.cpp's convert_hf_to_gguf.py.
 */
final class GgufWeights implements Weights {
  private static final int CHUNK_VALUES = 1 << 18;
  private static final int MAX_ROW = 1 << 27;

  private final FileBytes file;
  private final Map<String, GgufHeader.Slot> slots = new LinkedHashMap<>();
  private final GgufNaming naming;

  GgufWeights(GgufHeader header, GgufNaming naming) {
    file = header.file();
    this.naming = naming;
    header.tensors().forEach((name, slot) -> {
      String known = naming.huggingFace(name);
      if (!GgufNames.EXTRAS.contains(name) && slots.putIfAbsent(known, slot) != null) {
        throw file.fault("two tensors are both " + known);
      }
    });
  }

  /** The tensors that are no weights, decoded. */
  static Map<String, float[]> extras(GgufHeader header) {
    Map<String, float[]> extras = new LinkedHashMap<>();
    header.tensors().forEach((name, slot) -> {
      if (GgufNames.EXTRAS.contains(name)) {
        try (TensorScope scope = TensorScope.open()) {
          extras.put(name, Tensors.floats(decode(header.file(), name, slot, 0)));
        }
      }
    });
    return extras;
  }

  @Override
  public Set<String> names() {
    return Collections.unmodifiableSet(slots.keySet());
  }

  @Override
  public long[] shape(String name) {
    return slot(name).shape().clone();
  }

  /** {@inheritDoc} Half-precision types are their own; quantised ones are float32. */
  @Override
  public DType dtype(String name) {
    return switch (slot(name).type()) {
      case F16 -> DType.F16;
      case BF16 -> DType.BF16;
      default -> DType.F32;
    };
  }

  @Override
  public boolean isRounded() {
    return slots.values().stream().anyMatch(slot -> slot.type() != GgmlType.F32);
  }

  @Override
  public Tensor load(String name, Placement placement) {
    Tensor decoded = decode(file, name, slot(name), heads(name));
    if (naming.added(name) != 0) {
      Ops.addInPlace(decoded, -naming.added(name));
    }
    Tensor result = Tensors.to(decoded, placement);
    decoded.deallocate();
    return result;
  }

  @Override
  public void close() {
    file.close();
  }

  /** Decodes a tensor in chunks, on all cores; a row is a block where rows keep their order. */
  static Tensor decode(FileBytes file, String name, GgufHeader.Slot slot, int heads) {
    int block = slot.type().blockValues();
    long values = slot.bytes() / slot.type().blockBytes() * block;
    long rows = heads == 0 ? values / block : slot.shape()[0];
    long row = values / rows;
    if (heads > 0 && (rows % (2L * heads) != 0 || row % block != 0 || row > MAX_ROW)) {
      throw file.fault("tensor " + name + " of " + rows + " rows of " + row
          + " values does not consist of " + heads + " heads of even size");
    }
    Tensor tensor = Tensors.empty(Placement.CPU_F32, slot.shape());
    Rows plan = new Rows(file, slot, tensor, (int) row, rows, heads == 0 ? 0 : rows / heads / 2);
    int rowsEach = (int) Math.max(1, CHUNK_VALUES / row);
    LongStream.range(0, (rows + rowsEach - 1) / rowsEach).parallel()
        .forEach(chunk -> plan.decode(chunk * rowsEach, rowsEach));
    return tensor;
  }

  /** Rows of one tensor on their way from file to memory; half is 0 where they keep their order. */
  private record Rows(
      FileBytes file, GgufHeader.Slot slot, Tensor tensor, int row, long rows, long half) {
    void decode(long first, int atMost) {
      int count = (int) Math.min(atMost, rows - first);
      int blocks = count * row / slot.type().blockValues();
      long rowBytes = (long) row / slot.type().blockValues() * slot.type().blockBytes();
      byte[] in = file.read(slot.position() + first * rowBytes, (int) (count * rowBytes));
      float[] out = new float[count * row];
      slot.type().decode(in, blocks, out);
      if (half == 0) {
        at(first, count).put(out);
        return;
      }
      for (int i = 0; i < count; i++) {
        at(original(first + i), 1).put(out, i * row, row);
      }
    }

    /** Where a row was before llama.cpp interleaved the halves of its head. */
    private long original(long index) {
      long inHead = index % (2 * half);
      return index - inHead + inHead % 2 * half + inHead / 2;
    }

    private FloatBuffer at(long index, int count) {
      return TensorBytes.window(tensor, index * row, count * row).asFloatBuffer();
    }
  }

  /** Heads whose rows are to be put in order; 0 where they are. */
  private int heads(String name) {
    // of an adapter's factors B alone has the rows of the weight
    return name.endsWith(".lora_a") ? 0 : naming.heads(name);
  }

  private GgufHeader.Slot slot(String name) {
    GgufHeader.Slot slot = slots.get(name);
    if (slot == null) {
      throw file.fault("has no tensor " + name);
    }
    return slot;
  }
}
