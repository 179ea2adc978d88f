package thanora;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import thanora.data.TaskSet;
import thanora.lora.Adapter;
import thanora.lora.AdapterForm;
import thanora.method.AdapterMethod;
import thanora.method.Thanora;
import thanora.train.Trainee;

/**
 * Several configurations on one frozen base: those of one form are members of one adapter.
 *
 * <p>Members have an order: adapter by adapter, each with its members; losses and answers come in it.
 */
final class SideBySide implements AutoCloseable {
  /** One configuration. */
  record Run(Contestant contestant, double rate, long seed) {}

  private final LoadedModel model;
  private final TaskSet tasks;
  private final List<Adapter> adapters = new ArrayList<>();
  private final List<Place> places = new ArrayList<>();

  /** What a configuration is started and trained by. */
  private record Told(Run run, Recipe recipe, AdapterMethod method, AdapterMethod.Setting setting) {
    static Told of(Run run, LoadedModel model, TaskSet tasks, RunListener listener) {
      Recipe recipe = run.contestant.run(run.rate, run.seed);
      return new Told(run, recipe, Settings.method(recipe), FineTune.setting(recipe, model, tasks, listener));
    }
  }

  /** A configuration's place among the members. */
  private record Place(Told told, Adapter adapter, int member) {}

  private SideBySide(LoadedModel model, TaskSet tasks, List<Run> runs, RunListener listener) {
    this.model = model;
    this.tasks = tasks;
    for (Kind kind : kinds(model, tasks, runs, listener)) {
      Adapter adapter = kind.form.create(model.decoder(), kind.modules, kind.members.size());
      adapters.add(adapter);
      for (int member = 0; member < kind.members.size(); member++) {
        places.add(new Place(kind.members.get(member), adapter, member));
      }
    }
  }

  /** Sorts configurations by the adapter that serves them. */
  private static List<Kind> kinds(LoadedModel model, TaskSet tasks, List<Run> runs, RunListener listener) {
    List<Kind> kinds = new ArrayList<>();
    for (Run run : runs) {
      Told told = Told.of(run, model, tasks, listener);
      if (kinds.stream().noneMatch(kind -> kind.take(told))) {
        kinds.add(new Kind(told));
      }
    }
    return kinds;
  }

  /** Configurations that one adapter serves. */
  private static final class Kind {
    private final List<Told> members = new ArrayList<>();
    private final List<String> modules;
    private final boolean apart;
    private AdapterForm form;

    Kind(Told first) {
      members.add(first);
      this.form = first.method.form(first.setting);
      this.modules = first.setting.modules();
      this.apart = Settings.gradients(first.recipe).isPresent();
    }

    /** Takes a configuration in, if it fits. */
    boolean take(Told told) {
      Optional<AdapterForm> both = form.with(told.method.form(told.setting));
      if (both.isEmpty() || !modules.equals(told.setting.modules())
          || apart != Settings.gradients(told.recipe).isPresent()) {
        return false;
      }
      form = both.get();
      return members.add(told);
    }
  }

  /** The configurations that one adapter serves, together. */
  static List<List<Run>> byForm(LoadedModel model, TaskSet tasks, List<Run> runs) {
    return kinds(model, tasks, runs, RunListener.SILENT).stream()
        .map(kind -> kind.members.stream().map(Told::run).toList()).toList();
  }

  /** The configurations on the same linear layers, which alone can be attached at once, form by form. */
  static Collection<List<Run>> byModules(LoadedModel model, TaskSet tasks, List<Run> runs) {
    Map<List<String>, List<Run>> byModules = new LinkedHashMap<>();
    kinds(model, tasks, runs, RunListener.SILENT).forEach(kind -> byModules
        .computeIfAbsent(kind.modules, modules -> new ArrayList<>()).addAll(kind.members.stream().map(Told::run).toList()));
    return byModules.values();
  }

  /** Configurations without their starts, not attached. */
  static SideBySide empty(LoadedModel model, TaskSet tasks, List<Run> runs, RunListener listener) {
    return new SideBySide(model, tasks, runs, listener);
  }

  /** Gives every member its start; configurations that differ in the rate alone share one. */
  void start() {
    Map<List<Object>, Place> started = new LinkedHashMap<>();
    List<Thanora.Place> thanora = new ArrayList<>();
    List<Runnable> copies = new ArrayList<>();
    for (Place place : places) {
      Told told = place.told;
      Place first = started.putIfAbsent(List.of(told.run.contestant.name(), told.run.seed), place);
      if (first != null) {
        copies.add(() -> place.adapter.copyMember(place.member, first.adapter, first.member));
      } else if (told.method instanceof Thanora own) {
        thanora.add(new Thanora.Place(own, told.setting, place.adapter, place.member));
      } else {
        told.method.start(told.setting, place.adapter, place.member);
      }
    }
    Thanora.start(thanora);
    copies.forEach(Runnable::run);
  }

  /**
   * How the adapters are trained.
   *
   * @param watched the configurations whose tasks' gradients are measured on the way
   */
  List<Trainee> trainees(String watched) {
    Map<Adapter, List<Trainee.Member>> members = new LinkedHashMap<>();
    for (Place place : places) {
      Told told = place.told;
      boolean watch = told.run.contestant.name().equals(watched) && place.adapter.tellsTasksApart();
      if (Settings.gradients(told.recipe).isPresent() || watch) {
        place.adapter.keepTaskGradients(tasks.tasks().size());
      }
      members.computeIfAbsent(place.adapter, adapter -> new ArrayList<>()).add(
          Settings.member(told.recipe, told.method.penalty(place.adapter, place.member), told.run.rate));
    }
    return members.entrySet().stream().map(own -> new Trainee(own.getKey(), own.getValue())).toList();
  }

  /** Gives this one's members the numbers of the same runs in another. */
  void copyFrom(SideBySide other) {
    Map<Run, Place> there = new HashMap<>();
    other.places.forEach(place -> there.put(place.told.run, place));
    for (Place place : places) {
      Place from = there.get(place.told.run);
      place.adapter.copyMember(place.member, from.adapter, from.member);
    }
  }

  void attach() {
    Adapter.attach(model.decoder(), adapters);
  }

  void detach() {
    adapters.get(0).detach(model.decoder());
  }

  /** The adapters, in the order of their members. */
  List<Adapter> adapters() {
    return adapters;
  }

  /** What is known of a contestant's adapter without training it. */
  record Shape(int rank, long parameters, boolean merges, boolean needsTask) {}

  /** The shape of a contestant's adapter. */
  static Shape shape(Contestant contestant, LoadedModel model, TaskSet tasks) {
    Run run = new Run(contestant, 1, 0);
    try (SideBySide side = empty(model, tasks, List.of(run), RunListener.SILENT)) {
      Adapter adapter = side.adapters.get(0);
      return new Shape(
          adapter.rank(), adapter.trainableParameters(), adapter.merges(), adapter.needsTask());
    }
  }

  /** The runs in the order of the members. */
  List<Run> order() {
    return places.stream().map(place -> place.told.run).toList();
  }

  /** The adapter that a member belongs to. */
  Adapter adapter(int at) {
    return places.get(at).adapter;
  }

  /** A member's number within its adapter. */
  int member(int at) {
    return places.get(at).member;
  }

  @Override
  public void close() {
    adapters.forEach(Adapter::close);
  }
}
