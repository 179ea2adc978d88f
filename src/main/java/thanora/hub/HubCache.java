package thanora.hub;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * The folder that huggingface_hub keeps downloads in, to the letter, so that each finds what the
 * other fetched. For a repository:
 *
 * <pre>
 * refs/main                      the commit of a branch or tag
 * blobs/ETAG                     contents, by SHA-1 of git or SHA-256
 * snapshots/COMMIT/a/b.json      a relative link to a blob; a file where there are no links
 * trees/COMMIT.json              what files the commit has
 * .no_exist/COMMIT/file          empty: it has not this one
 * </pre>
 */
final class HubCache {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int TREE_VERSION = 1;
  private static final String TAG = """
      Signature: 8a477f597d28d172789f06886806bc55
      # This file marks a cache of downloads: backups may leave the folder out.
      # See https://bford.info/cachedir/
      """;

  private final Path root;
  private final boolean symlinks;

  HubCache(Path root, boolean symlinks) {
    this.root = root;
    this.symlinks = symlinks;
  }

  Path root() {
    return root;
  }

  private Path folder(Repo repo) {
    return root.resolve(repo.folder());
  }

  Path snapshot(Repo repo, String commit) {
    return folder(repo).resolve("snapshots").resolve(commit);
  }

  Path blob(Repo repo, String etag) {
    return folder(repo).resolve("blobs").resolve(etag);
  }

  /** What came of a blob so far. */
  Path incomplete(Repo repo, String etag) {
    return folder(repo).resolve("blobs").resolve(etag + ".incomplete");
  }

  Path lock(Repo repo, String etag) {
    return root.resolve(".locks").resolve(repo.folder()).resolve(etag + ".lock");
  }

  /** The commit that a revision was when it was last asked for. */
  Optional<String> commit(Repo repo) {
    if (repo.isPinned()) {
      return Optional.of(repo.revision());
    }
    try {
      return Optional.of(Files.readString(folder(repo).resolve("refs").resolve(repo.revision())).strip())
          .filter(Repo::isCommit);
    } catch (IOException neverAsked) {
      return Optional.empty();
    }
  }

  void setCommit(Repo repo, String commit) throws IOException {
    if (!repo.isPinned() && !commit(repo).equals(Optional.of(commit))) {
      write(folder(repo).resolve("refs").resolve(repo.revision()), commit);
    }
  }

  private Path tree(Repo repo, String commit) {
    return folder(repo).resolve("trees").resolve(commit + ".json");
  }

  /** The files of a commit, if they were listed before. */
  Optional<List<HubFile>> files(Repo repo, String commit) {
    try {
      JsonNode tree = JSON.readTree(tree(repo, commit).toFile());
      if (tree.path("format_version").asInt() != TREE_VERSION) {
        return Optional.empty();
      }
      List<HubFile> files = new ArrayList<>();
      tree.path("files").properties().forEach(file -> files.add(new HubFile(
          file.getKey(), file.getValue().path("lfs_size").asLong(file.getValue().path("size").asLong()),
          file.getValue().path("blob_id").asText(), HubFile.text(file.getValue(), "lfs_sha256"),
          HubFile.text(file.getValue(), "xet_hash"))));
      return Optional.of(files);
    } catch (IOException | HubException noTree) {
      return Optional.empty();
    }
  }

  void setFiles(Repo repo, String commit, List<HubFile> files) throws IOException {
    TreeMap<String, ObjectNode> sorted = new TreeMap<>();
    for (HubFile file : files) {
      ObjectNode entry = JSON.createObjectNode().put("size", file.size()).put("blob_id", file.blob());
      file.sha256().ifPresent(sha256 -> entry.put("lfs_sha256", sha256).put("lfs_size", file.size()));
      file.xet().ifPresent(xet -> entry.put("xet_hash", xet));
      sorted.put(file.path(), entry);
    }
    ObjectNode tree = JSON.createObjectNode().put("format_version", TREE_VERSION);
    sorted.forEach(tree.putObject("files")::set);
    write(tree(repo, commit), tree.toPrettyString());
  }

  /** Remembers, for other programs that are offline, that a commit has not this file. */
  void setAbsent(Repo repo, String commit, String file) throws IOException {
    Path mark = folder(repo).resolve(".no_exist").resolve(commit).resolve(file);
    if (!Files.exists(mark)) {
      write(mark, "");
    }
  }

  /** The paths of a snapshot that are there, below it, in order. */
  List<String> present(Repo repo, String commit) {
    Path snapshot = snapshot(repo, commit);
    if (!Files.isDirectory(snapshot)) {
      return List.of();
    }
    try (Stream<Path> files = Files.walk(snapshot)) {
      return files.filter(Files::isRegularFile)
          .map(file -> snapshot.relativize(file).toString().replace('\\', '/')).sorted().toList();
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }

  /** Makes the root, and tells backup programs what it is. */
  void prepare() throws IOException {
    Files.createDirectories(root);
    if (!Files.exists(root.resolve("CACHEDIR.TAG"))) {
      write(root.resolve("CACHEDIR.TAG"), TAG);
    }
  }

  /**
   * Puts a blob into a snapshot, by a relative link or, where there are none, as a file.
   *
   * @param fresh whether nothing else can have the blob yet, so that it may be moved
   */
  void place(Repo repo, String commit, String file, String etag, boolean fresh) throws IOException {
    Path blob = blob(repo, etag);
    Path target = snapshot(repo, commit).resolve(file);
    Files.createDirectories(target.getParent());
    if (Files.isSymbolicLink(target) && !Files.exists(target)) {
      Files.delete(target); // its blob was removed
    }
    if (Files.exists(target) || symlinks && linked(target, target.getParent().relativize(blob))) {
      return;
    }
    if (fresh) {
      Files.move(blob, target, StandardCopyOption.ATOMIC_MOVE);
    } else {
      Path part = sibling(target);
      Files.copy(blob, part);
      Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
    }
  }

  private static boolean linked(Path link, Path to) {
    try {
      Files.createSymbolicLink(link, to);
      return true;
    } catch (FileAlreadyExistsException byAnother) {
      return true;
    } catch (IOException | UnsupportedOperationException noLinksHere) {
      return false;
    }
  }

  /** Whole or not at all, also where two processes write the same. */
  private static void write(Path target, String text) throws IOException {
    Files.createDirectories(target.getParent());
    Path part = sibling(target);
    try {
      Files.writeString(part, text);
      Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(part);
    }
  }

  private static Path sibling(Path target) {
    return target.resolveSibling(
        target.getFileName() + "." + UUID.randomUUID().toString().substring(0, 8) + ".tmp");
  }

  HubException cannotWrite(IOException e) {
    return new HubException(root + ": the cache of the hub cannot be used (" + e.getClass().getSimpleName()
        + ": " + String.valueOf(e.getMessage()).replaceAll("\\s+", " ")
        + "); check its rights and free space, or name another folder as HF_HUB_CACHE", e);
  }
}
