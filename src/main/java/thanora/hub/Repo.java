package thanora.hub;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A repository of the hub at a revision.
 *
 * @param kind of models or of data
 * @param name {@code ORG/NAME}; data sets of old have no ORG
 * @param revision a branch, a tag or a commit
 */
public record Repo(Kind kind, String name, String revision) {
  /** The branch that counts where none is named. */
  public static final String MAIN = "main";

  private static final String PART = "\\w(?:[\\w.-]{0,94}\\w)?";
  private static final Pattern NAME = Pattern.compile("(?:" + PART + "/)?" + PART);
  private static final Pattern REVISION = Pattern.compile("[\\w][\\w./+-]*");
  private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");
  private static final Pattern CACHED =
      Pattern.compile("models--(.+?)/snapshots/([0-9a-f]{40})(?:/.*)?");

  /** What a repository holds. */
  public enum Kind {
    MODEL("models", "", ""),
    DATASET("datasets", "datasets/", "--dataset ");

    private final String plural;
    private final String web;
    private final String option;

    Kind(String plural, String web, String option) {
      this.plural = plural;
      this.web = web;
      this.option = option;
    }
  }

  /** A repository by {@code ORG/NAME} or {@code ORG/NAME@REVISION}; empty if that cannot be one. */
  static Optional<Repo> parse(Kind kind, String text) {
    int at = text.indexOf('@');
    String name = at < 0 ? text : text.substring(0, at);
    String revision = at < 0 ? MAIN : text.substring(at + 1);
    boolean fits = NAME.matcher(name).matches() && REVISION.matcher(revision).matches()
        && !name.contains("--") && !text.contains("..") && !name.endsWith(".git");
    return fits ? Optional.of(new Repo(kind, name, revision)) : Optional.empty();
  }

  /**
   * A data set by {@code ORG/NAME} or {@code ORG/NAME@REVISION}.
   *
   * @throws HubException if that cannot be one
   */
  public static Repo dataset(String text) {
    return parse(Kind.DATASET, text).orElseThrow(() -> new HubMissingException(text
        + " is not the name of a data set; write it as ORG/NAME or ORG/NAME@REVISION"));
  }

  /** The model that a path in a cache is of, at its commit. */
  public static Optional<Repo> ofCached(Path path) {
    for (int i = path.getNameCount() - 1; i >= 0; i--) {
      Matcher cached = CACHED.matcher(
          path.subpath(i, path.getNameCount()).toString().replace('\\', '/'));
      if (cached.matches()) {
        return Optional.of(new Repo(Kind.MODEL, cached.group(1).replace("--", "/"), cached.group(2)));
      }
    }
    return Optional.empty();
  }

  static boolean isCommit(String revision) {
    return COMMIT.matcher(revision).matches();
  }

  /** Whether the revision is a commit, which never changes. */
  public boolean isPinned() {
    return isCommit(revision);
  }

  /** The same at another revision. */
  public Repo at(String other) {
    return new Repo(kind, name, other);
  }

  /** Folder in the cache. */
  String folder() {
    return kind.plural + "--" + name.replace("/", "--");
  }

  /** Path of the API, with the revision as one word. */
  String api(String call) {
    return "/api/" + kind.plural + "/" + name + "/" + call + "/" + encoded(revision);
  }

  /** Path of a file. */
  String file(String file) {
    StringBuilder path = new StringBuilder("/" + kind.web + name + "/resolve/" + encoded(revision));
    for (String part : file.split("/")) {
      path.append('/').append(encoded(part));
    }
    return path.toString();
  }

  /** Path of its page. */
  String page() {
    return "/" + kind.web + name;
  }

  /** The command that fetches it. */
  String command() {
    return "thanora download " + kind.option + this;
  }

  private static String encoded(String word) {
    return URLEncoder.encode(word, StandardCharsets.UTF_8).replace("+", "%20");
  }

  /** As it is written in a recipe. */
  @Override
  public String toString() {
    return revision.equals(MAIN) ? name : name + "@" + revision;
  }
}
