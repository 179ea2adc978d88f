package thanora.hub;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A file of a repository, as the hub lists it.
 *
 * @param path with slashes, below the repository
 * @param size in bytes
 * @param blob SHA-1 that git has for it, or for the pointer to it
 * @param sha256 of the bytes, where they are kept outside of git
 * @param xet name in the hub's newer storage; kept for other programs
 */
record HubFile(String path, long size, String blob, Optional<String> sha256, Optional<String> xet) {
  HubFile {
    if (!isPlain(path)) {
      throw new HubException("the hub lists a file " + path.replaceAll("\\p{Cntrl}", "?")
          + ", which is no path below a repository; nothing of it is fetched");
    }
  }

  /** What its bytes hash to: SHA-256, or SHA-1 the way git does. The name of its blob, too, on the hub itself. */
  String contentHash() {
    return sha256.orElse(blob);
  }

  /** Whether the path stays below the folder it is put in, on this system. */
  static boolean isPlain(String path) {
    try {
      Path relative = Path.of(path);
      boolean odd = path.isEmpty() || path.startsWith("/") || path.chars().anyMatch(Character::isISOControl);
      return !odd && relative.getRoot() == null && relative.normalize().equals(relative)
          && !relative.startsWith("..");
    } catch (InvalidPathException notHere) {
      return false;
    }
  }

  /** An entry of the answer to {@code /api/models/NAME/tree/REVISION}. */
  static HubFile listed(JsonNode entry) {
    JsonNode lfs = entry.path("lfs");
    return new HubFile(
        entry.path("path").asText(), lfs.path("size").asLong(entry.path("size").asLong(-1)),
        entry.path("oid").asText(), text(lfs, "oid"), text(entry, "xetHash"));
  }

  static Optional<String> text(JsonNode node, String field) {
    return Optional.ofNullable(node.get(field)).filter(JsonNode::isTextual).map(JsonNode::textValue);
  }
}
