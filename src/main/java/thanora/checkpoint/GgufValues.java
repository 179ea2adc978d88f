package thanora.checkpoint;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** Metadata of a GGUF file to be written, in order; a key that is put again keeps its place. */
public final class GgufValues {
  private static final int U32 = 4;
  private static final int I32 = 5;
  private static final int F32 = 6;
  private static final int BOOL = 7;
  private static final int STRING = 8;
  private static final int ARRAY = 9;

  /** By key: the whole entry, as it stands in the file. */
  private final Map<String, byte[]> entries = new LinkedHashMap<>();

  /** Puts a string. */
  public GgufValues text(String key, String value) {
    return put(key, STRING, out -> string(out, value));
  }

  /** Puts an unsigned integer of 32 bits. */
  public GgufValues integer(String key, long value) {
    return put(key, U32, out -> u32(out, value));
  }

  /** Puts a number in float32. */
  public GgufValues number(String key, double value) {
    return put(key, F32, out -> u32(out, Float.floatToRawIntBits((float) value)));
  }

  /** Puts true or false. */
  public GgufValues flag(String key, boolean value) {
    return put(key, BOOL, out -> out.write(value ? 1 : 0));
  }

  GgufValues texts(String key, List<String> values) {
    return array(key, STRING, values.size(), out -> values.forEach(value -> string(out, value)));
  }

  /** Puts a list of integers of 32 bits. */
  public GgufValues integers(String key, List<Integer> values) {
    return array(key, I32, values.size(), out -> values.forEach(value -> u32(out, value)));
  }

  /** Puts a list of numbers in float32. */
  public GgufValues numbers(String key, List<Float> values) {
    return array(key, F32, values.size(),
        out -> values.forEach(value -> u32(out, Float.floatToRawIntBits(value))));
  }

  /** Puts an entry of another file, byte by byte. */
  GgufValues entry(String key, byte[] entry) {
    entries.put(key, entry);
    return this;
  }

  Collection<byte[]> entries() {
    return entries.values();
  }

  private GgufValues array(String key, int type, int count, Consumer<ByteArrayOutputStream> elements) {
    return put(key, ARRAY, out -> {
      u32(out, type);
      u64(out, count);
      elements.accept(out);
    });
  }

  private GgufValues put(String key, int type, Consumer<ByteArrayOutputStream> value) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    string(out, key);
    u32(out, type);
    value.accept(out);
    return entry(key, out.toByteArray());
  }

  static void string(ByteArrayOutputStream out, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    u64(out, bytes.length);
    out.writeBytes(bytes);
  }

  static void u32(ByteArrayOutputStream out, long value) {
    out.writeBytes(little(4).putInt((int) value).array());
  }

  static void u64(ByteArrayOutputStream out, long value) {
    out.writeBytes(little(8).putLong(value).array());
  }

  private static ByteBuffer little(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
