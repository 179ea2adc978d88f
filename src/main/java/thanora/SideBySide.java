package thanora;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;
import thanora.data.TaskSet;
import thanora.lora.Adapter;
import thanora.lora.AdapterForm;
import thanora.lora.GradientCombination;
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
  private final RunListener listener;
  private final List<Run> order = new ArrayList<>();
  private final List<List<Run>> groups = new ArrayList<>();
  private final List<Adapter> adapters = new ArrayList<>();
  private final Map<Run, AdapterMethod.Setting> settings = new HashMap<>();

  private SideBySide(LoadedModel model, TaskSet tasks, List<Run> runs, RunListener listener) {
    this.model = model;
    this.tasks = tasks;
    this.listener = listener;
    for (Kind kind : kinds(model, tasks, runs, settings, listener)) {
      groups.add(kind.runs);
      order.addAll(kind.runs);
      adapters.add(kind.form.create(model.decoder(), kind.modules, kind.runs.size()));
    }
  }

  /** Sorts configurations by the adapter that serves them; {@code settings} receives what each is told. */
  private static List<Kind> kinds(LoadedModel model, TaskSet tasks, List<Run> runs,
      Map<Run, AdapterMethod.Setting> settings, RunListener listener) {
    List<Kind> kinds = new ArrayList<>();
    for (Run run : runs) {
      Recipe recipe = run.contestant.run(run.rate, run.seed);
      AdapterMethod.Setting setting = FineTune.setting(recipe, model, tasks, listener);
      settings.put(run, setting);
      AdapterForm form = Settings.method(recipe).form(setting);
      boolean apart = Settings.gradients(recipe).isPresent();
      if (kinds.stream().noneMatch(kind -> kind.take(run, form, setting.modules(), apart))) {
        kinds.add(new Kind(run, form, setting.modules(), apart));
      }
    }
    return kinds;
  }

  /** Configurations that one adapter serves. */
  private static final class Kind {
    private final List<Run> runs = new ArrayList<>();
    private final List<String> modules;
    private final boolean apart;
    private AdapterForm form;

    Kind(Run run, AdapterForm form, List<String> modules, boolean apart) {
      runs.add(run);
      this.form = form;
      this.modules = modules;
      this.apart = apart;
    }

    /** Takes a configuration in, if it fits. */
    boolean take(Run run, AdapterForm other, List<String> otherModules, boolean otherApart) {
      Optional<AdapterForm> both = form.with(other);
      if (both.isEmpty() || !modules.equals(otherModules) || apart != otherApart) {
        return false;
      }
      form = both.get();
      return runs.add(run);
    }
  }

  /** Orders configurations so that those one adapter serves stand together. */
  static List<Run> ordered(LoadedModel model, TaskSet tasks, List<Run> runs) {
    return kinds(model, tasks, runs, new HashMap<>(), RunListener.SILENT).stream()
        .flatMap(kind -> kind.runs.stream()).toList();
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
    for (Place place : places()) {
      List<Object> key = List.of(place.run.contestant.name(), place.run.seed);
      Place first = started.putIfAbsent(key, place);
      if (first != null) {
        copies.add(() -> place.adapter.copyMember(place.member, first.adapter, first.member));
        continue;
      }
      AdapterMethod.Setting setting = settings.get(place.run);
      AdapterMethod method = Settings.method(place.recipe());
      if (method instanceof Thanora own) {
        thanora.add(new Thanora.Place(own, setting, place.adapter, place.member));
      } else {
        method.start(setting, place.adapter, place.member);
      }
    }
    Thanora.start(thanora);
    copies.forEach(Runnable::run);
  }

  /** A run's place among the members. */
  private record Place(Run run, Adapter adapter, int member) {
    Recipe recipe() {
      return run.contestant.run(run.rate, run.seed);
    }
  }

  private List<Place> places() {
    List<Place> places = new ArrayList<>();
    for (int group = 0; group < groups.size(); group++) {
      for (int member = 0; member < groups.get(group).size(); member++) {
        places.add(new Place(groups.get(group).get(member), adapters.get(group), member));
      }
    }
    return places;
  }

  /**
   * How the adapters are trained.
   *
   * @param watched the configurations whose tasks' gradients are measured on the way
   */
  List<Trainee> trainees(String watched) {
    List<Trainee> trainees = new ArrayList<>();
    for (int group = 0; group < groups.size(); group++) {
      Adapter adapter = adapters.get(group);
      List<Trainee.Member> members = new ArrayList<>();
      boolean apart = false;
      for (int member = 0; member < groups.get(group).size(); member++) {
        Run run = groups.get(group).get(member);
        Recipe recipe = run.contestant.run(run.rate, run.seed);
        Optional<GradientCombination> gradients = Settings.gradients(recipe);
        boolean watch = run.contestant.name().equals(watched) && adapter.tellsTasksApart();
        apart |= gradients.isPresent() || watch;
        members.add(new Trainee.Member(
            Settings.method(recipe).penalty(adapter, member), gradients, run.rate));
      }
      if (apart) {
        adapter.keepTaskGradients(tasks.tasks().size());
      }
      trainees.add(new Trainee(adapter, members));
    }
    return trainees;
  }

  /** Gives this one's members the numbers of the same runs in another. */
  void copyFrom(SideBySide other) {
    Map<Run, Place> there = new HashMap<>();
    other.places().forEach(place -> there.put(place.run, place));
    for (Place place : places()) {
      Place from = there.get(place.run);
      place.adapter.copyMember(place.member, from.adapter, from.member);
    }
  }

  void attach() {
    Adapter.attach(model.decoder(), adapters);
  }

  void detach() {
    adapters.get(0).detach(model.decoder());
  }

  /** All adapters' numbers by name. */
  Map<String, Tensor> state() {
    Map<String, Tensor> state = new LinkedHashMap<>();
    for (int i = 0; i < adapters.size(); i++) {
      String prefix = "adapter" + i + ".";
      adapters.get(i).state().forEach((name, tensor) -> state.put(prefix + name, tensor));
    }
    return state;
  }

  /** Takes over a saved {@link #state}. */
  void restore(Function<String, Tensor> saved) {
    for (int i = 0; i < adapters.size(); i++) {
      String prefix = "adapter" + i + ".";
      adapters.get(i).restore(name -> saved.apply(prefix + name));
    }
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
    return order;
  }

  /** The adapter that a member belongs to. */
  Adapter adapter(int at) {
    return places().get(at).adapter;
  }

  /** A member's number within its adapter. */
  int member(int at) {
    return places().get(at).member;
  }

  @Override
  public void close() {
    adapters.forEach(Adapter::close);
  }
}
