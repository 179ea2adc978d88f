package thanora.checkpoint;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** Reads the values of a GGUF header in order; every length is checked against what is left. */
final class GgufReader {
  private static final int BUFFER = 1 << 20;
  private static final int MAX_STRING = 64 << 20;
  private static final int MAX_ARRAYS = 4;
  private static final int MAX_ELEMENTS = 1 << 24;

  private final FileBytes file;
  private final ByteBuffer buffer =
      ByteBuffer.allocate(BUFFER).order(ByteOrder.LITTLE_ENDIAN).limit(0);
  private long bufferEnd;

  GgufReader(FileBytes file) {
    this.file = file;
  }

  /** Bytes read so far. */
  long position() {
    return bufferEnd - buffer.remaining();
  }

  long remaining() {
    return file.size() - position();
  }

  int u32() {
    need(4);
    return buffer.getInt();
  }

  long u64() {
    need(8);
    return buffer.getLong();
  }

  /** A count of things that take at least {@code bytesEach} bytes each. */
  int count(String what, long bytesEach) {
    long count = u64();
    if (count < 0 || count > remaining() / bytesEach || count > Integer.MAX_VALUE - 8) {
      throw file.fault(Long.toUnsignedString(count) + " " + what + " do not fit the "
          + remaining() + " bytes that are left; the file is truncated or damaged");
    }
    return (int) count;
  }

  String string(String what) {
    int length = count("bytes of " + what, 1);
    if (length > MAX_STRING) {
      throw file.fault(what + " has " + length + " bytes, more than " + MAX_STRING);
    }
    byte[] bytes = new byte[length];
    for (int at = 0; at < length; ) {
      need(1);
      int part = Math.min(length - at, buffer.remaining());
      buffer.get(bytes, at, part);
      at += part;
    }
    return Json.utf8(file.path() + ": " + what, ByteBuffer.wrap(bytes));
  }

  /** A key or tensor name: not empty, no control characters. */
  String name(String what) {
    String name = string(what);
    if (name.isEmpty() || name.length() > 1024 || name.chars().anyMatch(Character::isISOControl)) {
      throw file.fault(what + " is empty, too long or holds control characters");
    }
    return name;
  }

  /** A metadata value: Long, Float, Double, Boolean, String, or a List of one of them. */
  Object value(String key, int type) {
    return value(key, type, 0);
  }

  private Object value(String key, int type, int depth) {
    return switch (type) {
      case 0 -> (long) Byte.toUnsignedInt(u8());
      case 1 -> (long) u8();
      case 2 -> (long) Short.toUnsignedInt(u16());
      case 3 -> (long) u16();
      case 4 -> Integer.toUnsignedLong(u32());
      case 5 -> (long) u32();
      case 6 -> Float.intBitsToFloat(u32());
      case 7 -> bool(key);
      case 8 -> string("value of " + key);
      case 9 -> array(key, depth);
      case 10, 11 -> u64();
      case 12 -> Double.longBitsToDouble(u64());
      default -> throw file.fault("value of " + key + " has type " + Integer.toUnsignedString(type)
          + ", which GGUF does not know");
    };
  }

  private List<Object> array(String key, int depth) {
    if (depth == MAX_ARRAYS) {
      throw file.fault("value of " + key + " nests arrays more than " + MAX_ARRAYS + " deep");
    }
    int type = u32();
    int count = count("elements of " + key, bytesOf(type));
    if (count > MAX_ELEMENTS) {
      throw file.fault(
          "value of " + key + " has " + count + " elements, more than " + MAX_ELEMENTS);
    }
    List<Object> values = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      values.add(value(key, type, depth + 1));
    }
    return values;
  }

  private static int bytesOf(int type) {
    return switch (type) {
      case 2, 3 -> 2;
      case 4, 5, 6 -> 4;
      case 8, 10, 11, 12 -> 8;
      case 9 -> 12;
      default -> 1;
    };
  }

  private boolean bool(String key) {
    int value = u8();
    if (value != 0 && value != 1) {
      throw file.fault("value of " + key + " is " + value + ", not a boolean 0 or 1");
    }
    return value == 1;
  }

  private byte u8() {
    need(1);
    return buffer.get();
  }

  private short u16() {
    need(2);
    return buffer.getShort();
  }

  private void need(int bytes) {
    if (buffer.remaining() >= bytes) {
      return;
    }
    if (remaining() < bytes) {
      throw file.fault("ends inside its header; it is truncated");
    }
    int kept = buffer.remaining();
    buffer.compact();
    buffer.limit((int) Math.min(BUFFER, kept + file.size() - bufferEnd));
    int fresh = buffer.limit() - kept;
    file.read(buffer, bufferEnd);
    bufferEnd += fresh;
    buffer.flip();
  }
}
