package thanora.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import thanora.checkpoint.AtomicFolders;
import thanora.checkpoint.CheckpointException;

/**
 * Checkpoints of a run: folders {@code step-000123}, each whole or not there, with a {@code
 * manifest.json} that holds size and SHA-256 of every file. The newest that verifies counts.
 */
public final class Checkpoints {
  private static final Pattern NAME = Pattern.compile("step-(\\d{6,9})");
  private static final String MANIFEST = "manifest.json";
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path folder;
  private final int kept;
  private final Consumer<String> warnings;

  /**
   * @param folder made when the first checkpoint is saved
   * @param kept newest checkpoints that stay, at least 1
   * @param warnings gets a line for each checkpoint that does not verify
   */
  public Checkpoints(Path folder, int kept, Consumer<String> warnings) {
    if (kept < 1) {
      throw new IllegalArgumentException("checkpoints kept " + kept + " is smaller than 1; keep 1");
    }
    this.folder = folder;
    this.kept = kept;
    this.warnings = warnings;
  }

  /** One checkpoint on disk. */
  public record Generation(int step, Path folder) {}

  private record Entry(long size, String sha256) {}

  private record Manifest(int step, Map<String, Entry> files) {}

  /**
   * Saves a checkpoint, then removes the oldest beyond those kept.
   *
   * @param pinned steps that stay in any case, such as the best one
   * @throws CheckpointException if it cannot be written; earlier checkpoints are then untouched
   */
  public Generation save(int step, Set<Integer> pinned, AtomicFolders.Filler filler) {
    if (step < 0) {
      throw new IllegalArgumentException("step " + step + " is negative; count from 0");
    }
    Path target = folder.resolve(String.format(Locale.ROOT, "step-%06d", step));
    AtomicFolders.replace(
        target,
        part -> {
          filler.fill(part);
          byte[] manifest =
              JSON.writerWithDefaultPrettyPrinter()
                  .writeValueAsBytes(new Manifest(step, entries(part)));
          Files.write(part.resolve(MANIFEST), manifest);
        });
    rotate(step, pinned);
    return new Generation(step, target);
  }

  private void rotate(int newest, Set<Integer> pinned) {
    List<Generation> generations = generations();
    for (int i = kept; i < generations.size(); i++) {
      Generation old = generations.get(i);
      if (old.step() != newest && !pinned.contains(old.step())) {
        AtomicFolders.remove(old.folder());
      }
    }
  }

  /** All checkpoints by name, newest first, not verified. */
  public List<Generation> generations() {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> entries = Files.list(folder)) {
      return entries
          .flatMap(path -> generation(path).stream())
          .sorted(Comparator.comparingInt(Generation::step).reversed())
          .toList();
    } catch (IOException e) {
      throw new CheckpointException(folder + ": cannot be listed; check rights", e);
    }
  }

  private static Optional<Generation> generation(Path path) {
    Matcher name = NAME.matcher(path.getFileName().toString());
    return name.matches() && Files.isDirectory(path)
        ? Optional.of(new Generation(Integer.parseInt(name.group(1)), path))
        : Optional.empty();
  }

  /** The newest checkpoint that verifies; a warning for each newer one that does not. */
  public Optional<Generation> latest() {
    for (Generation generation : generations()) {
      Optional<String> fault = fault(generation);
      if (fault.isEmpty()) {
        return Optional.of(generation);
      }
      warnings.accept(fault.get() + "; the checkpoint before it is used");
    }
    return Optional.empty();
  }

  /** The checkpoint of a step, if it is there and verifies. */
  public Optional<Generation> at(int step) {
    return generations().stream()
        .filter(generation -> generation.step() == step && fault(generation).isEmpty())
        .findFirst();
  }

  /** What is wrong with a checkpoint, in one line. */
  private static Optional<String> fault(Generation generation) {
    Path path = generation.folder().resolve(MANIFEST);
    try {
      Manifest manifest = JSON.readValue(Files.readAllBytes(path), Manifest.class);
      if (manifest == null || manifest.files() == null || manifest.step() != generation.step()) {
        return Optional.of(path + ": is not the manifest of step " + generation.step());
      }
      for (Map.Entry<String, Entry> file : manifest.files().entrySet()) {
        Optional<String> fault = fault(generation.folder(), file.getKey(), file.getValue());
        if (fault.isPresent()) {
          return fault;
        }
      }
      return Optional.empty();
    } catch (IOException e) {
      return Optional.of(path + ": cannot be read");
    }
  }

  private static Optional<String> fault(Path folder, String name, Entry entry) throws IOException {
    Path file = folder.resolve(name).normalize();
    if (entry == null || !file.startsWith(folder) || !Files.isRegularFile(file)) {
      return Optional.of(file + ": is missing");
    }
    long size = Files.size(file);
    if (size != entry.size()) {
      return Optional.of(file + ": has " + size + " bytes, not " + entry.size());
    }
    return sha256(file).equals(entry.sha256())
        ? Optional.empty()
        : Optional.of(file + ": SHA-256 differs from the manifest's");
  }

  private static Map<String, Entry> entries(Path part) throws IOException {
    Map<String, Entry> entries = new TreeMap<>();
    try (Stream<Path> files = Files.walk(part)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        String name = part.relativize(file).toString().replace('\\', '/');
        entries.put(name, new Entry(Files.size(file), sha256(file)));
      }
    }
    return entries;
  }

  private static String sha256(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      byte[] buffer = new byte[1 << 16];
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        digest.update(buffer, 0, n);
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this Java has no SHA-256", e);
    }
  }
}
