package thanora;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.Stream;
import thanora.data.DataException;
import thanora.data.LongRows;
import thanora.data.ReadOptions;
import thanora.data.Row;
import thanora.data.RowRules;
import thanora.data.Sample;
import thanora.data.SampleEncoder;
import thanora.data.Split;
import thanora.data.TaskData;
import thanora.data.TaskReader;
import thanora.data.TaskSet;
import thanora.data.TaskSource;
import thanora.data.TextPattern;
import thanora.eval.Metric;
import thanora.image.ImageSource;
import thanora.tensor.Seeds;
import thanora.text.Encoded;

/** The tasks of a recipe: read, checked, and the rows of them that each stage looks at. */
final class Tasks {
  private Tasks() {}

  /** Reads and encodes all rows, and says what was found in them and in the model. */
  static TaskSet read(Recipe recipe, LoadedModel model, RunListener listener) {
    model.warnings().forEach(listener::note);
    TaskSet tasks = read(recipe, model.decoder().config().maxPositions(),
        LongRows.valueOf(recipe.train().longRows().name()), model.rows(), listener);
    List<ImageSource> images = tasks.tasks().stream()
        .flatMap(task -> Stream.of(task.train(), task.validation(), task.test()))
        .flatMap(split -> split.samples().stream()).flatMap(row -> row.images().stream()).distinct().toList();
    if (!images.isEmpty()) {
      model.readImages(images, recipe.images(), listener);
    }
    return tasks;
  }

  /** The same without a model's weights, and with another rule for rows that are too long. */
  static TaskSet read(
      Recipe recipe, int maxPositions, LongRows longRows, SampleEncoder encoder, RunListener listener) {
    listener.stage("read rows", 0);
    TaskSet tasks = read(recipe, maxPositions, longRows, false, new Heard(encoder, listener));
    tasks.report().lines().forEach(listener::note);
    if (recipe.eval().generate()) {
      tasks.tasks().forEach(Tasks::check);
    }
    return tasks;
  }

  /** An encoder whose rows are counted. */
  private static final class Heard implements SampleEncoder {
    private final SampleEncoder encoder;
    private final RunListener listener;
    private int rows;

    Heard(SampleEncoder encoder, RunListener listener) {
      this.encoder = encoder;
      this.listener = listener;
    }

    @Override
    public Encoded encode(Row row) {
      Encoded encoded = encoder.encode(row);
      synchronized (this) { // a listener is for one thread at a time
        listener.advanced(++rows);
      }
      return encoded;
    }

    @Override
    public OptionalInt imageToken() {
      return encoder.imageToken();
    }
  }

  /** What happens to longer rows where they are only looked at: those that a run would refuse are counted. */
  static LongRows counted(Recipe recipe) {
    return recipe.train().longRows() == Recipe.LongRows.TRUNCATE ? LongRows.TRUNCATE : LongRows.DROP;
  }

  /**
   * The same in silence, whatever the answers are.
   *
   * @param countsFaultyImages whether rows with faulty images are counted, or the first of them is refused
   */
  static TaskSet read(Recipe recipe, int maxPositions, LongRows longRows, boolean countsFaultyImages,
      SampleEncoder encoder) {
    List<TaskSource> sources = new ArrayList<>();
    List<ReadOptions> options = new ArrayList<>();
    for (Recipe.Task task : recipe.tasks()) {
      sources.add(new TaskSource(
          task.name(), HubNames.files(recipe, task, task.train()), HubNames.files(recipe, task, task.validation()),
          HubNames.files(recipe, task, task.test()), rules(recipe, task), task.metric().name().toLowerCase(Locale.ROOT),
          task.weight()));
      options.add(new ReadOptions(
          Math.min(recipe.train().maxLength(), maxPositions),
          longRows,
          limit(task.maxTrainRows()),
          limit(atMost(task.maxTestRows(), recipe.eval().maxRows())),
          recipe.train().validationRows(),
          recipe.seed(),
          countsFaultyImages));
    }
    return TaskReader.read(sources, options, encoder);
  }

  private static RowRules rules(Recipe recipe, Recipe.Task task) {
    return new RowRules(
        task.format(), task.columns(), task.prompt().map(TextPattern::new),
        task.completion().map(TextPattern::new), task.system().map(TextPattern::new),
        task.trainOn() == Recipe.TrainOn.LAST,
        task.imageDir().map(folder -> Path.of(recipe.data()).resolve(folder)));
  }

  private static OptionalInt limit(int rows) {
    return rows > 0 ? OptionalInt.of(rows) : OptionalInt.empty();
  }

  /** The smaller of two limits of which 0 is none. */
  private static int atMost(int a, int b) {
    return a == 0 || b == 0 ? Math.max(a, b) : Math.min(a, b);
  }

  private static void check(TaskData task) {
    Metric metric = Metric.parse(task.metric());
    for (int i = 0; i < task.test().size(); i++) {
      Row row = task.test().rows().get(i);
      String name = "task " + task.name() + ", test row " + (task.test().samples().get(i).row() + 1) + ": ";
      if (row instanceof Row.Text) {
        throw new DataException(
            name + "plain text asks for no answer that could be scored; set eval.generate to false");
      }
      metric.objection(row.completion()).ifPresent(objection -> {
        throw new DataException(name + objection);
      });
    }
  }

  /** Training rows to preview: a seeded choice without replacement, in file order. */
  static List<Sample> preview(TaskData task, int rows, long seed) {
    List<Sample> all = task.train().samples();
    if (all.size() <= rows) {
      return all;
    }
    // selection sampling: row i is taken with probability (still wanted) / (still there)
    Random random = Seeds.stream(seed, "preview " + task.name());
    List<Sample> chosen = new ArrayList<>();
    for (int i = 0; chosen.size() < rows; i++) {
      if (random.nextInt(all.size() - i) < rows - chosen.size()) {
        chosen.add(all.get(i));
      }
    }
    return chosen;
  }

  /** The first test rows of every task, or training rows where it has none. */
  static List<Sample> probes(TaskSet tasks, int rows) {
    List<Sample> probes = new ArrayList<>();
    for (TaskData task : tasks.tasks()) {
      Split split = task.test().size() > 0 ? task.test() : task.train();
      probes.addAll(split.samples().subList(0, Math.min(rows, split.size())));
    }
    return probes;
  }
}
