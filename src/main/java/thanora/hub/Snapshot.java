package thanora.hub;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** A repository at one commit: what files it has, and those of them that are in the cache. */
final class Snapshot {
  private final Repo asked;
  private final Repo repo;
  private final HubCache cache;
  private final Optional<List<HubFile>> files;
  private final Optional<Download> download;
  private final HubListener listener;

  /**
   * @param asked with the revision that was asked for
   * @param commit what that is
   * @param files of the commit, where that is known
   * @param download how missing files come; empty where they cannot
   */
  Snapshot(Repo asked, String commit, HubCache cache, Optional<List<HubFile>> files, Optional<Download> download,
      HubListener listener) {
    this.asked = asked;
    this.repo = asked.at(commit);
    this.cache = cache;
    this.files = files;
    this.download = download;
    this.listener = listener;
  }

  /** The repository at its commit. */
  Repo repo() {
    return repo;
  }

  /** The folder of its files. */
  Path folder() {
    return cache.snapshot(repo, repo.revision());
  }

  /** Paths of all files; where that is not known, of those that are in the cache. */
  Set<String> names() {
    return new LinkedHashSet<>(files.map(all -> all.stream().map(HubFile::path).toList())
        .orElseGet(() -> cache.present(repo, repo.revision())));
  }

  /** Whether all files of the commit are known. */
  boolean isListed() {
    return files.isPresent();
  }

  /** Whether files that are missing can be had. */
  boolean canFetch() {
    return download.isPresent();
  }

  /** Where a file is, or would be. */
  Path path(String name) {
    return folder().resolve(name);
  }

  /** The text of a small file, fetched if need be. */
  String text(String name) {
    bring(List.of(name));
    try {
      return Files.readString(path(name));
    } catch (IOException e) {
      throw new HubException(path(name) + ": is no text that can be read; remove it to fetch it again", e);
    }
  }

  /**
   * Makes files be in the cache. Only when they are there the revision means this commit while offline, so
   * that a download that does not end leaves the commit of before usable.
   *
   * @throws HubException naming what is missing where it cannot be fetched
   */
  void fetch(Collection<String> names) {
    bring(names);
    if (canFetch()) {
      try {
        cache.setCommit(asked, repo.revision());
      } catch (IOException e) {
        throw cache.cannotWrite(e);
      }
    }
  }

  private void bring(Collection<String> names) {
    List<String> missing = names.stream().distinct().filter(name -> !Files.exists(path(name))).toList();
    if (missing.isEmpty()) {
      return;
    }
    if (!canFetch()) {
      throw new HubMissingException(asked + ": " + missing.get(0)
          + (missing.size() > 1 ? " and " + (missing.size() - 1) + " more files are" : " is") + " not in the cache "
          + cache.root() + " (commit " + repo.revision() + "), and nothing is fetched while offline; where there is a "
          + "network run: " + asked.command());
    }
    Map<String, HubFile> known = new LinkedHashMap<>();
    files.orElseThrow().forEach(file -> known.put(file.path(), file));
    List<HubFile> wanted = new ArrayList<>();
    for (String name : missing) {
      wanted.add(Optional.ofNullable(known.get(name)).orElseThrow(
          () -> new HubMissingException(asked + ": has no file " + name + "; check the name")));
    }
    download(wanted);
  }

  private void download(List<HubFile> wanted) {
    long bytes = wanted.stream().mapToLong(HubFile::size).sum();
    requireRoom(bytes - wanted.stream().mapToLong(this::begun).sum());
    listener.begin(asked, bytes);
    long before = 0;
    for (HubFile file : wanted) {
      long start = before;
      download.orElseThrow().run(repo, file, there -> listener.fetched(start + there));
      before += file.size();
      listener.fetched(before);
    }
  }

  /** Bytes of a file that an earlier download left. */
  private long begun(HubFile file) {
    return cache.incomplete(repo, file.contentHash()).toFile().length();
  }

  private void requireRoom(long bytes) {
    try {
      cache.prepare();
      long free = Files.getFileStore(cache.root()).getUsableSpace();
      if (free < bytes) {
        throw new HubException(cache.root() + ": has " + (free >> 20) + " MiB free, but " + ((bytes >> 20) + 1)
            + " MiB of " + asked + " are missing; make room, or name another folder as HF_HUB_CACHE");
      }
    } catch (IOException e) {
      throw cache.cannotWrite(e);
    }
  }

  /** Remembers which of these files the commit has not. */
  void markAbsent(List<String> names) {
    try {
      for (String name : names) {
        if (isListed() && canFetch() && !names().contains(name)) {
          cache.setAbsent(repo, repo.revision(), name);
        }
      }
    } catch (IOException e) {
      throw cache.cannotWrite(e);
    }
  }
}
