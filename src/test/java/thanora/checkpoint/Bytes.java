package thanora.checkpoint;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Builds small little-endian files by hand, well-formed or not. */
final class Bytes {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  static Bytes empty() {
    return new Bytes();
  }

  /** A safetensors file with a true header length. */
  static Bytes safetensors(String header, int dataBytes) {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    return empty().u64(json.length).raw(json).raw(new byte[dataBytes]);
  }

  Bytes u32(long value) {
    return raw(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt((int) value).array());
  }

  Bytes u64(long value) {
    return raw(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array());
  }

  Bytes f32(float value) {
    return u32(Float.floatToRawIntBits(value));
  }

  Bytes text(String value) {
    return raw(value.getBytes(StandardCharsets.UTF_8));
  }

  /** A GGUF string: its length and its bytes. */
  Bytes string(String value) {
    return u64(value.getBytes(StandardCharsets.UTF_8).length).text(value);
  }

  Bytes raw(byte[] bytes) {
    out.writeBytes(bytes);
    return this;
  }

  Bytes align(int alignment) {
    while (out.size() % alignment != 0) {
      out.write(0);
    }
    return this;
  }

  byte[] array() {
    return out.toByteArray();
  }

  Path write(Path path) {
    try {
      return Files.write(path, array());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
