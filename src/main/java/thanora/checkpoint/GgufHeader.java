package thanora.checkpoint;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The header of a GGUF file (versions 2 and 3, little-endian): typed metadata and the places of
 * tensors, checked against the size of the file before anything is allocated.
 *
 * <p>Format: <a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">gguf.md</a>.
 */
final class GgufHeader {
  private final FileBytes file;
  private final Map<String, Object> metadata = new LinkedHashMap<>();
  private final Map<String, Place> places = new LinkedHashMap<>();
  private final Map<String, Slot> tensors = new LinkedHashMap<>();
  private long dataStart;

  /** A tensor: shape outermost dimension first, position from the start of the file. */
  record Slot(GgmlType type, long[] shape, long position, long bytes) {
    /** Values in a row, the part that blocks never cross. */
    long rowValues() {
      return shape[shape.length - 1];
    }
  }

  /** Where the entry of a metadata key lies in the file. */
  private record Place(long start, int length) {}

  private GgufHeader(FileBytes file) {
    this.file = file;
  }

  static GgufHeader read(FileBytes file) {
    GgufHeader header = new GgufHeader(file);
    header.parse();
    return header;
  }

  Map<String, Object> metadata() {
    return metadata;
  }

  /** The entry of a metadata key, as it stands in the file. */
  byte[] entry(String key) {
    Place place = places.get(key);
    return file.read(place.start, place.length);
  }

  Map<String, Slot> tensors() {
    return tensors;
  }

  long dataStart() {
    return dataStart;
  }

  FileBytes file() {
    return file;
  }

  private void parse() {
    checkMagic();
    GgufReader in = new GgufReader(file);
    in.u32();
    int version = in.u32();
    if ((version & 0xffff) == 0 && version != 0) {
      throw file.fault("is big-endian; convert it with gguf-convert-endian");
    }
    if (version != 2 && version != 3) {
      throw file.fault("has GGUF version " + Integer.toUnsignedString(version)
          + ", 2 and 3 can be read; convert the model again with a newer llama.cpp");
    }
    int tensorCount = in.count("tensors", 32);
    int keyCount = in.count("metadata entries", 13);
    for (int i = 0; i < keyCount; i++) {
      long start = in.position();
      String key = in.name("a metadata key");
      if (metadata.putIfAbsent(key, in.value(key, in.u32())) != null) {
        throw file.fault("metadata key " + key + " is given twice");
      }
      places.put(key, new Place(start, Math.toIntExact(in.position() - start)));
    }
    long alignment = alignment();
    for (int i = 0; i < tensorCount; i++) {
      readTensor(in, alignment);
    }
    dataStart = Math.addExact(in.position(), Math.floorMod(-in.position(), alignment));
    checkLayout();
  }

  private void checkMagic() {
    byte[] head = file.head(ForeignFile.HEAD);
    if (head.length >= 4 && new String(head, 0, 4, StandardCharsets.ISO_8859_1).equals("GGUF")) {
      return;
    }
    Optional<String> what = ForeignFile.describe(head);
    throw file.fault(what.orElse("is not a GGUF file: it does not start with 'GGUF'"));
  }

  private long alignment() {
    Object value = metadata.getOrDefault("general.alignment", 32L);
    if (!(value instanceof Long alignment) || alignment < 1 || alignment > 1 << 20
        || Long.bitCount(alignment) != 1) {
      throw file.fault("general.alignment is " + value + ", not a power of two up to 2^20");
    }
    return alignment;
  }

  private void readTensor(GgufReader in, long alignment) {
    String name = in.name("a tensor's name");
    int dimensions = in.u32();
    if (dimensions < 1 || dimensions > 4) {
      throw file.fault("tensor " + name + " has " + Integer.toUnsignedString(dimensions)
          + " dimensions, 1 to 4 are allowed");
    }
    long[] shape = new long[dimensions];
    for (int i = dimensions - 1; i >= 0; i--) {
      shape[i] = in.u64();
    }
    int id = in.u32();
    GgmlType type = GgmlType.of(id).orElseThrow(() -> file.fault("tensor " + name + " has type "
        + GgmlType.nameOf(id) + ", which cannot be read; use one of "
        + Arrays.toString(GgmlType.values())));
    long offset = in.u64();
    if (offset < 0 || offset % alignment != 0) {
      throw file.fault("tensor " + name + " starts at " + Long.toUnsignedString(offset)
          + ", not a multiple of the alignment " + alignment);
    }
    Slot slot = new Slot(type, shape, offset, bytes(name, type, shape));
    if (tensors.putIfAbsent(name, slot) != null) {
      throw file.fault("tensor " + name + " is given twice");
    }
  }

  private long bytes(String name, GgmlType type, long[] shape) {
    try {
      long values = 1;
      for (long size : shape) {
        if (size < 1) {
          throw file.fault("tensor " + name + " has a dimension of " + Long.toUnsignedString(size));
        }
        values = Math.multiplyExact(values, size);
      }
      long row = shape[shape.length - 1];
      if (row % type.blockValues() != 0) {
        throw file.fault(
            "tensor " + name + " has rows of " + row + " values, not a multiple of the "
            + type.blockValues() + " in a block of " + type);
      }
      return Math.multiplyExact(values / type.blockValues(), (long) type.blockBytes());
    } catch (ArithmeticException e) {
      throw new CheckpointException(file.path() + ": tensor " + name + " of shape "
          + Arrays.toString(shape) + " has more than 2^63 bytes", e);
    }
  }

  /** Also moves positions from the start of the data to the start of the file. */
  private void checkLayout() {
    List<Map.Entry<String, Slot>> sorted = tensors.entrySet().stream()
        .sorted(Comparator.comparingLong(entry -> entry.getValue().position())).toList();
    long end = 0;
    for (Map.Entry<String, Slot> entry : sorted) {
      Slot slot = entry.getValue();
      if (slot.position() < end) {
        throw file.fault("tensor " + entry.getKey() + " starts at " + slot.position()
            + ", inside the tensor before it, which ends at " + end);
      }
      if (slot.bytes() > file.size() - dataStart - slot.position()) {
        throw file.fault(
            "tensor " + entry.getKey() + " at " + slot.position() + " of " + slot.bytes()
            + " bytes ends outside the file; it is truncated");
      }
      end = slot.position() + slot.bytes();
    }
    tensors.replaceAll((name, slot) ->
        new Slot(slot.type(), slot.shape(), dataStart + slot.position(), slot.bytes()));
  }

  /** The header's own bytes, for a fingerprint. */
  ByteBuffer bytes() {
    return ByteBuffer.wrap(file.read(0, Math.toIntExact(Math.min(dataStart, file.size()))))
        .order(ByteOrder.LITTLE_ENDIAN);
  }
}
