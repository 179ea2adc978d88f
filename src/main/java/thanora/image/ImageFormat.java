package thanora.image;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/** The formats of image files that are read. */
enum ImageFormat {
  PNG,
  JPEG,
  WEBP,
  GIF,
  BMP;

  /** By the first bytes of the file, whatever its name says. */
  static Optional<ImageFormat> of(byte[] file) {
    if (begins(file, 0, "\u0089PNG\r\n\u001a\n")) {
      return Optional.of(PNG);
    }
    if (begins(file, 0, "\u00ff\u00d8\u00ff")) {
      return Optional.of(JPEG);
    }
    if (begins(file, 0, "RIFF") && begins(file, 8, "WEBP")) {
      return Optional.of(WEBP);
    }
    if (begins(file, 0, "GIF87a") || begins(file, 0, "GIF89a")) {
      return Optional.of(GIF);
    }
    return begins(file, 0, "BM") && file.length >= 26 ? Optional.of(BMP) : Optional.empty();
  }

  /** Whether bytes, a char each, stand at a place. */
  static boolean begins(byte[] file, int at, String bytes) {
    byte[] wanted = bytes.getBytes(StandardCharsets.ISO_8859_1);
    return at + wanted.length <= file.length
        && Arrays.equals(file, at, at + wanted.length, wanted, 0, wanted.length);
  }
}
