package thanora.checkpoint;

import java.io.IOException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * Folders that are there whole or not at all: filled as {@code NAME.part}, every file forced to
 * disk, renamed, and the parent forced to disk. Leftovers are removed by {@link #clean}.
 */
public final class AtomicFolders {
  /** Ending of a folder that is being replaced, until the new one has its name. */
  private static final String OLD = ".old" + AtomicFiles.PART;

  private AtomicFolders() {}

  /** Fills a folder. */
  @FunctionalInterface
  public interface Filler {
    /** Writes all files into the empty folder. */
    void fill(Path folder) throws IOException;
  }

  /**
   * Makes a folder that is not there yet.
   *
   * @throws CheckpointException if the target exists or cannot be written
   */
  public static void publish(Path target, Filler filler) {
    if (Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
      throw new CheckpointException(target + ": exists already; give another folder or remove it");
    }
    fillAndMove(target, filler, false);
  }

  /**
   * Makes a folder, or replaces the one that is there. A kill between the two renames of a
   * replacement leaves the old folder under its other name; {@link #clean} puts it back.
   *
   * @throws CheckpointException if it cannot be written; the old folder is then still there
   */
  public static void replace(Path target, Filler filler) {
    fillAndMove(target, filler, true);
  }

  private static void fillAndMove(Path target, Filler filler, boolean replace) {
    Path part = sibling(target, AtomicFiles.PART);
    Path old = sibling(target, OLD);
    try {
      Files.createDirectories(target.toAbsolutePath().getParent());
      delete(part);
      Files.createDirectory(part);
      filler.fill(part);
      forceAll(part);
      boolean replacing = replace && Files.exists(target);
      if (replacing) {
        delete(old);
        move(target, old);
      }
      moveOrUndo(part, target, old);
      AtomicFiles.force(target.toAbsolutePath().getParent());
      if (replacing) {
        delete(old);
      }
    } catch (IOException e) {
      deleteQuietly(part);
      throw AtomicFiles.cannotWrite(target, e);
    } catch (RuntimeException e) {
      deleteQuietly(part);
      throw e;
    }
  }

  private static void moveOrUndo(Path part, Path target, Path old) throws IOException {
    try {
      move(part, target);
    } catch (IOException e) {
      if (Files.exists(old)) {
        move(old, target);
      }
      throw e;
    }
  }

  /**
   * Removes what killed writers left in a folder, and puts back what a killed replacement had moved
   * away. Only for folders that this process alone writes to.
   *
   * @return names of what was removed or put back
   */
  public static List<String> clean(Path parent) {
    try (Stream<Path> entries = Files.list(parent)) {
      List<Path> leftovers =
          entries
              .filter(entry -> entry.getFileName().toString().endsWith(AtomicFiles.PART))
              .sorted()
              .toList();
      for (Path leftover : leftovers) {
        String name = leftover.getFileName().toString();
        Path target = leftover.resolveSibling(name.replace(OLD, ""));
        if (name.endsWith(OLD) && !Files.exists(target)) {
          move(leftover, target);
        } else {
          delete(leftover);
        }
      }
      return leftovers.stream().map(p -> p.getFileName().toString()).toList();
    } catch (IOException e) {
      throw AtomicFiles.cannotWrite(parent, e);
    }
  }

  /**
   * Removes a folder so that a kill never leaves half of it under its own name.
   *
   * @throws CheckpointException if it cannot be removed
   */
  public static void remove(Path folder) {
    Path part = sibling(folder, AtomicFiles.PART);
    try {
      delete(part);
      move(folder, part);
      delete(part);
    } catch (IOException e) {
      throw AtomicFiles.cannotWrite(folder, e);
    }
  }

  private static Path sibling(Path target, String ending) {
    return target.resolveSibling(target.getFileName() + ending);
  }

  private static void move(Path from, Path to) throws IOException {
    try {
      Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    } catch (AtomicMoveNotSupportedException e) {
      throw new IOException("the file system cannot rename in one step", e);
    }
  }

  private static void forceAll(Path folder) throws IOException {
    try (Stream<Path> entries = Files.walk(folder)) {
      for (Path entry : entries.sorted(Comparator.reverseOrder()).toList()) {
        if (!Files.isSymbolicLink(entry)) {
          AtomicFiles.force(entry);
        }
      }
    }
  }

  private static void delete(Path path) throws IOException {
    if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    try (Stream<Path> entries = Files.walk(path)) {
      for (Path entry : entries.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(entry);
      }
    }
  }

  private static void deleteQuietly(Path path) {
    try {
      delete(path);
    } catch (IOException leftover) {
      // Removed at the next start; the first error is the one to report.
    }
  }
}
