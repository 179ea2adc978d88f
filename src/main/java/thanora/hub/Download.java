package thanora.hub;

import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.net.http.HttpResponse;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
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

  /** New bytes after which failures do not add up any more. */
  private static final long PROGRESS = 1 << 20;

  private static final Duration POLL = Duration.ofMillis(100);

  private final HubSettings settings;
  private final HubClient client;
  private final HubCache cache;
  private final Patience patience;

  Download(HubSettings settings, HubClient client, HubCache cache, Patience patience) {
    this.settings = settings;
    this.client = client;
    this.cache = cache;
    this.patience = patience;
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
          fetch(repo, file, incomplete, fetched);
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

  /** Completes the unfinished file; one that was wrong before is begun again once. */
  private void fetch(Repo repo, HubFile file, Path incomplete, LongConsumer fetched) throws IOException {
    boolean resumed = Files.exists(incomplete);
    if (!isComplete(repo, file, incomplete, fetched) && (!resumed || !isComplete(repo, file, incomplete, fetched))) {
      throw new HubException(repo + ": " + file.path() + " came with another checksum than the hub lists; "
          + "nothing of it is kept, try again, or check HF_ENDPOINT and proxies");
    }
  }

  /** Whether all bytes came and are right; if not, none is left. */
  private boolean isComplete(Repo repo, HubFile file, Path incomplete, LongConsumer fetched) throws IOException {
    MessageDigest digest = digest(file);
    boolean right;
    try (RandomAccessFile out = new RandomAccessFile(incomplete.toFile(), "rw")) {
      if (out.length() > file.size()) {
        out.setLength(0);
      }
      hashFrom(out, digest);
      right = transfer(repo, file, out, digest, fetched)
          && HexFormat.of().formatHex(digest.digest()).equals(file.contentHash());
      out.getFD().sync();
    }
    if (!right) {
      Files.delete(incomplete);
    }
    return right;
  }

  private static void hashFrom(RandomAccessFile in, MessageDigest digest) throws IOException {
    byte[] buffer = new byte[1 << 16];
    in.seek(0);
    for (int n = in.read(buffer); n > 0; n = in.read(buffer)) {
      digest.update(buffer, 0, n);
    }
  }

  /** Connection after connection until the size is reached; false if there is more than that. */
  private boolean transfer(Repo repo, HubFile file, RandomAccessFile out, MessageDigest digest, LongConsumer fetched)
      throws IOException {
    int failures = 0;
    long since = out.length();
    while (out.length() < file.size()) {
      try {
        if (!connection(repo, file, out, digest, fetched)) {
          return false;
        }
      } catch (Cut e) {
        failures = out.length() - since >= PROGRESS ? 1 : failures + 1;
        since = out.length();
        patience.pause(settings.host(), e.cause, failures);
      }
    }
    return true;
  }

  /** A connection that ended early, which is no fault of the disk. */
  private static final class Cut extends Exception {
    private final IOException cause;

    Cut(IOException cause) {
      super(cause);
      this.cause = cause;
    }
  }

  /** Appends what one connection brings; false if that is more than there should be. */
  private boolean connection(Repo repo, HubFile file, RandomAccessFile out, MessageDigest digest, LongConsumer fetched)
      throws IOException, Cut {
    HttpResponse<InputStream> response = open(repo, file, out.length());
    try (InputStream body = response.body(); Stall stall = Stall.watch(body, settings.dataTimeout())) {
      if (!continues(response, out.length())) {
        out.setLength(0);
        digest.reset();
        begin(digest, file);
      }
      out.seek(out.length());
      byte[] buffer = new byte[1 << 16];
      for (int n = read(body, buffer); n > 0; n = read(body, buffer)) {
        if (out.length() + n > file.size()) {
          return false;
        }
        out.write(buffer, 0, n);
        digest.update(buffer, 0, n);
        stall.moved();
        fetched.accept(out.length());
      }
    }
    if (out.length() < file.size()) {
      throw new Cut(new IOException("the connection was cut"));
    }
    return true;
  }

  /** An answer that has bytes of the file, from where it is asked or from the start. */
  private HttpResponse<InputStream> open(Repo repo, HubFile file, long from) throws Cut {
    try {
      return client.open(repo, file.path(), from);
    } catch (IOException e) {
      throw new Cut(e);
    }
  }

  private static int read(InputStream body, byte[] buffer) throws Cut {
    try {
      return body.read(buffer);
    } catch (IOException e) {
      throw new Cut(e);
    }
  }

  /** Whether the bytes are those that follow the first so many. */
  private static boolean continues(HttpResponse<?> response, long have) {
    return have == 0 || response.statusCode() == 206
        && response.headers().firstValue("Content-Range").filter(range -> range.startsWith("bytes " + have + "-"))
            .isPresent();
  }

  private static MessageDigest digest(HubFile file) {
    try {
      MessageDigest digest = MessageDigest.getInstance(file.sha256().isPresent() ? "SHA-256" : "SHA-1");
      begin(digest, file);
      return digest;
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has these", e);
    }
  }

  /** Git hashes the kind and the size before the bytes. */
  private static void begin(MessageDigest digest, HubFile file) {
    if (file.sha256().isEmpty()) {
      digest.update(("blob " + file.size() + "\0").getBytes(StandardCharsets.US_ASCII));
    }
  }
}
