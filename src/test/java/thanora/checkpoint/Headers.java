package thanora.checkpoint;

import java.nio.file.Path;
import java.util.Map;

/** What the header of any GGUF file says. */
public final class Headers {
  private Headers() {}

  /** Its metadata by key. */
  public static Map<String, Object> metadata(Path file) {
    try (FileBytes bytes = FileBytes.open(file)) {
      return Map.copyOf(GgufHeader.read(bytes).metadata());
    }
  }
}
