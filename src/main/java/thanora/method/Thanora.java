package thanora.method;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import thanora.hasi.HasiConfig;
import thanora.hasi.RankPlan;
import thanora.lora.Adapter;
import thanora.lora.AdapterForm;
import thanora.lora.BlockMasks;
import thanora.lora.LoraAdapter;
import thanora.lora.Penalty;
import thanora.lora.SprConfig;
import thanora.lora.SubspacePenalty;
import thanora.tensor.DType;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;

/**
 * ThanoRA: each task starts in a subspace of its own, of a rank that follows its complexity there
 * (HASI); the regulariser keeps the subspaces apart while training (SPR).
 *
 * <p>Source: Liang et al., arXiv 2505.18640.
 *
 * @param name for the plan: the preset the options come from
 */
public record Thanora(String name, HasiConfig hasi, SprConfig spr) implements AdapterMethod {
  /** A member to start. */
  public record Place(Thanora method, Setting setting, Adapter adapter, int member) {}

  @Override
  public AdapterForm form(Setting setting) {
    int frozenRows = hasi.startsAtZero() ? 0 : taskRows(setting);
    return new LoraAdapter.Form(setting.r(), frozenRows, setting.scaling(), Optional.empty());
  }

  /** Rows that belong to a task, in the module that has most of them. */
  private int taskRows(Setting setting) {
    int coop = hasi.ranks().coop() ? setting.r() / (setting.taskNames().size() + 1) : 0;
    return setting.givenPlan().stream().flatMap(plan -> plan.modules().stream())
        .mapToInt(module -> module.blocks().taskRows()).max().orElse(setting.r() - coop);
  }

  @Override
  public Optional<RankPlan> start(Setting setting, Adapter adapter, int member) {
    return Optional.of(start(List.of(new Place(this, setting, adapter, member))).get(0));
  }

  /**
   * Gives several members their starts; those that measure the same thing share the preview.
   *
   * @return their plans, in this order
   */
  public static List<RankPlan> start(List<Place> places) {
    Map<Object, List<Place>> byPreview = new LinkedHashMap<>();
    for (Place place : places) {
      byPreview.computeIfAbsent(
          List.of(place.method.hasi.preview().pass(), place.setting.previewRows()), key -> new ArrayList<>()).add(place);
    }
    Map<Place, RankPlan> plans = new LinkedHashMap<>();
    byPreview.values().forEach(group -> plans.putAll(new ThanoraStart(group).run()));
    return places.stream().map(plans::get).toList();
  }

  @Override
  public Penalty penalty(Adapter adapter, int member) {
    if (spr.lambda() == 0) {
      return Penalty.NONE;
    }
    LoraAdapter trained = (LoraAdapter) adapter;
    Placement placement = new Placement(adapter.device(), DType.F32);
    Map<Adapter.Stack, BlockMasks> masks = TensorScope.outside(() -> {
      Map<Adapter.Stack, BlockMasks> made = new LinkedHashMap<>();
      for (Adapter.Stack stack : adapter.stacks()) {
        made.put(stack, BlockMasks.of(
            stack.names().stream().map(name -> adapter.blocks(name, member)).toList(), spr, placement));
      }
      return made;
    });
    return (step, steps) -> {
      SubspacePenalty penalty = new SubspacePenalty(spr.at(step, steps), adapter.modules().size());
      return adapter.stacks().stream()
          .map(stack -> penalty.addTo(
              trained.a(stack, member), trained.bt(stack, member), masks.get(stack),
              trained.gradA(stack, member), trained.gradBt(stack, member)))
          .toList();
    };
  }
}
