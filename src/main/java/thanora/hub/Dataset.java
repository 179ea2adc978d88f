package thanora.hub;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A data set in one of its configurations: splits, each of some files. */
public final class Dataset {
  private final Snapshot snapshot;
  private final Map<String, List<String>> splits;

  Dataset(Snapshot snapshot, Optional<String> config) {
    this.snapshot = snapshot;
    this.splits = DatasetFiles.of(snapshot, config);
  }

  /** The data set at its commit. */
  public Repo repo() {
    return snapshot.repo();
  }

  /** The folder of its files. */
  public Path folder() {
    return snapshot.folder();
  }

  /** Names of its splits. */
  public List<String> splits() {
    return List.copyOf(splits.keySet());
  }

  /**
   * The files of a split in order, fetched if need be.
   *
   * @throws HubMissingException if there is no such split
   */
  public List<Path> split(String name) {
    List<String> files = Optional.ofNullable(splits.get(name)).orElseThrow(() -> new HubMissingException(
        snapshot.repo().name() + ": has no split " + name + "; there are " + String.join(", ", splits.keySet())));
    snapshot.fetch(files);
    return files.stream().map(snapshot::path).toList();
  }
}
