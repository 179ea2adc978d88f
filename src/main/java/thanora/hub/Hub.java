package thanora.hub;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Models and data sets of the hub: from the cache where they are there, else fetched into it. */
public final class Hub {
  private final HubSettings settings;
  private final HubListener listener;
  private final HubCache cache;
  private final HubClient client;
  private final Download download;

  /** The hub of these settings. */
  public Hub(HubSettings settings, HubListener listener) {
    this(settings, listener, Duration.ofSeconds(1));
  }

  /**
   * The same with another pace.
   *
   * @param firstPause before the second try of something; it doubles with each
   */
  Hub(HubSettings settings, HubListener listener, Duration firstPause) {
    this.settings = settings;
    this.listener = listener;
    this.cache = new HubCache(settings.cache(), settings.symlinks());
    Patience patience = new Patience(firstPause, listener::note);
    this.client = new HubClient(settings, patience);
    this.download = new Download(client, cache, patience, settings.dataTimeout());
  }

  /** The hub of this process's environment, in silence. */
  public static Hub standard() {
    return new Hub(HubSettings.standard(), HubListener.SILENT);
  }

  /**
   * A model that is in the cache.
   *
   * @param name with its commit
   * @param path its folder, or its GGUF file
   */
  public record Model(ModelName name, Path path) {}

  /** Makes the files that a model needs be in the cache. */
  public Model model(ModelName name) {
    Snapshot snapshot = open(name.repo());
    List<String> files = ModelFiles.of(snapshot, name.file());
    snapshot.fetch(files);
    snapshot.markAbsent(ModelFiles.OPTIONAL);
    return new Model(name.at(snapshot.repo().revision()),
        name.file().map(snapshot::path).orElseGet(snapshot::folder));
  }

  /**
   * A data set whose lists of files are known; they are fetched when they are asked for.
   *
   * @param config one of its configurations; empty for its default
   */
  public Dataset dataset(Repo repo, Optional<String> config) {
    return new Dataset(open(repo), config);
  }

  /** A repository at the commit that its revision is now; where nobody can be asked, as it was when last asked. */
  private Snapshot open(Repo repo) {
    Optional<String> cached = cache.commit(repo)
        .filter(commit -> Files.isDirectory(cache.snapshot(repo, commit)));
    if (settings.offline()) {
      String commit = cached.orElseThrow(() -> new HubMissingException(repo + ": is not in the cache " + cache.root()
          + ", and HF_HUB_OFFLINE forbids to fetch it; where there is a network run: " + repo.command()));
      return snapshot(repo, commit, Optional.empty());
    }
    try {
      String commit = repo.isPinned() ? repo.revision() : client.commit(repo);
      if (cache.files(repo, commit).isEmpty()) {
        cache.setFiles(repo, commit, client.files(repo.at(commit)));
      }
      return snapshot(repo, commit, Optional.of(download));
    } catch (HubException e) {
      if (cached.isEmpty()) {
        throw e;
      }
      listener.note(e.getMessage().replaceFirst(";.*", "") + "; the cached commit " + cached.get() + " is taken");
      return snapshot(repo, cached.get(), Optional.empty());
    } catch (IOException e) {
      throw cache.cannotWrite(e);
    }
  }

  private Snapshot snapshot(Repo repo, String commit, Optional<Download> download) {
    return new Snapshot(repo, commit, cache, cache.files(repo, commit), download, listener);
  }
}
