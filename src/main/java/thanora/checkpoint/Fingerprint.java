package thanora.checkpoint;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** A SHA-256 over parts, each preceded by its length so that parts cannot run into each other. */
final class Fingerprint {
  private static final int SAMPLE = 64;

  private final MessageDigest digest;

  Fingerprint() {
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JVM has SHA-256", e);
    }
  }

  Fingerprint add(String text) {
    return add(text.getBytes(StandardCharsets.UTF_8));
  }

  Fingerprint add(byte[] bytes) {
    digest.update(ByteBuffer.allocate(8).putLong(bytes.length).array());
    digest.update(bytes);
    return this;
  }

  /** The size of a weights file and its header. */
  Fingerprint addHeader(FileBytes file, long headerBytes) {
    digest.update(ByteBuffer.allocate(8).putLong(file.size()).array());
    return add(file.read(0, Math.toIntExact(Math.min(headerBytes, file.size()))));
  }

  /** A few bytes from the middle of a tensor. */
  Fingerprint addSample(FileBytes file, long position, long bytes) {
    int length = (int) Math.min(SAMPLE, bytes);
    return add(file.read(position + (bytes - length) / 2, length));
  }

  String hex() {
    return HexFormat.of().formatHex(digest.digest());
  }
}
