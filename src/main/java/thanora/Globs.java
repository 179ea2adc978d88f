package thanora;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.List;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Stream;

/** File names with {@code *}, {@code ?}, {@code [...]} and {@code {a,b}}; {@code **} crosses folders. */
final class Globs {
  private static final String WILD = ".*[*?\\[{].*";

  private Globs() {}

  /** The files of a name in a folder, in the order of their names; the name itself if there is none. */
  static List<Path> files(Path folder, String name) {
    Path file = folder.resolve(name).normalize();
    if (!name.matches(WILD) || Files.exists(file)) {
      return List.of(file);
    }
    int wild = name.split("[*?\\[{]", 2)[0].length();
    int slash = name.lastIndexOf('/', wild);
    Path base = folder.resolve(name.substring(0, Math.max(0, slash + 1))).normalize();
    String pattern = name.substring(slash + 1);
    if (!Files.isDirectory(base)) {
      return List.of(file);
    }
    int depth = pattern.contains("**") ? Integer.MAX_VALUE : pattern.split("/").length;
    try (Stream<Path> files = Files.walk(base, depth)) {
      PathMatcher matcher = FileSystems.getDefault().getPathMatcher("glob:" + pattern);
      List<Path> found = files.filter(Files::isRegularFile)
          .filter(each -> matcher.matches(base.relativize(each))).sorted().toList();
      return found.isEmpty() ? List.of(file) : found;
    } catch (PatternSyntaxException noGlob) {
      return List.of(file);
    } catch (IOException e) {
      throw new UncheckedIOException(base + " cannot be listed", e);
    }
  }
}
