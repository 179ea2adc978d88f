package thanora.fused;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import thanora.model.Angles;
import thanora.model.Decoder;
import thanora.model.LayerPass;
import thanora.model.TokenBatch;
import thanora.tensor.SideStream;
import thanora.tensor.TensorScope;

/**
 * The fast way through a model's layers in training: each {@link FusedLayer} is one node of the tape.
 *
 * <p>It serves layers arranged as Llama's with one LoRA of one configuration on them. Everything else, and
 * passes that are not recorded, go operation by operation; so do all where the system property {@code
 * thanora.fused} is {@code false}.
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
  private final List<LayerPlan> plans = new ArrayList<>();
  private final List<LayerRun> runs = new ArrayList<>();
  private final Map<Integer, Place> places = new HashMap<>();
  private final TensorScope.Arena arena = new TensorScope.Arena();
  private TokenBatch last;
  private boolean serves;

  /** Where a layer lies: its run, and its number in it. */
  private record Place(LayerRun run, int index) {}

  private FusedDecoder(Decoder model, long large) {
    this.model = model;
    Optional<SideStream> side = arena.make(() -> SideStream.of(model.placement()));
    for (List<LayerPlan> alike : isOn() ? alike() : List.<List<LayerPlan>>of()) {
      LayerRun run = arena.make(() -> new LayerRun(model, alike, side, large));
      runs.add(run);
      for (int i = 0; i < alike.size(); i++) {
        plans.add(alike.get(i));
        places.put(alike.get(i).number(), new Place(run, i));
      }
    }
  }

  /** For the adapters that are attached now. The weights of layers that are served move. */
  public static FusedDecoder of(Decoder model) {
    return of(model, LARGE);
  }

  /** @param large values of a layer's input from which on a GPU works on two things beside each other */
  static FusedDecoder of(Decoder model, long large) {
    return new FusedDecoder(model, large);
  }

  /** Whether the fast way is taken at all. */
  static boolean isOn() {
    return Boolean.parseBoolean(System.getProperty("thanora.fused", "true"));
  }

  /** Layers that are served, those together that can be one run. */
  private List<List<LayerPlan>> alike() {
    List<List<LayerPlan>> all = new ArrayList<>();
    for (int layer = 0; layer < model.config().layers(); layer++) {
      Optional<LayerPlan> plan = LayerPlan.of(model, layer);
      if (plan.isPresent() && !goesOn(all, plan.get())) {
        all.add(new ArrayList<>());
      }
      plan.ifPresent(found -> all.get(all.size() - 1).add(found));
    }
    return all;
  }

  private boolean goesOn(List<List<LayerPlan>> all, LayerPlan next) {
    if (all.isEmpty()) {
      return false;
    }
    List<LayerPlan> longer = new ArrayList<>(all.get(all.size() - 1));
    boolean follows = longer.get(longer.size() - 1).number() + 1 == next.number();
    longer.add(next);
    return follows && !model.placement().isCpu() && longer.stream().mapToLong(plan -> plan.bytes(model)).sum() <= RUN && LayerPlan.areAlike(longer);
  }

  @Override
  public Optional<Tensor> apply(int layer, Tensor x, TokenBatch batch, Optional<Angles> angles) {
    Place place = places.get(layer);
    if (place == null || batch.tape().isEmpty() || !serves(batch)) {
      return Optional.empty();
    }
    return Optional.of(place.run.apply(place.index, x, batch, angles, batch.tape().get()));
  }

  /** Whether the adapters are as they were; asked once a batch, whatever its parts. */
  private boolean serves(TokenBatch batch) {
    if (batch.whole() != last) {
      last = batch.whole();
      runs.forEach(LayerRun::forget);
      serves = batch.members() == 1 && plans.stream().allMatch(plan -> plan.holds(model));
    }
    return serves;
  }

  /** How many layers of so many bytes are one run at most. */
  static long layersOfARun(long bytes, boolean gpu) {
    return gpu ? Math.max(1, RUN / bytes) : 1;
  }

  /** Numbers of the layers that it serves. */
  Set<Integer> layers() {
    return Collections.unmodifiableSet(places.keySet());
  }

  /** Frees what it holds; the weights stay where they are. */
  @Override
  public void close() {
    arena.close();
  }
}
