package thanora.checkpoint;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.CopyOption;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * Files that are there whole or not at all, whenever the process is killed: written beside the
 * target as {@code NAME.part}, forced to disk, renamed, and the folder forced to disk.
 */
public final class AtomicFiles {
  /** Ending of what is not finished. */
  public static final String PART = ".part";

  private AtomicFiles() {}

  /** Writes the bytes of a file. */
  @FunctionalInterface
  public interface Writer {
    /** Writes everything to {@code out}, which the caller closes. */
    void write(OutputStream out) throws IOException;
  }

  /**
   * Writes or replaces a file.
   *
   * @throws CheckpointException if it cannot be written; the old file is then still there
   */
  public static void write(Path target, byte[] bytes) {
    write(target, out -> out.write(bytes));
  }

  /**
   * Writes or replaces a text file in UTF-8.
   *
   * @throws CheckpointException if it cannot be written; the old file is then still there
   */
  public static void write(Path target, String text) {
    write(target, text.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Writes or replaces a file by a stream.
   *
   * @throws CheckpointException if it cannot be written; the old file is then still there
   */
  public static void write(Path target, Writer writer) {
    appear(target, part -> {
      try (FileChannel channel =
          FileChannel.open(
              part, StandardOpenOption.CREATE, StandardOpenOption.WRITE,
              StandardOpenOption.TRUNCATE_EXISTING)) {
        OutputStream out = new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16);
        writer.write(out);
        out.flush();
        channel.force(true);
      }
    }, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  /** Makes a file under another name than that under which it appears. */
  @FunctionalInterface
  public interface Maker {
    /** Writes the whole file, forced to disk; may read it back. */
    void make(Path file) throws IOException;
  }

  /**
   * Makes a file that is not there yet, and gives it its name when the maker is content with it.
   *
   * @throws CheckpointException if the target exists or cannot be written
   */
  public static void publish(Path target, Maker maker) {
    if (Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
      throw new CheckpointException(target + ": exists already; give another file or remove it");
    }
    appear(target, part -> {
      Files.createDirectories(target.toAbsolutePath().getParent());
      maker.make(part);
    }, StandardCopyOption.ATOMIC_MOVE);
  }

  /** Makes a file under another name, then moves it to its own; where that fails nothing of it is left. */
  private static void appear(Path target, Maker maker, CopyOption... move) {
    Path part = target.resolveSibling(target.getFileName() + PART);
    try {
      maker.make(part);
      Files.move(part, target, move);
      force(target.toAbsolutePath().getParent());
    } catch (IOException e) {
      deleteQuietly(part);
      throw cannotWrite(target, e);
    } catch (RuntimeException e) {
      deleteQuietly(part);
      throw e;
    }
  }

  /**
   * Forces a file or folder to disk. Where folders cannot be opened (Windows) they are left to the
   * system, which writes renames in order.
   */
  static void force(Path path) throws IOException {
    boolean folder = Files.isDirectory(path);
    StandardOpenOption mode = folder ? StandardOpenOption.READ : StandardOpenOption.WRITE;
    try (FileChannel channel = FileChannel.open(path, mode)) {
      channel.force(true);
    } catch (IOException e) {
      if (!folder) {
        throw e;
      }
    }
  }

  /** The one line of a write that failed. */
  static CheckpointException cannotWrite(Path target, IOException e) {
    String reason = e.getMessage() == null ? "" : e.getMessage().replaceAll("\\s+", " ");
    return new CheckpointException(
        target + ": cannot be written (" + e.getClass().getSimpleName() + ": " + reason
            + "); check rights and free space",
        e);
  }

  private static void deleteQuietly(Path path) {
    try {
      Files.deleteIfExists(path);
    } catch (IOException leftover) {
      // A leftover .part is removed at the next start; the first error is the one to report.
    }
  }
}
