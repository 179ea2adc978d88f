package thanora.model;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;
import java.util.zip.CRC32C;
import thanora.image.ImageSource;

/**
 * What a vision tower gives of images, a file each, by the SHA-256 of the image's bytes. A file that cannot be
 * read or is damaged counts as none; one that cannot be written is done without.
 */
public final class FeatureFiles {
  private static final int SUM = Long.BYTES;

  private final Path folder;
  private final Map<ImageSource, String> names = new ConcurrentHashMap<>();

  /**
   * In a folder of a model's own.
   *
   * @param key says all that the features depend on besides the image: weights, processor, device, element type
   */
  public FeatureFiles(Path cache, String key) {
    this.folder = cache.resolve(hash(key.getBytes(StandardCharsets.UTF_8)).substring(0, 16));
  }

  private Path file(ImageSource image) {
    String name = names.computeIfAbsent(image, asked -> hash(asked.bytes()));
    return folder.resolve(name.substring(0, 2)).resolve(name.substring(2));
  }

  private static String hash(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Whether something is kept of an image. */
  boolean has(ImageSource image) {
    return Files.exists(file(image));
  }

  /** Bytes that are free there; empty where the folder cannot be made. */
  OptionalLong room() {
    try {
      return OptionalLong.of(Files.getFileStore(Files.createDirectories(folder)).getUsableSpace());
    } catch (IOException e) {
      return OptionalLong.empty();
    }
  }

  /** The bytes kept of an image. */
  Optional<byte[]> read(ImageSource image) {
    try {
      byte[] stored = Files.readAllBytes(file(image));
      int length = stored.length - SUM;
      boolean whole = length > 0 && ByteBuffer.wrap(stored).getLong(length) == sum(stored, length);
      return whole ? Optional.of(Arrays.copyOf(stored, length)) : Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** Keeps the bytes of an image; another process may do the same at the same time. */
  void write(ImageSource image, byte[] bytes) {
    Path target = file(image);
    try {
      Files.createDirectories(target.getParent());
      Path part = Files.createTempFile(target.getParent(), "part", "");
      byte[] stored = Arrays.copyOf(bytes, bytes.length + SUM);
      ByteBuffer.wrap(stored).putLong(bytes.length, sum(bytes, bytes.length));
      Files.write(part, stored);
      Files.move(part, target, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      // without it the tower goes over the image again
    }
  }

  private static long sum(byte[] bytes, int length) {
    CRC32C sum = new CRC32C();
    sum.update(bytes, 0, length);
    return sum.getValue();
  }
}
