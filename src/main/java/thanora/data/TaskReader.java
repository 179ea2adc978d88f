package thanora.data;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import thanora.data.DataReport.SplitReport;
import thanora.data.DataReport.TaskReport;
import thanora.tensor.Seeds;

/**
 * Files of rows to tasks of samples: reads, cuts the validation rows off, takes the subset asked
 * for, encodes, and applies the length rule. Nothing is left out uncounted.
 */
public final class TaskReader {
  private final int task;
  private final TaskSource source;
  private final ReadOptions options;
  private final SampleEncoder encoder;
  private final SortedSet<String> ignoredFields = new TreeSet<>();

  private TaskReader(int task, TaskSource source, ReadOptions options, SampleEncoder encoder) {
    this.task = task;
    this.source = source;
    this.options = options;
    this.encoder = encoder;
  }

  /**
   * Reads tasks in their order.
   *
   * @throws DataException a line for each task with a fault: the first of its files, a task without rows, two tasks of one name,
   *     more validation rows than can be cut off, or rows over the length limit where that refuses
   */
  public static TaskSet read(List<TaskSource> sources, ReadOptions options, SampleEncoder encoder) {
    return read(sources, Collections.nCopies(sources.size(), options), encoder);
  }

  /** The same with options for each task. */
  public static TaskSet read(
      List<TaskSource> sources, List<ReadOptions> options, SampleEncoder encoder) {
    checkNames(sources);
    List<TaskData> tasks = new ArrayList<>();
    List<TaskReport> reports = new ArrayList<>();
    List<DataException> faults = new ArrayList<>();
    for (int task = 0; task < sources.size(); task++) {
      try {
        new TaskReader(task, sources.get(task), options.get(task), encoder).read(tasks, reports);
      } catch (DataException e) {
        faults.add(e);
      }
    }
    if (!faults.isEmpty()) {
      throw DataException.of(faults);
    }
    return new TaskSet(tasks, new DataReport(reports));
  }

  private static void checkNames(List<TaskSource> sources) {
    if (sources.isEmpty()) {
      throw new DataException("no task; name at least one");
    }
    Set<String> names = new HashSet<>();
    for (TaskSource source : sources) {
      if (!names.add(source.name())) {
        throw new DataException(
            "two tasks are named " + source.name() + "; give each a name of its own");
      }
    }
  }

  /** A split and its counts. */
  private record Counted(Split split, SplitReport report) {
    static final Counted NONE = new Counted(Split.empty(), SplitReport.empty());
  }

  private void read(List<TaskData> tasks, List<TaskReport> reports) {
    List<RowFiles.Line> lines = rowsOf(source.train());
    int[] cut = !source.validation().isEmpty() ? new int[0] : validationRows(lines.size());
    int[] kept = subset("train", without(cut, lines.size()), options.maxTrainRows());

    Counted train = encode("train", lines, kept, Set.of());
    Set<Row.Asked> asked =
        train.split().rows().stream().map(Row::asked).collect(Collectors.toSet());
    Counted validation =
        cut.length > 0
            ? encode("validation", answerOnly(lines), cut, asked)
            : fromFiles("validation", source.validation(), OptionalInt.empty(), asked);
    Counted test = fromFiles("test", source.test(), options.maxTestRows(), asked);

    tasks.add(
        new TaskData(
            source.name(),
            source.metric(),
            source.weight(),
            train.split(),
            validation.split(),
            test.split()));
    reports.add(
        new TaskReport(
            source.name(),
            train.report(),
            validation.report(),
            test.report(),
            List.copyOf(ignoredFields)));
  }

  private List<RowFiles.Line> rowsOf(List<Path> files) {
    RowFiles.Contents contents = RowFiles.read(files, source.rules());
    if (contents.lines().isEmpty()) {
      throw new DataException(
          "task " + source.name() + " has no rows in " + shown(files) + "; add rows or leave the task out");
    }
    ignoredFields.addAll(contents.ignoredFields());
    return contents.lines();
  }

  /** What is judged is the last answer of a conversation; all before it is given. */
  private static List<RowFiles.Line> answerOnly(List<RowFiles.Line> lines) {
    return lines.stream()
        .map(line -> new RowFiles.Line(line.place(), line.row().answerOnly())).toList();
  }

  private static String shown(List<Path> files) {
    return files.get(0) + (files.size() > 1 ? " and " + (files.size() - 1) + " more" : "");
  }

  private Counted fromFiles(
      String split, List<Path> files, OptionalInt most, Set<Row.Asked> inTrain) {
    if (files.isEmpty()) {
      return Counted.NONE;
    }
    List<RowFiles.Line> lines = answerOnly(rowsOf(files));
    int[] rows = subset(split, IntStream.range(0, lines.size()).toArray(), most);
    return encode(split, lines, rows, inTrain);
  }

  private Counted encode(
      String split, List<RowFiles.Line> lines, int[] rows, Set<Row.Asked> inTrain) {
    String name = "task " + source.name() + ", " + split;
    SplitEncoder splitEncoder = new SplitEncoder(name, task, options);
    Split encoded = splitEncoder.encode(lines, rows, encoder);
    return new Counted(encoded, splitEncoder.report(inTrain));
  }

  private int[] validationRows(int rows) {
    if (options.validationRows() >= rows) {
      throw new DataException(
          options.validationRows() + " validation rows cannot be cut from the " + rows
              + " training rows of task " + source.name()
              + "; ask for fewer or give it a validation file");
    }
    return Shuffle.subset(rows, options.validationRows(), random("validation"));
  }

  private int[] subset(String split, int[] rows, OptionalInt most) {
    if (most.isEmpty() || most.getAsInt() >= rows.length) {
      return rows;
    }
    int[] chosen = Shuffle.subset(rows.length, most.getAsInt(), random(split));
    return IntStream.of(chosen).map(i -> rows[i]).toArray();
  }

  private Random random(String split) {
    return Seeds.stream(options.seed(), "rows/" + source.name() + "/" + split);
  }

  private static int[] without(int[] taken, int rows) {
    Set<Integer> out = IntStream.of(taken).boxed().collect(Collectors.toSet());
    return IntStream.range(0, rows).filter(row -> !out.contains(row)).toArray();
  }
}
