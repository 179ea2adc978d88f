package thanora.checkpoint;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;

/** Says what a file that is not a checkpoint is instead, from its first bytes. */
final class ForeignFile {
  static final int HEAD = 64;

  private ForeignFile() {}

  /** What the file is and what to do; empty if it looks like none of the usual mistakes. */
  static Optional<String> describe(byte[] head) {
    String text = new String(head, StandardCharsets.ISO_8859_1);
    String start = text.stripLeading().toLowerCase(Locale.ROOT);
    if (text.startsWith("version https://git-lfs")) {
      return Optional.of("is a Git LFS pointer, not the weights; run 'git lfs pull' in its folder");
    }
    if (start.startsWith("<!doctype") || start.startsWith("<html") || start.startsWith("<?xml")) {
      return Optional.of("is an HTML page, not weights; the download failed, fetch it again");
    }
    if (isPickle(text)) {
      return Optional.of("is a PyTorch pickle, which is never opened because it can run code; "
          + "convert it with transformers: save_pretrained(..., safe_serialization=True)");
    }
    if (text.startsWith("GGUF")) {
      return Optional.of("is a GGUF file, not safetensors; give it a name that ends in .gguf");
    }
    return Optional.empty();
  }

  /** A zip archive, or the PROTO opcode with protocols 2 to 5. */
  private static boolean isPickle(String text) {
    return text.startsWith("PK\u0003\u0004")
        || text.length() > 1 && text.charAt(0) == 0x80
            && text.charAt(1) >= 2 && text.charAt(1) <= 5;
  }
}
