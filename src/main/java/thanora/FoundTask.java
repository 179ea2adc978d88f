package thanora;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import thanora.data.DataException;
import thanora.data.Row;
import thanora.data.RowFiles;

/**
 * A task as its files lie in a folder: {@code NAME/train.jsonl}, {@code NAME.jsonl}, {@code
 * NAME-train.jsonl} or {@code train-NAME.jsonl}, with the words for test and validation that other tools
 * use; {@code train.jsonl} alone is a task of the folder's name.
 *
 * @param rows of train
 * @param testRows of test; none where there is no such file
 */
record FoundTask(String name, Path train, Optional<Path> validation, Optional<Path> test, List<Row> rows,
    List<Row> testRows) {
  private static final String WORDS = "train|training|test|validation|valid|val|dev|eval";
  private static final Pattern BEHIND = Pattern.compile("(.+)[._-](" + WORDS + ")", Pattern.CASE_INSENSITIVE);
  private static final Pattern BEFORE = Pattern.compile("(" + WORDS + ")[._-](.+)", Pattern.CASE_INSENSITIVE);

  private enum Part {
    TRAIN, VALIDATION, TEST;

    static Part of(String word) {
      return switch (word.toLowerCase(Locale.ROOT)) {
        case "train", "training" -> TRAIN;
        case "test" -> TEST;
        default -> VALIDATION;
      };
    }
  }

  /** What a file's name says. */
  private record Place(String task, Part part) {
    static Place of(Path file, Path folder) {
      String stem = file.getFileName().toString().replaceFirst("\\.[^.]+(\\.gz)?$", "");
      Path parent = file.toAbsolutePath().normalize().getParent();
      String own = parent.getFileName() == null ? "task" : parent.getFileName().toString();
      Matcher behind = BEHIND.matcher(stem);
      Matcher before = BEFORE.matcher(stem);
      if (stem.matches("(?i)" + WORDS)) {
        return new Place(named(own), Part.of(stem));
      }
      if (behind.matches()) {
        return new Place(named(behind.group(1)), Part.of(behind.group(2)));
      }
      if (before.matches()) {
        return new Place(named(before.group(2)), Part.of(before.group(1)));
      }
      boolean inside = !parent.equals(folder.toAbsolutePath().normalize());
      return new Place(named(inside ? own + "_" + stem : stem), Part.TRAIN);
    }

    /** As recipes allow names to be. */
    private static String named(String text) {
      return text.replaceAll("[^\\p{L}\\p{N}_-]", "_");
    }
  }

  /**
   * The tasks of a folder, by name; files of its folders count too.
   *
   * @param notes gets a line for each file that is left out
   */
  static List<FoundTask> in(Path folder, Consumer<String> notes) {
    Map<String, Map<Part, Path>> files = new TreeMap<>();
    for (Path file : files(folder)) {
      Place place = Place.of(file, folder);
      Path twin = files.computeIfAbsent(place.task, task -> new EnumMap<>(Part.class)).putIfAbsent(place.part, file);
      if (twin != null) {
        notes.accept(file + ": left out, since " + twin + " is of the same task and part");
      }
    }
    List<FoundTask> tasks = new ArrayList<>();
    files.forEach((name, parts) -> read(name, parts, notes).ifPresent(tasks::add));
    return tasks;
  }

  private static List<Path> files(Path folder) {
    try (Stream<Path> files = Files.walk(folder, 2)) {
      return files.filter(file -> RowFiles.isNamed(file.getFileName().toString()))
          .filter(file -> !file.getFileName().toString().startsWith(".") && Files.isRegularFile(file))
          .sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(folder + " cannot be listed", e);
    }
  }

  private static Optional<FoundTask> read(String name, Map<Part, Path> parts, Consumer<String> notes) {
    Path train = parts.get(Part.TRAIN);
    if (train == null) {
      notes.accept(parts.values().iterator().next() + ": left out, since task " + name + " has no rows to train on");
      return Optional.empty();
    }
    // validation rows judge a task that has no others
    boolean stands = !parts.containsKey(Part.TEST);
    Optional<Path> test = Optional.ofNullable(parts.get(stands ? Part.VALIDATION : Part.TEST));
    Optional<Path> validation = stands ? Optional.empty() : Optional.ofNullable(parts.get(Part.VALIDATION));
    try {
      List<Row> rows = rows(train);
      if (rows.isEmpty()) {
        notes.accept(train + ": left out, since it has no rows");
        return Optional.empty();
      }
      return Optional.of(new FoundTask(name, train, validation, test, rows,
          test.map(FoundTask::rows).orElse(List.of())));
    } catch (DataException e) {
      notes.accept("task " + name + " left out: " + e.getMessage());
      return Optional.empty();
    }
  }

  private static List<Row> rows(Path file) {
    return RowFiles.rows(file);
  }

  /** The same task with other files. */
  FoundTask with(Path otherTrain, List<Row> otherRows, Path otherTest, List<Row> otherTestRows) {
    return new FoundTask(name, otherTrain, validation, Optional.of(otherTest), otherRows, otherTestRows);
  }
}
