package thanora.fused;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import thanora.model.Angles;
import thanora.model.Decoder;
import thanora.model.LayerPass;
import thanora.model.TokenBatch;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.SideStream;
import thanora.tensor.TensorScope;

/**
 * The fast way through a model's layers: each {@link FusedLayer} is one node of the tape, or a few calls in a
 * pass that is not recorded. A model has one, which holds the weights of the layers it serves; training and
 * answering read the same.
 *
 * <p>It serves layers arranged as Llama's that are bare or have LoRAs of one configuration on them; of passes
 * that are recorded those alone where one LoRA is for all tokens. Everything else goes operation by operation;
 * so does all where the system property {@code thanora.fused} is {@code false}, and what libtorch's autograd
 * records.
 */
public final class FusedDecoder implements LayerPass {
  /**
   * Weights of the layers of a run on a GPU, in bytes at most: they exist twice for a moment, kind by kind,
   * when nothing else is there yet.
   * In main memory a layer is a run of its own, since many calls cost nothing there, and large pieces leave
   * holes in the heap.
   */
  private static final long RUN = 4L << 30;

  /** 2,048 tokens of a 7B model: where hiding a call behind another is worth the calls that it takes. */
  private static final long LARGE = 1L << 23;

  private final Decoder model;
  private final long large;
  private final List<LayerRun> runs = new ArrayList<>();
  private final Map<Integer, Place> places = new HashMap<>();
  private final TensorScope.Arena arena = new TensorScope.Arena();
  private final TensorScope.Arena ofRooms = new TensorScope.Arena();
  private Optional<Prepared> prepared = Optional.empty();
  private long version = -1; // of the model's linear layers
  private TokenBatch last;
  private boolean serves;

  /** Where a layer lies: its run, and its number in it. */
  private record Place(LayerPlan plan, LayerRun run, int index) {}

  /** Rooms of passes that are not recorded. */
  private record Prepared(long tokens, List<Long> widths, FusedLayer.Rooms rooms) {}

  private FusedDecoder(Decoder model, long large) {
    this.model = model;
    this.large = large;
  }

  /** That of a model; from now on its passes that are not recorded take it. Weights of layers that are served move. */
  public static FusedDecoder of(Decoder model) {
    return model.pass() instanceof FusedDecoder own ? own : of(model, LARGE);
  }

  /** @param large values of a layer's input from which on a GPU works on two things beside each other */
  static FusedDecoder of(Decoder model, long large) {
    FusedDecoder made = new FusedDecoder(model, large);
    model.use(made);
    return made;
  }

  /** Whether the fast way is taken at all. */
  static boolean isOn() {
    return Boolean.parseBoolean(System.getProperty("thanora.fused", "true"));
  }

  /** Takes over the weights, where linear layers are not what they were. */
  private void prepare() {
    if (version == model.version()) {
      return;
    }
    List<LayerPlan> plans = IntStream.range(0, model.config().layers())
        .mapToObj(layer -> LayerPlan.of(model, layer)).flatMap(Optional::stream).toList();
    boolean same = plans.size() == places.size() && plans.stream().allMatch(
        plan -> places.containsKey(plan.number()) && plan.isOfSame(places.get(plan.number()).plan));
    if (!same) {
      places.clear();
      runs.clear();
      arena.close(); // the weights are views of what it held, and stay
      Optional<SideStream> side = arena.make(() -> SideStream.of(model.placement()));
      for (List<LayerPlan> alike : alike(plans)) {
        LayerRun run = arena.make(() -> new LayerRun(model.placement(), alike, side, large));
        runs.add(run);
        for (int i = 0; i < alike.size(); i++) {
          places.put(alike.get(i).number(), new Place(alike.get(i), run, i));
        }
      }
    }
    version = model.version();
  }

  /** Those together that can be one run. */
  private List<List<LayerPlan>> alike(List<LayerPlan> plans) {
    List<List<LayerPlan>> all = new ArrayList<>();
    for (LayerPlan plan : plans) {
      if (!goesOn(all, plan)) {
        all.add(new ArrayList<>());
      }
      all.get(all.size() - 1).add(plan);
    }
    return all;
  }

  private boolean goesOn(List<List<LayerPlan>> all, LayerPlan next) {
    if (all.isEmpty() || model.placement().isCpu()) {
      return false;
    }
    List<LayerPlan> longer = new ArrayList<>(all.get(all.size() - 1));
    boolean follows = longer.get(longer.size() - 1).number() + 1 == next.number();
    longer.add(next);
    return follows && longer.stream().mapToLong(LayerPlan::bytes).sum() <= RUN && LayerPlan.areAlike(longer);
  }

  @Override
  public Optional<Tensor> apply(int layer, Tensor x, TokenBatch batch, Optional<Angles> angles) {
    Place place = serves(batch) ? places.get(layer) : null;
    if (place == null || (batch.tape().isPresent() ? !place.plan.trains() : !NoGrad.isOn())) {
      return Optional.empty();
    }
    return Optional.of(batch.tape().isPresent()
        ? place.run.apply(place.index, x, batch, angles, batch.tape().get()) : unrecorded(place, x, batch, angles));
  }

  private Tensor unrecorded(Place place, Tensor x, TokenBatch batch, Optional<Angles> angles) {
    Tensor y = place.run.apply(place.index, x, batch, angles, rooms(place.run, x.size(0)));
    boolean comesAgain = batch.past().isPresent() && batch.longestRow() == 1;
    if (comesAgain || place.plan.number() < model.config().layers() - 1) {
      return y;
    }
    Tensor result = Ops.narrow(y, 0, 0, y.size(0)); // the room itself goes with the others
    freeRooms();
    return result;
  }

  private FusedLayer.Rooms rooms(LayerRun run, long tokens) {
    List<Long> widths = run.widths();
    if (prepared.filter(found -> found.tokens == tokens && found.widths.equals(widths)).isEmpty()) {
      freeRooms();
      prepared = Optional.of(new Prepared(tokens, widths, ofRooms.make(() -> run.rooms(tokens))));
    }
    return prepared.get().rooms;
  }

  private void freeRooms() {
    ofRooms.close();
    prepared = Optional.empty();
  }

  /** Whether it serves a batch at all; asked once a batch, whatever its parts. */
  private boolean serves(TokenBatch batch) {
    if (batch.whole() != last) {
      last = batch.whole();
      serves = batch.members() == 1 && isOn();
      if (serves) {
        prepare();
        runs.forEach(LayerRun::forget);
      }
    }
    return serves;
  }

  /** How many layers of so many bytes are one run at most. */
  static long layersOfARun(long bytes, boolean gpu) {
    return gpu ? Math.max(1, RUN / bytes) : 1;
  }

  /** Numbers of the layers that it serves, in training or in passes that are not recorded. */
  Set<Integer> layers(boolean inTraining) {
    prepare();
    return places.values().stream().map(Place::plan).filter(plan -> !inTraining || plan.trains())
        .map(LayerPlan::number).collect(Collectors.toSet());
  }
}
