package thanora.data;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;

/** The lines of a file as bytes, without their LF or CRLF; memory is bounded by the line limit. */
final class LineBytes {
  private final Path file;
  private final int limit;
  private final InputStream input;
  private final byte[] chunk = new byte[1 << 16];
  private byte[] line = new byte[1 << 12];
  private int chunkLength;
  private int chunkAt;
  private int length;
  private int number;

  /**
   * @param file what messages name
   */
  LineBytes(Path file, InputStream input, int limit) {
    this.file = file;
    this.limit = limit;
    this.input = input;
  }

  /** Moves to the next line; false at the end of the file. */
  boolean advance() throws IOException {
    length = 0;
    if (!fill()) {
      return false;
    }
    number = Math.incrementExact(number);
    boolean ended = false;
    while (!ended && fill()) {
      int end = chunkAt;
      while (end < chunkLength && chunk[end] != '\n') {
        end++;
      }
      append(end - chunkAt);
      ended = end < chunkLength;
      chunkAt = ended ? end + 1 : end;
    }
    if (length > 0 && line[length - 1] == '\r') {
      length--;
    }
    return true;
  }

  /** Number of the line, from 1. */
  int number() {
    return number;
  }

  /** Bytes of the line, valid until the next {@link #advance}. */
  ByteBuffer bytes() {
    return ByteBuffer.wrap(line, 0, length);
  }

  private boolean fill() throws IOException {
    if (chunkAt == chunkLength) {
      chunkLength = Math.max(0, input.read(chunk));
      chunkAt = 0;
    }
    return chunkAt < chunkLength;
  }

  private void append(int count) {
    if (count > limit - length) {
      throw new DataException(
          file + ":" + number + ": line is longer than " + limit + " bytes, the limit;"
              + " write one JSON object a line");
    }
    if (length + count > line.length) {
      line = Arrays.copyOf(line, Math.min(limit, Math.max(2 * line.length, length + count)));
    }
    System.arraycopy(chunk, chunkAt, line, length, count);
    length += count;
  }
}
