package thanora.hub;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A model by name: {@code ORG/NAME}, {@code ORG/NAME@REVISION}, or one GGUF file of a repository,
 * {@code ORG/NAME/FILE.gguf}, which may be followed by {@code @REVISION}, too.
 *
 * @param repo where it is
 * @param file the GGUF file
 */
public record ModelName(Repo repo, Optional<String> file) {
  /** A name by its form alone; empty if it can only be a path. */
  public static Optional<ModelName> parse(String text) {
    int at = text.indexOf('@');
    String path = at < 0 ? text : text.substring(0, at);
    String revision = at < 0 ? "" : text.substring(at);
    String[] parts = path.split("/", 3);
    boolean gguf = path.endsWith(".gguf");
    if (parts.length < 2 || gguf != (parts.length == 3)) {
      return Optional.empty();
    }
    return Repo.parse(Repo.Kind.MODEL, parts[0] + "/" + parts[1] + revision)
        .map(repo -> new ModelName(repo, gguf ? Optional.of(parts[2]) : Optional.empty()))
        .filter(name -> name.file.stream().allMatch(HubFile::isPlain));
  }

  /** What a recipe's model means on the hub; empty where it is a path, or a folder or file here. */
  public static Optional<ModelName> of(String model) {
    return isHere(model) ? Optional.empty() : parse(model);
  }

  /** Whether a folder or file here hides a model of the hub. */
  public static boolean isHidden(String model) {
    return isHere(model) && parse(model).isPresent();
  }

  private static boolean isHere(String model) {
    try {
      return Files.exists(Path.of(model));
    } catch (InvalidPathException notAPath) {
      return false;
    }
  }

  /** The same at another revision. */
  public ModelName at(String revision) {
    return new ModelName(repo.at(revision), file);
  }

  /** As it is written in a recipe. */
  @Override
  public String toString() {
    return file.map(name -> repo.name() + "/" + name + (repo.revision().equals(Repo.MAIN) ? "" : "@" + repo.revision()))
        .orElseGet(repo::toString);
  }
}
