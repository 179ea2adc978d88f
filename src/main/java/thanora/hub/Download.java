package thanora.hub;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongConsumer;

/**
 * One file from the hub into the cache. Bytes go to {@code ETAG.incomplete}; a later download goes on
 * where that ends. It gets its name only when all bytes are there and their checksum is right.
 */
final class Download {
  /** Locks of the operating system are a process's, not a thread's. */
  private static final Map<Path, ReentrantLock> THREADS = new ConcurrentHashMap<>();

  private static final Duration POLL = Duration.ofMillis(100);

  private final HubClient client;
  private final HubCache cache;
  private final Patience patience;
  private final Duration timeout;

  /**
   * @param timeout until the next bytes come
   */
  Download(HubClient client, HubCache cache, Patience patience, Duration timeout) {
    this.client = client;
    this.cache = cache;
    this.patience = patience;
    this.timeout = timeout;
  }

  /**
   * Makes a file be in the snapshot of its commit.
   *
   * @param repo at a commit
   * @param fetched gets the bytes of the file that are there, now and then
   */
  void run(Repo repo, HubFile file, LongConsumer fetched) {
    try {
      String etag = client.etag(repo, file);
      Path blob = cache.blob(repo, etag);
      Files.createDirectories(blob.getParent());
      alone(cache.lock(repo, etag), () -> fetched.accept(0), () -> {
        boolean fresh = !Files.exists(blob);
        if (fresh) {
          Path incomplete = cache.incomplete(repo, etag);
          new Transfer(client, patience, timeout, repo, file, fetched).run(incomplete);
          Files.move(incomplete, blob, StandardCopyOption.ATOMIC_MOVE);
        }
        cache.place(repo, repo.revision(), file.path(), etag, fresh);
      });
    } catch (IOException e) {
      throw cache.cannotWrite(e);
    }
  }

  /** What is done under a lock. */
  @FunctionalInterface
  private interface Locked {
    void run() throws IOException;
  }

  /**
   * Runs while no other thread or process of ours does the same. Python's lock on the same file is of
   * another kind and is not seen; that costs bytes only, since what is renamed was checked.
   */
  private static void alone(Path lock, Runnable waiting, Locked body) throws IOException {
    Files.createDirectories(lock.getParent());
    ReentrantLock threads = THREADS.computeIfAbsent(lock, path -> new ReentrantLock());
    while (!threads.tryLock()) {
      pause(waiting);
    }
    try (FileChannel channel =
        FileChannel.open(lock, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      FileLock processes = channel.tryLock();
      while (processes == null) {
        pause(waiting);
        processes = channel.tryLock();
      }
      body.run();
    } finally {
      threads.unlock();
    }
  }

  private static void pause(Runnable waiting) {
    waiting.run();
    try {
      Thread.sleep(POLL.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new HubException("interrupted while another process downloads", e);
    }
  }
}
