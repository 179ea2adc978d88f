package thanora;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The file {@code .lock} of a run folder: process id, its start time and host. A process id alone
 * may be another process by now; id and start time together are not. Locks of the operating system
 * are not used, since closing any handle of the file gives them up.
 */
final class RunLock implements AutoCloseable {
  static final String NAME = ".lock";

  /** An empty lock is one that is being written; older than this its writer was killed. */
  private static final Duration WRITING = Duration.ofSeconds(10);

  private final Path file;
  private final String content;

  private RunLock(Path file, String content) {
    this.file = file;
    this.content = content;
  }

  private record Holder(long pid, String started, String host) {
    static Optional<Holder> parse(String content) {
      String[] words = content.strip().split(" ");
      boolean whole = words.length == 3 && words[0].matches("\\d{1,18}");
      return whole
          ? Optional.of(new Holder(Long.parseLong(words[0]), words[1], words[2]))
          : Optional.empty();
    }

    boolean isAlive() {
      return ProcessHandle.of(pid)
          .filter(ProcessHandle::isAlive)
          .map(process -> started.equals(startOf(process)))
          .orElse(false);
    }
  }

  /**
   * Takes the lock of a folder, or takes it over from a process of this host that is gone.
   *
   * @throws RunFolderException if another process holds it
   */
  static RunLock take(Path folder, Consumer<String> notes) {
    Path file = folder.resolve(NAME);
    ProcessHandle self = ProcessHandle.current();
    String content = self.pid() + " " + startOf(self) + " " + host() + "\n";
    try {
      for (int attempt = 0; attempt < 5; attempt++) {
        if (create(file, content)) {
          return new RunLock(file, content);
        }
        removeStale(folder, file, notes);
      }
    } catch (IOException e) {
      throw new RunFolderException(
          "run folder " + folder + ": cannot be locked; check its rights", e);
    }
    throw new RunFolderException(
        "run folder " + folder + ": is fought over; give each run a folder of its own");
  }

  /** Takes the lock of a folder if no other process holds it. */
  static Optional<RunLock> tryTake(Path folder, Consumer<String> notes) {
    try {
      return Optional.of(take(folder, notes));
    } catch (RunFolderException e) {
      if (e.getCause() != null) {
        throw e;
      }
      return Optional.empty();
    }
  }

  private static boolean create(Path file, String content) throws IOException {
    try {
      Files.writeString(file, content, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
      return true;
    } catch (FileAlreadyExistsException held) {
      return false;
    }
  }

  private static void removeStale(Path folder, Path file, Consumer<String> notes)
      throws IOException {
    String content;
    Instant written;
    try {
      content = Files.readString(file);
      written = Files.getLastModifiedTime(file).toInstant();
    } catch (NoSuchFileException released) {
      return;
    }
    Optional<Holder> holder = Holder.parse(content);
    if (holder.isPresent() && !holder.get().host().equals(host())) {
      throw inUse(folder, holder.get(), "on host " + holder.get().host()
          + "; give another folder, or remove " + file + " if that process is gone");
    }
    if (holder.isPresent() && holder.get().isAlive()) {
      throw inUse(folder, holder.get(), "since " + holder.get().started()
          + "; give another folder or end that process");
    }
    if (holder.isEmpty() && written.plus(WRITING).isAfter(Instant.now())) {
      throw new RunFolderException("run folder " + folder
          + ": is being locked by another process; give another folder");
    }
    // A rename has one winner: the loser finds no file and looks again.
    Path stale = file.resolveSibling(NAME + "." + ProcessHandle.current().pid() + ".part");
    try {
      Files.move(file, stale);
    } catch (NoSuchFileException takenByAnother) {
      return;
    }
    if (!Files.readString(stale).equals(content)) {
      Files.move(stale, file);
      return;
    }
    Files.delete(stale);
    notes.accept("run folder " + folder + ": took over the lock of a process that is gone"
        + holder.map(h -> " (" + h.pid() + ")").orElse(""));
  }

  private static RunFolderException inUse(Path folder, Holder holder, String more) {
    return new RunFolderException(
        "run folder " + folder + ": is in use by process " + holder.pid() + " " + more);
  }

  private static String startOf(ProcessHandle process) {
    return process.info().startInstant().map(Instant::toString).orElse("unknown");
  }

  static String host() {
    try {
      return InetAddress.getLocalHost().getHostName().replaceAll("\\s", "_");
    } catch (UnknownHostException e) {
      return "localhost";
    }
  }

  /** Gives the lock back, if it is still this one. */
  @Override
  public void close() {
    try {
      if (Files.exists(file) && Files.readString(file).equals(content)) {
        Files.delete(file);
      }
    } catch (IOException left) {
      // The lock names a process that is about to be gone, so the next run takes it over.
    }
  }
}
