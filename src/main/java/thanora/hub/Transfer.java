package thanora.hub;

import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.function.LongConsumer;

/** The bytes of one file into an unfinished file: appended, connection after connection, and hashed. */
final class Transfer {
  /** New bytes after which failures do not add up any more. */
  private static final long PROGRESS = 1 << 20;

  private final HubClient client;
  private final Patience patience;
  private final Duration timeout;
  private final Repo repo;
  private final HubFile file;
  private final LongConsumer fetched;
  private final MessageDigest digest;

  /**
   * @param timeout until the next bytes come
   * @param repo at a commit
   * @param fetched gets the bytes that are there, now and then
   */
  Transfer(HubClient client, Patience patience, Duration timeout, Repo repo, HubFile file, LongConsumer fetched) {
    this.client = client;
    this.patience = patience;
    this.timeout = timeout;
    this.repo = repo;
    this.file = file;
    this.fetched = fetched;
    try {
      this.digest = MessageDigest.getInstance(file.sha256().isPresent() ? "SHA-256" : "SHA-1");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has these", e);
    }
  }

  /**
   * Completes an unfinished file; one that was wrong before is begun again once.
   *
   * @throws HubException if the checksum is wrong; the file is then gone
   */
  void run(Path incomplete) throws IOException {
    boolean resumed = Files.exists(incomplete);
    if (!completes(incomplete) && (!resumed || !completes(incomplete))) {
      throw new HubException(repo + ": " + file.path() + " came with another checksum than the hub lists; "
          + "nothing of it is kept, try again, or check HF_ENDPOINT and proxies");
    }
  }

  /** Whether all bytes came and are right; if not, none is left. */
  private boolean completes(Path incomplete) throws IOException {
    boolean right;
    try (RandomAccessFile out = new RandomAccessFile(incomplete.toFile(), "rw")) {
      begin();
      if (out.length() > file.size()) {
        out.setLength(0);
      }
      hash(out);
      // the length, too: an older huggingface_hub may append to the same file
      right = fill(out) && out.length() == file.size()
          && HexFormat.of().formatHex(digest.digest()).equals(file.contentHash());
      out.getFD().sync();
    }
    if (!right) {
      Files.delete(incomplete);
    }
    return right;
  }

  /** Git hashes the kind and the size before the bytes. */
  private void begin() {
    digest.reset();
    if (file.sha256().isEmpty()) {
      digest.update(("blob " + file.size() + "\0").getBytes(StandardCharsets.US_ASCII));
    }
  }

  private void hash(RandomAccessFile in) throws IOException {
    byte[] buffer = new byte[1 << 16];
    for (int n = in.read(buffer); n > 0; n = in.read(buffer)) {
      digest.update(buffer, 0, n);
    }
  }

  /** A connection that ended early, which is no fault of the disk. */
  private static final class CutException extends Exception {
    private final IOException reason;

    CutException(IOException reason) {
      super(reason);
      this.reason = reason;
    }
  }

  /** Goes on until the size is reached; false if there is more than that. */
  private boolean fill(RandomAccessFile out) throws IOException {
    int failures = 0;
    long since = out.getFilePointer();
    while (out.getFilePointer() < file.size()) {
      try {
        if (!append(out)) {
          return false;
        }
      } catch (CutException e) {
        failures = out.getFilePointer() - since >= PROGRESS ? 1 : failures + 1;
        since = out.getFilePointer();
        patience.pause(client.host(), e.reason, failures);
      }
    }
    return true;
  }

  /** Appends what one connection brings; false if that is more than there should be. */
  private boolean append(RandomAccessFile out) throws IOException, CutException {
    HttpResponse<InputStream> response = open(out.getFilePointer());
    try (InputStream body = response.body(); Stall stall = Stall.watch(body, timeout)) {
      if (!continues(response, out.getFilePointer())) {
        out.setLength(0);
        begin();
      }
      byte[] buffer = new byte[1 << 16];
      for (int n = read(body, buffer); n > 0; n = read(body, buffer)) {
        if (out.getFilePointer() + n > file.size()) {
          return false;
        }
        out.write(buffer, 0, n);
        digest.update(buffer, 0, n);
        stall.moved();
        fetched.accept(out.getFilePointer());
      }
    }
    if (out.getFilePointer() < file.size()) {
      throw new CutException(new IOException("the connection was cut"));
    }
    return true;
  }

  /** An answer that has bytes of the file, from where it is asked or from the start. */
  private HttpResponse<InputStream> open(long from) throws CutException {
    try {
      return client.open(repo, file.path(), from);
    } catch (IOException e) {
      throw new CutException(e);
    }
  }

  private static int read(InputStream body, byte[] buffer) throws CutException {
    try {
      return body.read(buffer);
    } catch (IOException e) {
      throw new CutException(e);
    }
  }

  /** Whether the bytes are those that follow the first so many. */
  private static boolean continues(HttpResponse<?> response, long have) {
    return have == 0 || response.statusCode() == 206 && response.headers().firstValue("Content-Range")
        .filter(range -> range.startsWith("bytes " + have + "-")).isPresent();
  }
}
