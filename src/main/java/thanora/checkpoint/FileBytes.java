package thanora.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A file read at positions. It is never memory-mapped: a mapped file that another process truncates
 * takes the JVM down, a short read is an error with a name.
 */
final class FileBytes implements AutoCloseable {
  private final Path path;
  private final FileChannel channel;
  private final long size;

  private FileBytes(Path path, FileChannel channel, long size) {
    this.path = path;
    this.channel = channel;
    this.size = size;
  }

  static FileBytes open(Path path) {
    if (Files.isDirectory(path)) {
      throw new CheckpointException(path + ": is a folder, not a file");
    }
    try {
      FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
      return new FileBytes(path, channel, channel.size());
    } catch (NoSuchFileException e) {
      throw new CheckpointException(path + ": no such file", e);
    } catch (IOException e) {
      throw new CheckpointException(path + ": cannot be read (" + e.getMessage() + ")", e);
    }
  }

  Path path() {
    return path;
  }

  /** Bytes when it was opened. */
  long size() {
    return size;
  }

  /** Fills the buffer from {@code position} on. */
  void read(ByteBuffer into, long position) {
    long at = position;
    try {
      while (into.hasRemaining()) {
        int count = channel.read(into, at);
        if (count < 0) {
          throw fault("ends at byte " + at + ", before the " + size + " bytes it had when opened");
        }
        at += count;
      }
    } catch (IOException e) {
      throw new CheckpointException(path + ": cannot be read (" + e.getMessage() + ")", e);
    }
  }

  byte[] read(long position, int length) {
    byte[] bytes = new byte[length];
    read(ByteBuffer.wrap(bytes), position);
    return bytes;
  }

  /** The first bytes, at most {@code length}. */
  byte[] head(int length) {
    return read(0, (int) Math.min(length, size));
  }

  CheckpointException fault(String rule) {
    return new CheckpointException(path + ": " + rule);
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new CheckpointException(path + ": cannot be closed (" + e.getMessage() + ")", e);
    }
  }
}
