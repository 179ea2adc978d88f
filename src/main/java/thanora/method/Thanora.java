package thanora.method;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import thanora.hasi.Hasi;
import thanora.hasi.HasiConfig;
import thanora.hasi.ModulePlan;
import thanora.hasi.PreviewPass;
import thanora.lora.Adapter;
import thanora.lora.BlockMasks;
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
 */
public final class Thanora implements AdapterMethod {
  private final String name;
  private final HasiConfig hasi;
  private final SprConfig spr;

  /**
   * The method with its options.
   *
   * @param name for the plan: the preset the options come from
   */
  public Thanora(String name, HasiConfig hasi, SprConfig spr) {
    this.name = name;
    this.hasi = hasi;
    this.spr = spr;
  }

  @Override
  public Start start(Setting setting) {
    Hasi initialisation =
        new Hasi(hasi, setting.taskNames(), setting.r(), setting.alpha(), setting.seed());
    Adapter adapter = empty(setting);
    List<ModulePlan> plans = new ArrayList<>();
    PreviewPass preview =
        new PreviewPass(setting.model(), hasi.preview(), Set.copyOf(setting.modules()));
    preview.run(setting.previewRows(), (layer, inputs) -> {
      List<Hasi.Module> modules = new ArrayList<>();
      for (PreviewPass.SharedInput input : inputs) {
        for (String module : input.modules()) {
          modules.add(new Hasi.Module(
              module, setting.model().projection(module).weight(), input.byTask()));
        }
      }
      try (TensorScope scope = TensorScope.open()) {
        List<Hasi.Result> results = setting.givenPlan().isPresent()
            ? initialisation.layer(modules, setting.givenPlan().get())
            : initialisation.layer(modules);
        for (Hasi.Result result : results) {
          adapter.set(result.plan().name(), result.factors());
          plans.add(result.plan());
        }
      }
      setting.layersDone().accept(layer + 1);
    });
    return new Start(adapter, Optional.of(initialisation.plan(name, setting.fingerprint(), plans)));
  }

  @Override
  public Adapter empty(Setting setting) {
    int frozenRows = hasi.startsAtZero() ? 0 : taskRows(setting);
    return Adapter.create(
        setting.model(), setting.modules(), setting.r(), frozenRows, setting.alpha());
  }

  /** Rows that belong to a task, in the module that has most of them. */
  private int taskRows(Setting setting) {
    int coop = hasi.ranks().coop() ? setting.r() / (setting.taskNames().size() + 1) : 0;
    return setting.givenPlan().stream().flatMap(plan -> plan.modules().stream())
        .mapToInt(module -> module.blocks().taskRows()).max().orElse(setting.r() - coop);
  }

  @Override
  public Penalty penalty(Adapter adapter) {
    if (spr.lambda() == 0) {
      return Penalty.NONE;
    }
    SubspacePenalty penalty = new SubspacePenalty(spr, adapter.modules().size());
    Map<Adapter.Stack, BlockMasks> masks = new LinkedHashMap<>();
    TensorScope.outside(() -> {
      for (Adapter.Stack stack : adapter.stacks()) {
        Placement placement = new Placement(adapter.device(), DType.F32);
        masks.put(stack, BlockMasks.of(
            stack.names().stream().map(adapter::blocks).toList(), spr.includeCoop(), placement));
      }
      return masks;
    });
    return trained -> {
      double value = 0;
      for (Adapter.Stack stack : trained.stacks()) {
        value += penalty
            .addTo(stack.a(), stack.bt(), masks.get(stack), stack.gradA(), stack.gradBt())
            .item_double();
      }
      return value;
    };
  }
}
